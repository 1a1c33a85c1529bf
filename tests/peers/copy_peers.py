"""copy.file-transfer beside cp and sha256sum: a whole file copied, and found equal, interleaved.

What a person types instead: cp, then a checksum of both sides. sha256sum is the usual one; b2sum is shown too, since the
transfer's XXH3 is no cryptographic checksum: it finds what a fault changed, not what somebody forged. All write into
the page cache and read back from there; the target is new each time.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from side_by_side import assay_measurement, interleaved, median_words, random_file, ratio_words

SIZE_MIB = 256
ASSAY = "{assay} bench copy.file-transfer --dir {folder} --size {size}MiB --duration {seconds}s --format json"
CHECKED = "cp {source} {target} && {sum} {source} {target}"
PLAIN = "cp {source} {target}"


def assay_copies(command):
    """Milliseconds of wall and CPU time for one file: the median, and the mean."""
    measurement = assay_measurement(command)
    return {"wall": measurement["latency_ns"]["p50"] / 1e6,
            "cpu": measurement["cpu_ns"] / measurement["operations"] / 1e6}


def shell_copies(command, target, seconds):
    """The same of a command, again and again for as long."""
    walls, cpus = [], []
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(walls) < 3:
        target.unlink(missing_ok=True)
        before, start = os.times(), time.monotonic()
        done = subprocess.run(command, shell=True, capture_output=True, text=True)
        walls.append((time.monotonic() - start) * 1e3)
        after = os.times()
        if done.returncode != 0:
            sys.exit(f"{command}\n{done.stderr}")
        sums = [line.split()[0] for line in done.stdout.splitlines()]
        if len(set(sums)) > 1:
            sys.exit(f"{command}\n{done.stdout}: the copy differs")
        cpus.append((after.children_user + after.children_system - before.children_user - before.children_system) * 1e3)
    return {"wall": statistics.median(walls), "cpu": statistics.mean(cpus)}


def compare(arguments):
    print(f"## A file copied and checked, beside cp and sha256sum\n\nA file of {SIZE_MIB} MiB in the page cache, to a new "
          "file; milliseconds for one.\n")
    print("| command | wall, ms | CPU, ms | wall of this / assay | CPU of this / assay |\n|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name)
        source, target = folder / "source", folder / "target"
        random_file(source, SIZE_MIB)
        words = {"assay": arguments.assay, "folder": folder, "size": SIZE_MIB, "seconds": arguments.seconds,
                 "source": source, "target": target}
        ours_command = ASSAY.format(**words)
        shown = [ours_command.replace(arguments.assay, "assay").replace(name, "DIR")]
        rows = [CHECKED.format(sum=program, **words) for program in ("sha256sum", "b2sum")] + [PLAIN.format(**words)]
        for number, command in enumerate(rows):
            ours, theirs = interleaved(
                arguments.rounds, lambda: assay_copies(ours_command),
                lambda command=command: shell_copies(command, target, arguments.seconds))
            target.unlink(missing_ok=True)
            if number == 0:
                print(f"| copy.file-transfer | {median_words(ours, 'wall')} | "
                      f"{median_words(ours, 'cpu')} | | |")
            words_shown = command.replace(str(source), "SOURCE").replace(str(target), "TARGET")
            print(f"| `{words_shown}` | {median_words(theirs, 'wall')} | "
                  f"{median_words(theirs, 'cpu')} | {ratio_words(theirs, ours, 'wall')} | "
                  f"{ratio_words(theirs, ours, 'cpu')} |", flush=True)
            shown.append(words_shown)
    print("\n```\n" + "\n".join(shown) + "\n```\n", flush=True)
