"""The lab's parts without a guest: archives, the cache, apt's sources, and how a guest's end is told."""
import os
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import unittest
import unittest.mock
from pathlib import Path

from hosts import archive, cache, errors, guest, kernels, packages, programs

LAB = Path(__file__).resolve().parent / "lab"


class InCache(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)
        patch = unittest.mock.patch.dict(os.environ, {"ASSAY_LAB_CACHE": scratch.name})
        patch.start()
        self.addCleanup(patch.stop)


class Cpio(unittest.TestCase):
    def test_what_goes_in_comes_out(self):
        made = archive.Archive()
        made.file("/a/b/run", b"echo hello\n", 0o755)
        made.link("a/link", "b/run")
        made.file("/a/b/run", b"a second one is ignored")
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run(["busybox", "cpio", "-idm"], cwd=folder, input=made.bytes(), check=True,
                           capture_output=True)
            out = Path(folder) / "a/b/run"
            self.assertEqual(out.read_bytes(), b"echo hello\n")
            self.assertEqual(out.stat().st_mode & 0o777, 0o755)
            self.assertEqual(os.readlink(Path(folder) / "a/link"), "b/run")

    def test_records_are_padded_so_that_archives_can_be_joined(self):
        made = archive.Archive()
        made.file("x", b"odd")
        self.assertEqual(len(made.bytes()) % 4, 0)


class Cache(InCache):
    def test_a_thing_is_made_once(self):
        made = []

        def write(path):
            made.append(path)
            path.write_text("content")

        for _ in range(2):
            self.assertEqual(cache.make_file(self.folder / "things/x", write).read_text(), "content")
        self.assertEqual(len(made), 1)

    def test_what_nobody_used_for_long_goes_when_something_new_is_made(self):
        for name in ("old", "used", "new"):
            if name == "new":
                for other in ("old", "used"):
                    os.utime(self.folder / "things" / other, (0, 0))
                cache.make_file(self.folder / "things/used", Path.touch)
            cache.make_file(self.folder / "things" / name, Path.touch)
        self.assertEqual(sorted(p.name for p in (self.folder / "things").iterdir()), ["new", "used"])

    def test_half_a_thing_is_never_seen(self):
        def write(path):
            path.write_text("half")
            raise errors.LabError("interrupted")

        with self.assertRaises(errors.LabError):
            cache.make_file(self.folder / "things/x", write)
        self.assertEqual(list((self.folder / "things").iterdir()), [])

    def test_folders_of_killed_runs_are_swept_and_others_are_not(self):
        left = self.folder / "runs/left"
        left.mkdir(parents=True)
        (left / "lock").write_text("")
        with cache.run_folder() as first:
            self.assertFalse(left.exists())
            with cache.run_folder():
                self.assertTrue(first.exists())
        self.assertFalse(first.exists())


class Apt(unittest.TestCase):
    def test_suites_come_from_the_hosts_own_archive(self):
        text = packages.sources_text([("http://mirror/debian/", "bookworm", ""),
                                      ("http://mirror/debian/", "bookworm-updates", ""),
                                      ("http://mirror/security/", "bookworm-security", ""),
                                      ("http://other/", "nodistro", "")])
        self.assertIn("deb http://mirror/debian/ bookworm-backports main\n", text)
        self.assertIn("deb http://mirror/security/ bookworm-security main\n", text)
        self.assertNotIn("other", text)

    def test_a_host_without_debian_is_told_what_to_do(self):
        with self.assertRaisesRegex(errors.LabError, "apt-get update"):
            packages.sources_text([("http://other/", "noble", "")])


class Kernels(unittest.TestCase):
    def test_modules_are_named_without_place_and_compression(self):
        self.assertEqual(kernels.module_name("kernel/drivers/vfio/vfio-pci.ko.xz"), "vfio_pci")

    def test_plain_data_is_left_alone(self):
        self.assertEqual(kernels.unpack(b"\x7fELFx"), b"\x7fELFx")


class Ends(InCache):
    """Programs in QEMU's place: what the lab says of their ends."""

    def run_in_place(self, script, timeout_s=20.0):
        return guest.run([sys.executable, "-c", script], self.folder, timeout_s)

    def test_the_guests_own_code_and_files_come_back(self):
        with tarfile.open(self.folder / "made.tar", "w") as out:
            for name, text in (("code", "3\n"), ("dmesg", "hello\n")):
                (self.folder / name).write_text(text)
                out.add(self.folder / name, f"./{name}")
        result = self.run_in_place(
            f"import shutil; shutil.copy(r'{self.folder}/made.tar', r'{self.folder}/out.tar')")
        self.assertEqual((result.code, result.files), (3, {"dmesg": b"hello\n"}))

    def test_no_answer_is_125_with_the_reason(self):
        result = self.run_in_place("import sys; print('no such device'); sys.exit(1)")
        self.assertEqual(result.code, errors.NO_RESULT)
        self.assertIn("QEMU ended with 1", result.reason)
        self.assertIn("no such device", result.reason)

    def test_a_hung_guest_is_killed(self):
        result = self.run_in_place("import time; time.sleep(600)", timeout_s=0.2)
        self.assertEqual(result.code, errors.NO_RESULT)
        self.assertIn("killed after 0.2 s", result.reason)

    def test_only_qemus_own_abort_is_tried_again(self):
        for end, times in (("os.abort()", 2), ("sys.exit(1)", 1)):
            (self.folder / "count").write_text("")
            with unittest.mock.patch("sys.stderr"):
                self.run_in_place(f"import os, sys; open(r'{self.folder}/count', 'a').write('x'); {end}")
            self.assertEqual(len((self.folder / "count").read_text()), times, end)

    def test_qemu_does_not_outlive_the_lab(self):
        for number, folders_left in ((signal.SIGKILL, 1), (signal.SIGINT, 0), (signal.SIGTERM, 0)):
            pid = self.end_a_lab_by(number)
            self.assertFalse(is_running(pid), number)
            self.assertEqual(len(list((self.folder / "runs").iterdir())), folders_left, number)

    def end_a_lab_by(self, number):
        """Starts a stand-in that sleeps, ends the lab by a signal, and returns the stand-in's process id."""
        told = self.folder / "pid"
        told.unlink(missing_ok=True)
        stand_in = f"import os, time; open(r'{told}', 'w').write(str(os.getpid())); time.sleep(600)"
        script = f"""
import sys
sys.path.insert(0, r"{LAB.parent}")
from hosts import cache, guest, interrupts
interrupts.unwind()
with cache.run_folder() as folder:
    guest.run([sys.executable, "-c", {stand_in!r}], folder, 600)
"""
        lab = subprocess.Popen([sys.executable, "-B", "-c", script], stderr=subprocess.DEVNULL)
        try:
            while not told.exists() or not told.read_text():
                self.assertIsNone(lab.poll())
                time.sleep(0.01)
            lab.send_signal(number)
            lab.wait(60)
        finally:
            lab.kill()
        pid = int(told.read_text())
        for _ in range(1000):  # the kernel delivers the last signal in its own time
            if not is_running(pid):
                break
            time.sleep(0.01)
        return pid


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except FileNotFoundError:
        return False


class CommandLine(InCache):
    def lab(self, *words, path=None):
        environment = {**os.environ, "PATH": path if path is not None else os.environ["PATH"]}
        return subprocess.run([sys.executable, "-B", LAB, *words], env=environment, text=True,
                              capture_output=True)

    def test_a_machine_without_qemu_is_told_how_to_get_it(self):
        done = self.lab("run", "basic", "--", "true", path=str(self.folder))
        self.assertEqual(done.returncode, errors.SKIPPED)
        self.assertIn("scripts/install-packages lab", done.stderr)

    def test_an_unknown_kind_is_wrong_usage(self):
        done = self.lab("run", "basics", "--", "true")
        self.assertEqual(done.returncode, errors.WRONG_USAGE)
        self.assertIn("numa2", done.stderr)


class Programs(unittest.TestCase):
    def test_only_the_newest_builds_of_a_program_are_kept(self):
        with tempfile.TemporaryDirectory() as folder:
            for age in range(9):
                for name in ("assay", "assay-old"):
                    path = Path(folder) / f"{name}-{cache.digest(age)}"
                    path.write_bytes(b"x")
                    os.utime(path, (1000 - age, 1000 - age))
            programs.forget_older(Path(folder), "assay", keep=3)
            left = {path.name for path in Path(folder).iterdir()}
            self.assertEqual({f"assay-{cache.digest(age)}" for age in range(3)}
                             | {f"assay-old-{cache.digest(age)}" for age in range(9)}, left)


if __name__ == "__main__":
    unittest.main()
