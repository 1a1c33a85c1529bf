"""`assay gather`, and every read-only command on what it made."""
import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import tarfile
import time
from pathlib import Path

from harness import COULD_NOT, INTERRUPTED, NOT_AS_WANTED, OK, PROGRAM, SKIPPED, SOURCE, USAGE, CliTest, as_nobody, \
    on_small_disk

EVALUATED = (OK, NOT_AS_WANTED, SKIPPED)

# What changes between two looks at the same machine; docs/captures.md has the same table.
VOLATILE = {
    "host.load_1m", "memory.free_bytes", "memory.available_bytes", "memory.swap_free_bytes",
    "memory.swaps.*.used_bytes", "memory.huge_pages.*.free", "memory.huge_pages.*.surplus",
    "topology.nodes.*.memory_free_bytes", "topology.nodes.*.huge_pages.*.free",
    "topology.nodes.*.huge_pages.*.surplus", "topology.cpus.*.frequency.current_khz",
    "interrupts.irqs.*.counts.*", "interrupts.named.*.*", "interrupts.irqs.*.effective",
    "nvme.*.temperature_celsius", "environment.steal_percent", "time.offset_ns",
    "time.estimated_error_us", "time.maximum_error_us", "time.frequency_ppb", "digests.state",
    "environment.group_limits.memory_current_bytes", "environment.group_limits.pids_current",
    "environment.group_limits.throttled_periods", "limits.aio_nr", "memory.huge_pages.*.reserved",
    "net.*.errors.*",
}
# What stands in for something that identifies the host.
IDENTITY = {
    "host.name", "environment.machine_id_hash", "environment.cgroup", "kernel.boot_id",
    "kernel.command_line", "interrupts.irqs.*.actions.*", "interrupts.irqs.*.target", "net.*.name", "net.*.address_hash",
    "net.*.target", "block.*.serial_hash", "block.*.target", "nvme.*.serial_hash", "mounts.*.point", "mounts.*.source",
    "mounts.*.options", "storage.*.path", "storage.*.mount_point", "storage.*.source", "storage.*.drives.*",
    "environment.provenance.*.value", "block.*.mapped_name", "block.*.backing_file", "memory.swaps.*.path", "digests.identity", "digests.configuration",
}


def differences(here, there, path=""):
    """Paths at which two documents differ, elements of lists and numbered keys as '*'."""
    if isinstance(here, dict) and isinstance(there, dict):
        for key in here.keys() | there.keys():
            name = "*" if path == "interrupts.named" else key
            yield from differences(here.get(key), there.get(key), f"{path}.{name}" if path else name)
    elif isinstance(here, list) and isinstance(there, list) and len(here) == len(there):
        for a, b in zip(here, there):
            yield from differences(a, b, f"{path}.*")
    elif here != there:
        yield path


def words_of_this_host():
    """What must not stand in a capture: addresses, names and numbers of this machine."""
    words = set()
    for address in Path("/sys/class/net").glob("*/address"):
        words.add(address.read_text().strip())
    with open("/proc/net/fib_trie") as table:
        words |= set(re.findall(r"\d+\.\d+\.\d+\.\d+", table.read()))
    if os.path.exists("/proc/net/if_inet6"):
        with open("/proc/net/if_inet6") as table:
            for line in table:
                words.add(socket.inet_ntop(socket.AF_INET6, bytes.fromhex(line.split()[0])))
    for path in ("/etc/machine-id", "/proc/sys/kernel/random/boot_id", "/sys/class/dmi/id/product_serial",
                 "/sys/class/dmi/id/product_uuid", "/sys/class/dmi/id/board_serial", "/etc/hostname"):
        try:
            words.add(Path(path).read_text().strip())
        except OSError:
            pass
    for pattern in ("block/*/serial", "block/*/device/serial", "block/*/device/wwid", "class/nvme/*/serial"):
        for path in Path("/sys").glob(pattern):
            words.add(path.read_text().strip())
    uuids = re.findall(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", Path("/proc/cmdline").read_text())
    # Nobody's: no number at all, the loopback, masks and whole networks; words as short as a kernel's.
    return {word for word in words | set(uuids)
            if len(word) > 4 and word.strip("0:.- ") and not re.match(r"127\.|255\.|0\.|ff|::1$|.*\.0$|.*\.255$", word)}


class Gather(CliTest):
    def setUp(self):
        super().setUp()
        self.capture = self.directory / "capture.tar.zst"

    def gather(self, *arguments, **options):
        return self.run_assay("gather", "--out", str(self.capture), *arguments, **options)

    def unpacked(self):
        """Names and contents of the capture, through tar and zstd where they are installed."""
        if not shutil.which("zstd"):
            self.skipTest("zstd is not installed")
        plain = self.directory / "capture.tar"
        subprocess.run(["zstd", "-dqf", str(self.capture), "-o", str(plain)], check=True)
        with tarfile.open(plain) as archive:
            for member in archive:
                content = archive.extractfile(member).read() if member.isfile() else member.linkname.encode()
                yield member, content

    @staticmethod
    def rows_of(document):
        # These follow counters and free memory.
        moving = {"container.steal": ("configured", "effective"), "memory.dirty-bytes": ("effective",),
                  "memory.dirty-background-bytes": ("effective",)}
        return [{key: row[key] for key in ("id", "configured", "effective", "outcome")
                 if key not in moving.get(row["id"], ())} for row in document["settings"]]

    def test_probe_says_the_same(self):
        self.assertEqual(self.gather().returncode, OK)
        here, there = self.json_of("probe"), self.json_of("probe", "--root", str(self.capture))
        self.assertEqual(set(differences(here, there)) - VOLATILE - IDENTITY, set())

    def test_with_identity_only_what_moves_differs(self):
        self.assertEqual(self.gather("--with-identity").returncode, OK)
        here, there = self.json_of("probe"), self.json_of("probe", "--root", str(self.capture))
        self.assertEqual(set(differences(here, there)) - VOLATILE, set())
        self.assertEqual(self.capture.stat().st_mode & 0o077, 0, "it is for its owner alone")

    def test_check_says_the_same(self):
        self.assertEqual(self.gather().returncode, OK)
        for profile in ("default", "low-latency", "nvme-throughput", "realtime"):
            with self.subTest(profile):
                here = self.json_of("check", profile, codes=EVALUATED)
                there = self.json_of("check", profile, "--root", str(self.capture), codes=EVALUATED)
                self.assertEqual(self.rows_of(here), self.rows_of(there))

    def test_techniques_and_explain_take_it(self):
        self.assertEqual(self.gather("--with-identity").returncode, OK)
        here, there = (self.json_of("techniques", *root) for root in ((), ("--root", str(self.capture))))
        # What is measured is this machine, never a capture: the techniques are there, and say so.
        ids = [[row["id"] for row in document["techniques"]] for document in (here, there)]
        self.assertEqual(*ids)
        done = self.run_assay("explain", "cpu.governor", "--root", str(self.capture))
        self.assertEqual(done.returncode, OK, done.stderr)

    def test_nothing_of_this_host_is_in_it(self):
        words = words_of_this_host()
        self.assertGreater(len(words), 2, "there is something to look for")
        self.assertEqual(self.gather().returncode, OK)
        for member, content in self.unpacked():
            for word in words:
                self.assertNotIn(word, member.name)
                self.assertNotIn(word.encode(), content, f"{word} in {member.name}")

    def test_a_host_name_is_nowhere(self):
        name = "gather-test-host-7f3a"
        if subprocess.run(["unshare", "-u", "true"], capture_output=True).returncode != 0:
            self.skipTest("no UTS namespaces here")
        wrapper = ["unshare", "-u", "sh", "-c", f'hostname {name} && exec "$@"', "sh"]
        self.assertEqual(self.gather(wrapper=wrapper).returncode, OK)
        for member, content in self.unpacked():
            self.assertNotIn(name.encode(), content, member.name)
        self.assertEqual(self.gather("--with-identity", "--force", wrapper=wrapper).returncode, OK)
        there = self.json_of("probe", "--root", str(self.capture))
        self.assertEqual(there["host"]["name"], name)

    def test_members_are_plain(self):
        self.assertEqual(self.gather().returncode, OK)
        for member, _ in self.unpacked():
            self.assertTrue(member.isfile() or member.isdir() or member.issym(), member.name)
            self.assertFalse(member.name.startswith("/") or ".." in member.name.split("/"), member.name)
            self.assertEqual((member.uid, member.gid, member.mtime, member.uname), (0, 0, 0, ""), member.name)

    def test_ordinary_user(self):
        os.chmod(self.directory, 0o777)
        done = self.gather(**as_nobody())
        self.assertEqual(done.returncode, OK, done.stderr)
        here = self.json_of("probe", **as_nobody())
        there = self.json_of("probe", "--root", str(self.capture))
        self.assertEqual(set(differences(here, there)) - VOLATILE - IDENTITY, set())
        if here["unreadable"]:
            self.assertIn("could not be read", done.stdout)

    def test_summary(self):
        document = json.loads(self.gather("--format", "json").stdout)
        self.assertEqual((document["schema"], document["version"]), ("assay.gather", 1))
        self.assertEqual(document["size_bytes"], self.capture.stat().st_size)
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not installed")
        schema = json.loads((SOURCE / "docs/schemas/gather.schema.json").read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(document, schema)
        broken = dict(document, surprise=1)
        with self.assertRaises(jsonschema.ValidationError):
            jsonschema.validate(broken, schema)

    def test_an_existing_file_stays(self):
        self.capture.write_text("mine")
        self.assert_fails(self.gather(), COULD_NOT, str(self.capture), "--force")
        self.assertEqual(self.capture.read_text(), "mine")
        self.assertEqual(self.gather("--force").returncode, OK)
        self.assertNotEqual(self.capture.read_bytes()[:4], b"mine")
        self.capture.unlink()
        self.capture.mkdir()
        self.assert_fails(self.gather("--force"), COULD_NOT, str(self.capture))

    def test_wrong_names(self):
        self.assert_fails(self.run_assay("gather", "--out", str(self.files / "x.zip")), USAGE, ".tar.zst")
        self.assert_fails(self.run_assay("gather", "--out", "/nowhere/at/all/x.tar.zst"), COULD_NOT, "/nowhere/at/all")
        self.assert_fails(self.run_assay("gather", "--root", "/nowhere/at/all"), COULD_NOT, "/nowhere/at/all")
        self.assert_nothing_left()

    def test_full_disk(self):
        wrapper = on_small_disk(0, self.files)
        if wrapper is None:
            self.skipTest("no mount namespaces here")
        script = ('mount -t tmpfs -o size=8k assay-test "$0" && "$@"; code=$?; ls -A "$0" >&2; exit $code')
        wrapper[wrapper.index("-c") + 1] = script
        done = self.run_assay("gather", "--out", str(self.files / "x.tar.zst"), wrapper=wrapper)
        self.assertEqual(done.returncode, COULD_NOT, done.stderr)
        self.assertIn("No space left", done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, f"something is left: {done.stderr}")

    def test_interrupted(self):
        for delay in (0.0, 0.005, 0.02):
            out = self.files / "x.tar.zst"
            out.unlink(missing_ok=True)
            process = self.start_assay("gather", "--out", str(out))
            time.sleep(delay)
            _, errors = self.interrupt(process)
            # It may have come before the handler, or after the end.
            self.assertIn(process.returncode, (OK, INTERRUPTED, -signal.SIGINT), errors)
            if process.returncode != OK:
                self.assert_nothing_left()
            self.assertLessEqual(len(list(self.files.iterdir())), 1)

    def test_silent_unless_on_a_terminal(self):
        self.assertEqual(self.gather().stderr, "")
        terminal, process_end = pty.openpty()
        subprocess.run([PROGRAM, "gather", "--out", str(self.capture), "--force"], stderr=process_end,
                       stdout=subprocess.DEVNULL, env=self.environment, check=True)
        os.close(process_end)
        self.assertIn(b"reading", os.read(terminal, 4096))
        os.close(terminal)


class Archives(CliTest):
    """`--root` takes the file itself, and trusts none."""

    def setUp(self):
        super().setUp()
        self.environment["TMPDIR"] = str(self.files)

    def make(self, *members, suffix="bz2"):
        path = self.directory / f"made.tar.{suffix}"
        with tarfile.open(path, f"w:{suffix}") as archive:
            for member in members:
                archive.addfile(member)
        return path

    def member(self, name, kind=tarfile.REGTYPE, link=""):
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, link
        return info

    def test_other_compressions(self):
        for suffix in ("bz2", "gz", "xz"):
            with self.subTest(suffix):
                document = self.json_of("probe", "--root", str(self.make(self.member("host/sys/x"), suffix=suffix)))
                self.assertEqual(document["net"], [])
        self.assert_nothing_left()

    def test_hostile_members(self):
        for member in (self.member("/etc/passwd"), self.member("a/../../x"), self.member("hard", tarfile.LNKTYPE, "a"),
                       self.member("dev", tarfile.BLKTYPE), self.member("fifo", tarfile.FIFOTYPE),
                       self.member("out", tarfile.SYMTYPE, "/etc/passwd"),
                       self.member("out", tarfile.SYMTYPE, "../../etc/passwd")):
            with self.subTest(f"{member.name} {member.linkname}"):
                self.assert_fails(self.run_assay("probe", "--root", str(self.make(member))), USAGE, member.name)
                self.assert_nothing_left()

    def test_a_bomb(self):
        path = self.directory / "bomb.tar.bz2"
        with tarfile.open(path, "w:bz2") as archive:
            info = tarfile.TarInfo("zeros")
            info.size = 80 << 20
            with open("/dev/zero", "rb") as zeros:
                archive.addfile(info, zeros)
        self.assert_fails(self.run_assay("probe", "--root", str(path)), USAGE, "longer")
        self.assert_nothing_left()

    def test_not_an_archive(self):
        path = self.make_file("noise.tar.zst", 4096)
        self.assert_fails(self.run_assay("probe", "--root", str(path)), USAGE, "noise.tar.zst")
        path.unlink()
        self.assert_nothing_left()
