"""One guest from start to result: starts QEMU, relays its output, and ends it whatever happens."""
import ctypes
import signal
import subprocess
import sys
import tarfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from hosts.errors import NO_RESULT

QEMU_ABORTED = -signal.SIGABRT
POLL_S = 0.02


@dataclass
class Result:
    """What a guest left. code is the program's exit code, or NO_RESULT with the reason."""
    code: int
    reason: str = ""
    seconds: float = 0.0
    files: dict = field(default_factory=dict)


def run(command, folder, timeout_s, relay=None):
    """Runs QEMU with these arguments until the guest powers off; once more if QEMU itself aborted."""
    for last in (False, True):
        result, status = _run_once(command, folder, timeout_s, relay)
        if last or status != QEMU_ABORTED:
            return result
        print("lab: QEMU aborted; once more", file=sys.stderr)


def _run_once(command, folder, timeout_s, relay):
    for name in ("log", "out.tar", "console"):
        (folder / name).unlink(missing_ok=True)
    started = time.monotonic()
    with open(folder / "qemu", "wb") as words:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=words, stderr=words,
                                   start_new_session=True, preexec_fn=_die_with_parent)
    try:
        in_time = _wait(process, started + timeout_s, _Relay(folder / "log", relay))
    finally:
        process.kill()
        process.wait()
    result = _result(folder)
    result.seconds = time.monotonic() - started
    if result.code == NO_RESULT and not result.reason:
        said = (folder / "qemu").read_text(errors="replace").strip()
        result.reason = (f"QEMU ended with {process.returncode} and the guest gave no result" if in_time
                         else f"the guest was killed after {timeout_s:g} s")
        result.reason += f": {said}" if said else ""
    return result, process.returncode if in_time else None


def _die_with_parent():
    """The kernel kills QEMU when this process is killed in a way that it cannot see (SIGKILL)."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _wait(process, until, relay):
    """True when QEMU ended by itself in time."""
    while process.poll() is None:
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
    """Reads the archive that the agent sent: its name -> content. Names are the agent's, never paths of ours."""
    try:
        with tarfile.open(folder / "out.tar") as archive:
            files = {str(Path(member.name)): archive.extractfile(member).read()
                     for member in archive.getmembers() if member.isfile()}
        return Result(int(files.pop("code")), files=files)
    except (OSError, tarfile.TarError, KeyError, ValueError):
        return Result(NO_RESULT)
