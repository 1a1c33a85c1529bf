"""`assay bench`: every technique runs, proves itself, and refuses what would hurt."""
import json
import os
import resource
import stat
import time
import unittest
from pathlib import Path

from harness import (COULD_NOT, INCONCLUSIVE, INTERRUPTED, OK, SKIPPED, USAGE, WITHOUT_IO_URING, CliTest, as_nobody,
                     on_small_disk)

STORAGE = ["storage.pread", "storage.direct", "storage.mmap", "storage.vectored", "storage.uring",
           "storage.uring.fixed-buffers", "storage.uring.fixed-files", "storage.uring.batched",
           "storage.stdio", "storage.posix-aio", "storage.libaio", "storage.uring.coop-taskrun",
           "storage.uring.defer-taskrun", "storage.uring.sqpoll"]
WRITERS = ["storage.write-fdatasync", "storage.uring.linked"]  # whatever --op says
OTHERS = ["copy.sendfile", "memory.hierarchy", "ipc.pipe", "ipc.shm-seqlock", "net.udp", "os.jitter", "os.wakeup"]
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
        self.assertEqual([m["technique"] for m in measurements], ["storage.uring", "storage.pread"])

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
