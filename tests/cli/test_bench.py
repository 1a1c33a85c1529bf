"""`assay bench`: every technique runs, proves itself, and refuses what would hurt."""
import json
import os
import resource
import stat
import time
import unittest
from pathlib import Path

from harness import (COULD_NOT, INCONCLUSIVE, INTERRUPTED, OK, SKIPPED, USAGE, WITHOUT_IO_URING, CliTest, as_nobody,
                     on_btrfs, on_small_disk)

STORAGE = ["storage.pread", "storage.direct", "storage.mmap", "storage.vectored", "storage.uring",
           "storage.uring.fixed-buffers", "storage.uring.fixed-files", "storage.uring.batched",
           "storage.stdio", "storage.posix-aio", "storage.libaio", "storage.uring.coop-taskrun",
           "storage.uring.defer-taskrun", "storage.uring.sqpoll"]
WRITERS = ["storage.write-fdatasync", "storage.uring.linked"]  # whatever --op says
OTHERS = ["copy.sendfile", "memory.hierarchy", "memory.base-pages", "memory.first-touch", "ipc.pipe", "ipc.shm-seqlock",
          "net.udp", "os.jitter", "os.housekeeping", "os.wakeup"]
QUICK = ["--duration", "200ms", "--rounds", "6"]
# A noisy machine may void a result (unsteady, migrated): that is an honest answer and not a failure here.
RAN = (OK, INCONCLUSIVE)


class Bench(CliTest):
    def bench(self, *arguments, codes=RAN, **options):
        document = self.json_of("bench", *arguments, *QUICK, codes=codes, **options)
        self.assertEqual((document["schema"], document["version"]), ("assay.bench", 1))
        return document["measurements"]

    def check_measurement(self, measurement):
        self.assertGreater(measurement["operations"], 0)
        self.assertEqual(measurement["errors"], 0)
        self.assertGreater(measurement["duration_ns"], 0)
        self.assertGreater(measurement["cpu_ns"], 0)
        latency = measurement["latency_ns"]
        order = [latency[key] for key in ("min", "p50", "p90", "p99", "p99_9", "p99_99", "max")]
        self.assertEqual(order, sorted(order))
        self.assertTrue(measurement["engaged"], measurement)
        interval = measurement["intervals"]["p99"]
        if interval is not None:
            self.assertLessEqual(interval["low"], interval["high"])
            self.assertLessEqual(interval["n_effective"], interval["n"])

    def test_every_technique(self):
        for technique in STORAGE + OTHERS:
            with self.subTest(technique):
                for measurement in self.bench(technique, "--size", "16MiB"):
                    self.assertEqual(measurement["technique"], technique)
                    self.check_measurement(measurement)
        self.assert_nothing_left()

    def test_latency_hierarchy(self):
        document = self.json_of("bench", "memory.hierarchy", *QUICK, codes=RAN)
        rows = {row["level"]: row for row in document["hierarchy"]}
        self.assertEqual(list(rows), ["l1", "l2", "l3", "dram", "remote", "syscall", "context-switch", "pipe",
                                      "socket", "storage"])
        self.assertEqual(rows["storage"]["technique"], "storage.direct")
        for level in ("l1", "dram", "syscall", "context-switch", "pipe", "socket", "storage"):
            self.assertGreater(rows[level]["p50_ns"] or 0, 0, rows[level])
            self.assertNotIn(rows[level]["verdict"], ("not measured", "nothing claimed"))
            self.assertTrue(rows[level]["claim"])
        if rows["remote"]["p50_ns"] is None:
            self.assertIn("no second NUMA node", rows["remote"]["reason"])
        self.assert_nothing_left()

    def test_latency_hierarchy_as_a_table_without_a_place_for_a_file(self):
        done = self.run_assay("bench", "memory.hierarchy", "--dir", str(self.files / "nowhere"), *QUICK)
        self.assertEqual(done.returncode, SKIPPED, done.stderr)
        table = done.stdout.split("TECHNIQUE")[0]
        for word in ("LATENCY HIERARCHY", "CLAIM", "l1", "remote", "pipe (ipc.pipe)", "storage (storage.direct)",
                     "60-100 ns a load", "nowhere"):
            self.assertIn(word, table)

    def test_one_step_is_no_hierarchy(self):
        document = self.json_of("bench", "memory.hierarchy", "--variant", "l1", *QUICK, codes=RAN)
        self.assertNotIn("hierarchy", document)
        done = self.run_assay("bench", "memory.hierarchy", "--variant", "l9", *QUICK)
        self.assertEqual(done.returncode, SKIPPED)
        self.assertIn("expected l1, l2, l3", done.stdout)

    # What this host cannot run is skipped with the reason and what would help; nothing is ever reserved for it.
    def test_memory_and_os_beside_their_baselines(self):
        reserved = Path("/proc/sys/vm/nr_hugepages")
        before = reserved.read_text() if reserved.exists() else ""
        for technique, baseline in (("memory.thp", "memory.base-pages"), ("memory.huge-2m", "memory.base-pages"),
                                    ("memory.huge-1g", "memory.base-pages"), ("memory.numa-local", "memory.hierarchy"),
                                    ("memory.prefault-lock", "memory.first-touch"),
                                    ("os.pinned", "os.unpinned"), ("os.realtime", "os.wakeup"),
                                    ("os.jitter", "os.housekeeping")):
            with self.subTest(technique):
                measurements = self.bench(technique, "--baseline", "--size", "4MiB", codes=(*RAN, SKIPPED))
                self.assertEqual([m["technique"] for m in measurements], [technique, baseline])
                for measurement in measurements:
                    if "skipped" in measurement:
                        self.assertTrue(measurement["remedy"], measurement)
                    else:
                        self.check_measurement(measurement)
        self.assertEqual(reserved.read_text() if reserved.exists() else "", before)

    # Whether false sharing shows is the machine's business; what the two layouts are is not.
    def test_padding(self):
        if len(os.sched_getaffinity(0)) < 2:
            self.skipTest("one CPU")
        padded, shared = self.bench("memory.padding", "--baseline")
        self.check_measurement(padded)
        self.assertEqual(shared["technique"], "memory.shared-line")
        self.assertIn("fields 8 bytes apart", shared["evidence"])
        self.assertIn("fields 128 bytes apart", padded["evidence"])
        self.assertTrue(padded["verified"] and shared["verified"])

    def test_timer(self):
        measurements = {m["parameters"]["variant"]: m for m in self.bench("os.timer")}
        for variant in ("monotonic", "monotonic-raw", "realtime"):
            self.check_measurement(measurements[variant])
        cpus = sorted(os.sched_getaffinity(0))
        if len(cpus) < 2:
            self.assertNotIn("sync", measurements)
            return
        pairs = [(a, b) for i, a in enumerate(cpus[:4]) for b in cpus[i + 1:4]]
        sync = self.bench("os.timer", "--variant", "sync", "--cpus", ",".join(map(str, cpus[:4])))[0]
        self.assertEqual([tuple(o["cpus"]) for o in sync["clock_offsets"]], pairs)

    def test_new_options_that_are_wrong(self):
        for arguments, word in ((("memory.thp", "--size", "3MiB"), "power of two"),
                                (("memory.huge-2m", "--size", "1MiB"), "power of two"),
                                (("memory.prefault-lock", "--size", "1"), "two pages"),
                                (("os.pinned", "--interval", "1h"), "interval"),
                                (("os.realtime", "--interval", "1ns"), "interval"),
                                (("os.timer", "--variant", "sundial"), "expected tsc, monotonic"),
                                (("os.timer", "--variant", "sync", "--cpus", "0"), "two CPUs or more"),
                                (("memory.padding", "--cpus", "0"), "give two with --cpus")):
            with self.subTest(arguments):
                done = self.run_assay("bench", *arguments, *QUICK)
                self.assertEqual(done.returncode, SKIPPED, done.stderr)
                self.assertIn(word, done.stdout)
        self.assert_fails(self.run_assay("bench", "os.timer", "--variant", "UPPER"), USAGE, "variant")
        self.assert_fails(self.run_assay("bench", "memory.thp", "--size", "many"), USAGE, "size")

    def test_what_an_ordinary_user_is_denied(self):
        def no_limits():
            for limit in (resource.RLIMIT_MEMLOCK, resource.RLIMIT_RTPRIO):
                resource.setrlimit(limit, (0, 0))

        for technique, words in (("os.realtime", ("SCHED_FIFO", "CAP_SYS_NICE")),
                                 ("memory.prefault-lock", ("lock memory", "memlock limit"))):
            with self.subTest(technique):
                done = self.run_assay("bench", technique, *QUICK, "--format", "json", preexec_fn=no_limits,
                                      **as_nobody())
                self.assertEqual(done.returncode, SKIPPED, done.stderr)
                measurement = json.loads(done.stdout)["measurements"][0]
                self.assertIn(words[0], measurement["skipped"])
                self.assertIn(words[1], measurement["remedy"])

    def test_writes(self):
        for technique in STORAGE:
            with self.subTest(technique):
                for measurement in self.bench(technique, "--op", "write", "--size", "16MiB"):
                    self.assertEqual(measurement["parameters"]["op"], "write")
                    self.check_measurement(measurement)
        self.assert_nothing_left()

    def test_what_only_writes(self):
        for technique in WRITERS:
            with self.subTest(technique):
                done = self.run_assay("bench", technique, "--op", "write", "--size", "16MiB", *QUICK, "--format", "json")
                self.assertIn(done.returncode, RAN, done.stderr)
                self.assertNotIn("ignored", done.stderr)
                measurement = json.loads(done.stdout)["measurements"][0]
                self.check_measurement(measurement)
                self.assertTrue(measurement["verified"])
        path = self.make_file("precious", 16 << 20)
        before = path.read_bytes()
        done = self.run_assay("bench", "storage.uring.linked", "--file", str(path))
        self.assertIn(done.returncode, (COULD_NOT, USAGE))
        self.assertIn("--destroy-data", done.stderr)
        self.assertEqual(path.read_bytes(), before)
        path.unlink()
        self.assert_nothing_left()

    def test_what_needs_another_host_says_so(self):
        for technique, word in (("storage.uring.passthrough", "NVMe"), ("storage.user-nvme", "NVMe")):
            with self.subTest(technique):
                measurement = self.bench(technique, "--size", "16MiB", codes=(SKIPPED,))[0]
                self.assertIn(word, measurement["skipped"])
                self.assertIn("--file", measurement["remedy"])

    def test_completion(self):
        for completion in ("poll", "hybrid"):
            with self.subTest(completion):
                measurement = self.bench("storage.uring", "--completion", completion, "--depth", "4", "--size", "16MiB")[0]
                self.assertEqual(measurement["parameters"]["completion"], completion)
                self.check_measurement(measurement)
        self.assert_fails(self.run_assay("bench", "storage.uring", "--completion", "sometimes"), USAGE,
                          "block or poll or hybrid")

    def test_another_baseline(self):
        measurements = self.bench("storage.uring", "--baseline=storage.posix-aio", "--depth", "4", "--size", "16MiB")
        self.assertEqual([m["technique"] for m in measurements], ["storage.uring", "storage.posix-aio"])
        self.assertEqual(measurements[1]["parameters"]["depth"], "4")
        self.assertEqual(measurements[0]["parameters"]["direct"], measurements[1]["parameters"]["direct"])
        self.assertTrue(measurements[1]["is_baseline"])
        for other, word in (("storage.nonsense", "no such technique"), ("storage.uring", "another technique"),
                            ("os.jitter", "of its area")):
            with self.subTest(other):
                self.assert_fails(self.run_assay("bench", "storage.uring", f"--baseline={other}"), USAGE, word)

    def test_baseline_is_interleaved(self):
        measurements = self.bench("storage.uring", "--baseline", "--size", "16MiB")
        self.assertEqual([m["technique"] for m in measurements], ["storage.uring", "storage.pread", "storage.posix-aio"])

    def test_copies_and_messages_beside_their_baselines(self):
        candidates = ["copy.sendfile", "copy.splice", "copy.copy-file-range", "copy.vmsplice", "copy.file-transfer",
                      "ipc.shm-ring", "ipc.shm-seqlock"]
        measurements = self.bench(*candidates, "--baseline", "--size", "8MiB")
        by_name = {}
        for measurement in measurements:
            self.check_measurement(measurement)
            self.assertTrue(measurement["verified"], measurement)
            by_name.setdefault(measurement["technique"], []).append(measurement)
        self.assertEqual(set(by_name), {*candidates, "copy.read-write", "copy.read-write-8k", "copy.write-pipe",
                                        "copy.copy-and-check", "ipc.unix"})
        # Into a socket, and into a file for copy_file_range; one socket for both rings and the seqlock.
        self.assertEqual([m["parameters"].get("variant", "") for m in by_name["copy.read-write"]], ["", "file"])
        self.assertEqual(by_name["copy.sendfile"][0]["parameters"]["block"], "128KiB")
        self.assertEqual([m["parameters"]["variant"] for m in by_name["ipc.shm-ring"]], ["spsc", "one-to-many"])
        self.assertEqual(len(by_name["ipc.unix"]), 1)
        transfer = by_name["copy.file-transfer"][0]["parameters"]
        self.assertEqual((transfer["block"], transfer["depth"]), ("1MiB", "8"))
        self.assert_nothing_left()

    def test_tcp_and_udp_on_one_host(self):
        for measurement in self.bench("ipc.tcp", "ipc.udp"):
            self.check_measurement(measurement)

    def test_copies_and_messages_refuse_what_makes_no_sense(self):
        for arguments, words in [
                (["copy.splice", "--variant", "rdma"], "unix or tcp or file"),
                (["copy.copy-file-range", "--variant", "unix"], "copy or reflink"),
                (["copy.vmsplice", "--block", "5000"], "multiple of"),
                (["copy.sendfile", "--block", "32MiB"], "16MiB"),
                (["copy.file-transfer", "--block", "5000"], "multiple of"),
                (["copy.file-transfer", "--depth", "65"], "1 to 64"),
                (["ipc.shm-ring", "--variant", "many-to-one"], "spsc or one-to-many"),
                (["ipc.shm-ring", "--message", "12"], "multiple of 8"),
                (["ipc.tcp", "--message", "1MiB"], "64KiB"), (["ipc.udp", "--message", "7"], "expected")]:
            with self.subTest(arguments):
                done = self.run_assay("bench", *arguments, "--size", "8MiB", *QUICK)
                self.assertEqual(done.returncode, SKIPPED, done.stdout + done.stderr)
                self.assertIn(words, done.stdout)

    def test_reflinks_are_told_from_copies(self):
        measurement = self.bench("copy.copy-file-range", "--size", "8MiB")[0]
        self.assertRegex(measurement["evidence"], "no block is shared|lie in shared blocks|does not tell")
        with_reflink = self.run_assay("bench", "copy.copy-file-range", "--variant", "reflink", "--size", "8MiB", *QUICK)
        self.assertIn(with_reflink.returncode, (*RAN, SKIPPED))
        if with_reflink.returncode == SKIPPED:
            self.assertIn("btrfs", with_reflink.stdout)

    def test_a_real_reflink_is_no_copy(self):
        wrapper = on_btrfs(self.files)
        if wrapper is None:
            self.skipTest("needs root, loop devices, btrfs in the kernel and btrfs-progs")
        run = ["copy.copy-file-range", "--size", "8MiB"]
        for variant in ([], ["--variant", "reflink"]):
            measurement = self.bench(*run, *variant, wrapper=wrapper)[0]
            self.assertTrue(measurement["engaged"], measurement)
            self.assertIn("reflinked: 8MiB of 8MiB lie in shared blocks", measurement["evidence"])
        measurement = self.bench(*run, "--variant", "copy", codes=(INCONCLUSIVE,), wrapper=wrapper)[0]
        self.assertFalse(measurement["engaged"], "blocks are shared: that is no copy")

    def test_transfers_without_io_uring_are_skipped_with_the_remedy(self):
        done = self.run_assay("bench", "copy.file-transfer", "--size", "8MiB", *QUICK, wrapper=[WITHOUT_IO_URING])
        self.assertEqual(done.returncode, SKIPPED, done.stdout + done.stderr)
        self.assertIn("io_uring", done.stdout)

    def test_only_what_was_asked(self):
        self.assertEqual(len(self.bench("storage.uring", "--size", "16MiB")), 1)

    def test_parameters_come_back(self):
        measurement = self.bench("storage.uring", "--depth", "8", "--block", "16KiB", "--pattern", "sequential",
                                 "--size", "16MiB")[0]
        parameters = measurement["parameters"]
        self.assertEqual((parameters["depth"], parameters["block"], parameters["pattern"]), ("8", "16KiB", "sequential"))

    def test_parameter_that_a_technique_does_not_take(self):
        done = self.run_assay("bench", "storage.pread", "--depth", "32", "--size", "16MiB", "--duration", "50ms")
        self.assertIn("storage.pread takes no depth: ignored", done.stderr)
        self.assertNotIn("d32", done.stdout)

    def test_every_cpu_in_turn(self):
        for cpu in sorted(os.sched_getaffinity(0))[:4]:
            with self.subTest(cpu=cpu):
                measurement = self.bench("storage.uring.batched", "--cpus", str(cpu), "--size", "16MiB", "--depth", "16")[0]
                self.check_measurement(measurement)

    def test_a_given_file(self):
        path = self.make_file("data", 8 << 20)
        before = path.read_bytes()
        self.check_measurement(self.bench("storage.pread", "--file", str(path))[0])
        self.assertEqual(path.read_bytes(), before)

    def test_missing_file(self):
        done = self.run_assay("bench", "storage.pread", "--file", str(self.files / "missing"))
        self.assert_fails(done, COULD_NOT, "missing", "No such file")

    def test_directory_that_is_not_there(self):
        done = self.run_assay("bench", "storage.pread", "--dir", str(self.files / "nowhere"))
        self.assert_fails(done, COULD_NOT, "nowhere")

    def test_file_too_small(self):
        path = self.make_file("small", 4096)
        done = self.run_assay("bench", "storage.pread", "--file", str(path), "--block", "64KiB")
        self.assertIn(done.returncode, (SKIPPED, COULD_NOT, USAGE))
        self.assertIn("64KiB", done.stdout + done.stderr)

    def test_mapped_file_that_becomes_shorter(self):
        path = self.make_file("log", 32 << 20)
        process = self.start_assay("bench", "storage.mmap", "--file", str(path), "--duration", "20s")
        maps = Path(f"/proc/{process.pid}/maps")
        while process.poll() is None and path.name not in maps.read_text():
            time.sleep(0.01)
        os.truncate(path, 0)
        _, error = process.communicate(timeout=120)
        # In a block or between two: either way it ends by itself and says what was wrong with the file.
        self.assertGreater(process.returncode, 0, error)
        self.assertIn("file", error)

    def test_sparse_file(self):
        path = self.files / "sparse"
        with open(path, "wb") as out:
            out.truncate(16 << 20)
        done = self.run_assay("bench", "storage.pread", "--file", str(path))
        self.assertIn(done.returncode, (COULD_NOT, USAGE))
        self.assertIn("sparse", done.stderr)

    def test_foreign_file_is_not_written(self):
        path = self.make_file("precious", 16 << 20)
        before = path.read_bytes()
        done = self.run_assay("bench", "storage.pread", "--op", "write", "--file", str(path))
        self.assertIn(done.returncode, (COULD_NOT, USAGE))
        self.assertIn("--destroy-data", done.stderr)
        self.assertEqual(path.read_bytes(), before)

    def test_foreign_file_with_leave(self):
        path = self.make_file("scratch", 16 << 20)
        measurement = self.bench("storage.pread", "--op", "write", "--file", str(path), "--destroy-data")[0]
        self.assertGreater(measurement["operations"], 0)

    @unittest.skipUnless(os.geteuid() == 0, "opening block devices needs root")
    def test_block_device_is_not_written(self):
        device = next((f"/dev/{name}" for name in sorted(os.listdir("/sys/block"))
                       if os.path.exists(f"/dev/{name}") and stat.S_ISBLK(os.stat(f"/dev/{name}").st_mode)), None)
        if device is None:
            self.skipTest("this host shows no block device")
        done = self.run_assay("bench", "storage.pread", "--op", "write", "--file", device)
        self.assertIn(done.returncode, (COULD_NOT, USAGE))
        self.assertIn("--destroy-data", done.stderr)

    def test_read_only_file(self):
        path = self.make_file("frozen", 16 << 20)
        os.chmod(path, 0o444)
        done = self.run_assay("bench", "storage.pread", "--op", "write", "--file", str(path), "--destroy-data",
                              **as_nobody())
        self.assert_fails(done, COULD_NOT, "Permission denied")

    def test_unreadable_file(self):
        path = self.make_file("secret", 16 << 20)
        os.chmod(path, 0o000)
        done = self.run_assay("bench", "storage.pread", "--file", str(path), **as_nobody())
        self.assert_fails(done, COULD_NOT, "Permission denied")

    def test_full_disk(self):
        wrapper = on_small_disk(8, self.files)
        if wrapper is None:
            self.skipTest("no mount namespace can be made here (needs unshare and privilege)")
        done = self.run_assay("bench", "storage.pread", "--size", "64MiB", wrapper=wrapper)
        self.assert_fails(done, COULD_NOT, "64")

    def test_without_io_uring(self):
        done = self.run_assay("bench", "storage.uring", "--size", "8MiB", wrapper=[WITHOUT_IO_URING])
        self.assertEqual(done.returncode, SKIPPED, done.stderr)
        self.assertIn("io_uring_setup: Operation not permitted", done.stdout + done.stderr)

    def test_low_memlock(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))

        done = self.run_assay("bench", "storage.uring.fixed-buffers", "--size", "8MiB", "--format", "json",
                              preexec_fn=limit, **as_nobody())
        measurement = json.loads(done.stdout)["measurements"][0]
        if done.returncode == SKIPPED:
            self.assertIn("memlock", measurement["skipped"] + measurement.get("remedy", ""))
        else:
            self.assertTrue(measurement["engaged"])  # kernels that count the pages elsewhere

    def test_cpu_that_is_not_there(self):
        done = self.run_assay("bench", "os.jitter", "--cpus", "4095")
        self.assertIn(done.returncode, (SKIPPED, COULD_NOT, USAGE))
        self.assertIn("4095", done.stdout + done.stderr)

    def test_interrupt(self):
        process = self.start_assay("bench", "storage.pread", "--size", "16MiB", "--duration", "60s", "--format", "json")
        try:
            process.wait(timeout=4)
        except Exception:
            pass
        output, _ = self.interrupt(process)
        self.assertEqual(process.returncode, INTERRUPTED)
        self.assertTrue(json.loads(output)["partial"])
        self.assert_nothing_left()
