"""What `lab run` does: prepares what a kind needs, runs a program in it, and hands on what came back."""
import dataclasses
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hosts import cache, emulators, expectation, guest, images, initramfs, kernels, machine
from hosts import snapshots


@dataclass
class Job:
    """What to run in a guest. sent: more programs; files: (guest path, content); extra: boot line words."""
    command: list
    sent: tuple = ()
    files: tuple = ()
    extra: tuple = ()
    timeout_s: float = 240.0
    accel: str = "tcg"
    cold: bool = False  # boot even where a snapshot would do
    boots: int = 0      # as often, with a Debian system that keeps its files; 0: once, without one


@dataclass
class Prepared:
    """All that boots a kind, in the cache."""
    kind: object
    kernel: object
    emulator: list
    emulator_version: str
    base: Path


def prepare(kind):
    """Fetches and makes what the kind needs and the cache lacks."""
    emulator = emulators.prepare(kind.emulator)
    kernel = kernels.prepare(kind.kernel)
    return Prepared(kind, kernel, emulator, emulators.version(emulator), initramfs.base(kind, kernel))


def from_snapshot(kind, job):
    return kind.snapshot and not (job.cold or job.extra or job.accel != "tcg")


def run(kind, job, results, relay=None):
    """Starts the kind, runs the job, and leaves log, console, dmesg and what it wrote in results.

    With several boots each leaves a folder boot<n>, "{boot}" in the command's words is its number, and
    the first that fails is the last.
    """
    prepared = prepare(kind)
    if results.exists():
        shutil.rmtree(results)
    with cache.run_folder() as folder:
        if job.boots == 0:
            start = restored if from_snapshot(kind, job) else booted
            result = start(prepared, job, folder, relay)
            keep(result, folder, results)
            return result
        disk = folder / "root"
        subprocess.run(["cp", "--sparse=always", "--reflink=auto", images.prepare(), disk], check=True)
        for boot in range(1, job.boots + 1):
            command = [word.replace("{boot}", str(boot)) for word in job.command]
            words = ("lab.root=/dev/vda", *images.boot_words(disk))
            one = dataclasses.replace(job, command=command, extra=(*job.extra, *words))
            result = booted(prepared, one, folder, relay, machine.root_disk(disk))
            keep(result, folder, results / f"boot{boot}")
            if result.code != 0:
                break
    return result


def booted(prepared, job, folder, relay, more=()):
    """Boots the kernel with the job in its first file system; more is said to QEMU besides."""
    command = boot_command(prepared, job, folder, [*machine.channels(folder), *more])
    return guest.run(command, folder, job.timeout_s, relay)


def boot_command(prepared, job, folder, channels):
    kind = prepared.kind
    words = machine.boot_line(kind, job.extra, tuned=job.boots == 0)
    combined = folder / "initramfs"
    combined.write_bytes(prepared.base.read_bytes() + job_archive(prepared, job, words))
    return [*prepared.emulator, *machine.arguments(kind, drives(kind, folder), job.accel), *channels,
            *machine.kernel(prepared.kernel.image, combined, words)]


# A shell on the console, with job control; leaving it powers the host off.
SHELL = ["/lab/busybox", "setsid", "-c", "/lab/busybox", "sh", "-c",
         "cd /root; exec /lab/busybox sh -i </dev/ttyS0 >/dev/ttyS0 2>&1"]


def shell(kind, job):
    """A person's console in a fresh host of the kind."""
    prepared = prepare(kind)
    job = dataclasses.replace(job, command=SHELL)
    with cache.run_folder() as folder:
        command = boot_command(prepared, job, folder, machine.terminal(folder))
        return guest.interactive(command, folder)


def restored(prepared, job, folder, relay):
    kind = prepared.kind
    archive = job_archive(prepared, job, snapshots.boot_line(kind))
    return snapshots.run(prepared, archive, folder, drives(kind, folder), job.timeout_s, relay)


def job_archive(prepared, job, words):
    row = expectation.expectation(prepared.kind, prepared.kernel.version, words)
    files = (("lab/row.json", json.dumps(row).encode()), *job.files)
    return initramfs.job(job.command, job.sent, files, len(prepared.kind.drives))


def drives(kind, folder):
    """The drives' files: as large as told, empty, and without space on this host until written."""
    paths = []
    for number, drive in enumerate(kind.drives):
        path = folder / f"drive{number}"
        with open(path, "wb") as made:
            made.truncate(drive.size_bytes)
        paths.append(path)
    return paths


def keep(result, folder, results):
    """Puts what this guest left into the new folder results."""
    results.mkdir(parents=True)
    for name in ("log", "console"):
        if (folder / name).exists():
            shutil.copyfile(folder / name, results / name)
    for name, content in result.files.items():
        path = results / name
        if results in path.resolve().parents:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    if result.reason:
        (results / "reason").write_text(result.reason + "\n")
    (results / "code").write_text(f"{result.code}\n")
