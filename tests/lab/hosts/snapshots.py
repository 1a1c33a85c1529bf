"""A kind's host saved just before its job, and started from there: seconds less than a boot.

The saved state lacks the drives, which QEMU cannot save; they are plugged in after the restore. The
job then arrives over the port "in". Every guest of one snapshot has the same boot id.
"""
import contextlib
import socket
import time

from hosts import cache, guest, machine
from hosts.errors import LabError

READY = b"ready for a job"
BOOT_WORD = "lab.job=port"  # tells guest/init to wait for its job
BOOT_TIMEOUT_S = 240


def boot_line(kind):
    return machine.boot_line(kind, (BOOT_WORD,))


def command(prepared, folder):
    """QEMU for saving and for restoring: the two must describe the same hardware."""
    kind = prepared.kind
    return [*prepared.emulator, *machine.arguments(kind, None), *machine.channels(folder),
            *machine.control(folder),
            *machine.kernel(prepared.kernel.image, prepared.base, boot_line(kind))]


def state(prepared):
    """The saved state's file; the host is booted once for it, then it is cached."""
    described = command(prepared, "FOLDER")
    name = f"{prepared.kind.name}-{cache.digest(*described, prepared.emulator_version)}"

    def save(target):
        with cache.run_folder() as folder:
            _save(prepared, folder, target)

    return cache.make_file(cache.folder() / "snapshots" / name, save)


def _save(prepared, folder, target):
    with guest.started(command(prepared, folder), folder) as process, \
            guest.control(folder, process) as control:
        until = time.monotonic() + BOOT_TIMEOUT_S
        while READY not in (folder / "log").read_bytes():
            if process.poll() is not None or time.monotonic() > until:
                raise LabError(f"the host for the snapshot did not come up:\n{guest.console(folder)}")
            time.sleep(0.05)
        time.sleep(0.3)  # until the guest idles in its read
        control.command("stop")
        control.command("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
        with open(target, "wb") as file:
            control.command("getfd", fds=[file.fileno()], fdname="state")
        control.command("migrate", uri="fd:state")
        control.wait_status("query-migrate", ("completed",))


def run(prepared, job, folder, drive_files, timeout_s, relay):
    """Restores the kind's snapshot and sends the job (an archive's bytes). Like guest.run."""
    with open(state(prepared), "rb") as saved:
        words = [*command(prepared, folder), "-incoming", f"fd:{saved.fileno()}"]

        def begin(process):
            return _begun(prepared.kind, job, folder, drive_files, process, timeout_s)

        return guest.run(words, folder, timeout_s, relay, begin=begin, pass_fds=(saved.fileno(),))


@contextlib.contextmanager
def _begun(kind, job, folder, drive_files, process, timeout_s):
    """A restored guest that has its drives and its job. QEMU drops what it has not passed on yet when
    the port's other side closes: the connection stays open as long as the guest runs."""
    with guest.control(folder, process) as control:
        control.wait_status("query-status", ("running", "paused", "postmigrate"),
                            failed=("internal-error", "shutdown"))
        for number, (drive, path) in enumerate(zip(kind.drives, drive_files)):
            control.command("blockdev-add", **{
                "node-name": f"drive{number}", "driver": "raw", "cache": {"no-flush": True},
                "file": {"driver": "file", "filename": str(path)}})
            control.command("device_add", **machine.drive_device(number, drive))
        control.command("cont")
    with socket.socket(socket.AF_UNIX) as port:
        port.settimeout(timeout_s)
        port.connect(f"{folder}/in")
        port.sendall(b"%d\n" % len(job) + job)
        yield
