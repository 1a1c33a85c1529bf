"""One guest from start to result: starts QEMU, relays its output, and ends it whatever happens."""
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import tarfile
import termios
import time
from dataclasses import dataclass, field
from pathlib import Path

from hosts import interrupts, qmp
from hosts.errors import NO_RESULT, LabError

QEMU_ABORTED = -signal.SIGABRT
POLL_S = 0.02


@dataclass
class Result:
    """What a guest left. code is the program's exit code, or NO_RESULT with the reason."""
    code: int
    reason: str = ""
    seconds: float = 0.0
    files: dict = field(default_factory=dict)


def run(command, folder, timeout_s, relay=None, begin=None, pass_fds=()):
    """Runs QEMU with these arguments until the guest powers off; once more if QEMU itself aborted.

    relay receives the program's output as it comes. begin(process) is entered with the fresh QEMU
    and left with its end; files that QEMU inherits (pass_fds) are read from their start each time.
    """
    for last in (False, True):
        for fd in pass_fds:
            os.lseek(fd, 0, os.SEEK_SET)
        result, status = _run_once(command, folder, timeout_s, relay, begin, pass_fds)
        if last or status != QEMU_ABORTED:
            return result
        print("lab: QEMU aborted; once more", file=sys.stderr)


def _run_once(command, folder, timeout_s, relay, begin, pass_fds):
    began = time.monotonic()
    in_time, trouble = False, ""
    with contextlib.ExitStack() as stack:
        process = stack.enter_context(started(command, folder, pass_fds))
        try:
            if begin is not None:
                stack.enter_context(begin(process))
            in_time = _wait(process, began + timeout_s, _Relay(folder / "log", relay))
        except (LabError, OSError) as failed:
            trouble = str(failed)
            process.poll()
        status = process.returncode
    result = _result(folder)
    result.seconds = time.monotonic() - began
    if result.code == NO_RESULT:
        said = (folder / "qemu").read_text(errors="replace").strip()
        result.reason = trouble or (f"QEMU ended with {status} and the guest gave no result" if in_time
                                    else f"the guest was killed after {timeout_s:g} s")
        result.reason += f": {said}" if said else ""
    return result, status


def interactive(command, folder):
    """Runs QEMU on this terminal until the guest powers off (Ctrl-A X ends it at once)."""
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal) if os.isatty(terminal) else None
    try:
        with started(command, folder, terminal=True) as process:
            process.wait()
    finally:
        if before is not None:
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)
    return process.returncode


@contextlib.contextmanager
def started(command, folder, pass_fds=(), terminal=False):
    """A running QEMU that is dead when the block is left, whatever happens."""
    for name in ("log", "out.tar", "console", "in", "qmp"):
        (folder / name).unlink(missing_ok=True)
    with open(folder / "qemu", "wb") as words:
        process = subprocess.Popen(
            command, stdin=None if terminal else subprocess.DEVNULL, stdout=None if terminal else words,
            stderr=words, start_new_session=not terminal, preexec_fn=_die_with_parent, pass_fds=pass_fds)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def control(folder, process):
    return qmp.Control(folder / "qmp", process)


def console(folder, lines=40):
    """The end of what the guest's kernel said."""
    path = folder / "console"
    text = path.read_text(errors="replace") if path.exists() else ""
    return "\n".join(text.splitlines()[-lines:])


def _die_with_parent():
    """The kernel kills QEMU when this process is killed in a way that it cannot see (SIGKILL)."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _wait(process, until, relay):
    """True when QEMU ended by itself in time."""
    while process.poll() is None:
        interrupts.check()
        relay.step()
        if time.monotonic() > until:
            relay.step()
            return False
        time.sleep(POLL_S)
    relay.step()
    return True


class _Relay:
    """Copies what is new in a growing file to a writer."""

    def __init__(self, path, writer):
        self.path, self.writer, self.file = path, writer, None

    def step(self):
        if self.writer is None:
            return
        if self.file is None and self.path.exists():
            self.file = open(self.path, "rb")
        if self.file is not None and (data := self.file.read()):
            self.writer(data)


def _result(folder):
    """What the agent sent, by name. Names are the guest's: whoever writes them to files checks them."""
    try:
        with tarfile.open(folder / "out.tar") as archive:
            files = {str(Path(member.name)): archive.extractfile(member).read()
                     for member in archive.getmembers() if member.isfile()}
        return Result(int(files.pop("code")), files=files)
    except (OSError, tarfile.TarError, KeyError, ValueError):
        return Result(NO_RESULT)
