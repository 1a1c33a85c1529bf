"""What `lab run` does: prepares what a kind needs, runs a program in it, and hands on what came back."""
import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from hosts import cache, emulators, expectation, guest, initramfs, kernels, machine
from hosts.errors import NO_RESULT


@dataclass
class Job:
    """What to run in a guest. sent: more programs; files: (guest path, content); extra: boot line words."""
    command: list
    sent: tuple = ()
    files: tuple = ()
    extra: tuple = ()
    timeout_s: float = 120.0
    accel: str = "tcg"


@dataclass
class Prepared:
    """All that boots a kind, in the cache."""
    kind: object
    kernel: object
    emulator: list
    base: Path


def prepare(kind):
    emulator = emulators.prepare(kind.emulator)
    kernel = kernels.prepare(kind.kernel)
    return Prepared(kind, kernel, emulator, initramfs.base(kind, kernel))


def run(kind, job, results, relay=None):
    """Boots the kind, runs the job, and leaves log, console, dmesg and what it wrote in results."""
    prepared = prepare(kind)
    with cache.run_folder() as folder:
        result = cold_boot(prepared, job, folder, relay)
        keep(result, folder, results)
    return result


def cold_boot(prepared, job, folder, relay):
    combined = folder / "initramfs"
    row = expectation.expectation(prepared.kind, prepared.kernel.version, job.extra)
    files = (("lab/row.json", json.dumps(row).encode()), *job.files)
    with open(combined, "wb") as target:
        target.write(prepared.base.read_bytes())
        target.write(initramfs.job(job.command, job.sent, files))
    words = [*prepared.emulator,
             *machine.arguments(prepared.kind, drives(prepared.kind, folder), job.accel),
             *machine.channels(folder),
             *machine.kernel(prepared.kernel.image, combined, machine.boot_line(prepared.kind, job.extra))]
    return guest.run(words, folder, job.timeout_s, relay)


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
    """Replaces results with what this guest left."""
    if results.exists():
        shutil.rmtree(results)
    results.mkdir(parents=True)
    for name in ("log", "console"):
        if (folder / name).exists():
            shutil.copyfile(folder / name, results / name)
    for name, content in result.files.items():
        path = results / name
        if results in path.resolve().parents:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    (results / "code").write_text(f"{result.code}\n")


def console_end(results, lines=40):
    path = results / "console"
    text = path.read_text(errors="replace") if path.exists() else ""
    return "\n".join(text.splitlines()[-lines:])


def failed_to_answer(result):
    return result.code == NO_RESULT and bool(result.reason)
