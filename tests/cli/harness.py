"""Runs the program as a user would and looks at what comes back."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

PROGRAM = os.environ["ASSAY"]
WITHOUT_IO_URING = os.environ.get("WITHOUT_IO_URING", "")
SOURCE = Path(os.environ["ASSAY_SOURCE_DIR"])
NOBODY = 65534

OK, NOT_AS_WANTED, INCONCLUSIVE, SKIPPED, COULD_NOT, USAGE, INTERRUPTED = 0, 1, 2, 3, 4, 64, 130


class CliTest(unittest.TestCase):
    """Each test has an empty directory of its own, which holds its store and its test files."""

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(prefix="assay-test-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        self.files = self.directory / "files"
        self.files.mkdir()
        os.chmod(self.directory, 0o755)
        os.chmod(self.files, 0o777)
        self.environment = dict(os.environ, ASSAY_STORE=str(self.directory / "store.db"),
                                ASSAY_DIR=str(self.files), HOME=str(self.directory))

    def run_assay(self, *arguments, wrapper=(), timeout=300, **options):
        return subprocess.run([*wrapper, PROGRAM, *arguments], capture_output=True, text=True, timeout=timeout,
                              env=self.environment, stdin=subprocess.DEVNULL, **options)

    def start_assay(self, *arguments):
        return subprocess.Popen([PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=self.environment, stdin=subprocess.DEVNULL)

    def interrupt(self, process, timeout=60):
        process.send_signal(signal.SIGINT)
        return process.communicate(timeout=timeout)

    def json_of(self, *arguments, codes=(OK,), **options):
        done = self.run_assay(*arguments, "--format", "json", **options)
        self.assertIn(done.returncode, codes, done.stderr + done.stdout[:2000])
        return json.loads(done.stdout)

    def assert_fails(self, done, code, *words):
        """One clear message on stderr, nothing on stdout but what was asked for."""
        self.assertEqual(done.returncode, code, f"stderr: {done.stderr}\nstdout: {done.stdout[:2000]}")
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertNotIn("terminate called", done.stderr)

    def assert_nothing_left(self):
        self.assertEqual(list(self.files.iterdir()), [])

    def make_file(self, name, size, seed=b"x"):
        path = self.files / name
        with open(path, "wb") as out:
            while size > 0:
                out.write(os.urandom(min(size, 1 << 20)))
                size -= 1 << 20
        return path


def as_nobody():
    """Keyword arguments that run the program as an ordinary user."""
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


def on_small_disk(megabytes, directory):
    """A wrapper that gives the program a file system of its own at `directory`, or None."""
    script = f'mount -t tmpfs -o size={megabytes}m assay-test "$0" && shift 0 && exec "$@"'
    for unshare in (["unshare", "-m"], ["unshare", "-rm"]):
        wrapper = [*unshare, "sh", "-c", script, str(directory)]
        if shutil.which("unshare") and subprocess.run([*wrapper, "true"], capture_output=True).returncode == 0:
            return wrapper
    return None


def on_btrfs(directory):
    """A wrapper that gives the program a btrfs, which shares blocks between files, at `directory`, or None."""
    script = 'truncate -s 300M "$0.img" && mkfs.btrfs -q -f "$0.img" >"$0.log" 2>&1 && mount -o loop "$0.img" "$0" && exec "$@"'
    wrapper = ["unshare", "-m", "sh", "-c", script, str(directory)]
    if not shutil.which("unshare") or not shutil.which("mkfs.btrfs"):
        return None
    return wrapper if subprocess.run([*wrapper, "true"], capture_output=True).returncode == 0 else None
