"""storage.direct at depth 1 beside ioping: random reads of 4 KiB past the page cache, one after another."""
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from side_by_side import assay_measurement, interleaved, median_words, random_file, ratio_words

# -B: figures for programs; -q would print nothing. -i 0: without a pause; -D: O_DIRECT; -k keeps no file of its own.
IOPING = "ioping -B -D -i 0 -s 4k -S 256m -w {seconds} {file}"
ASSAY = "{assay} bench storage.direct --file {file} --regime device --duration {seconds}s --format json"


def ioping_figures(command):
    """Fields: requests, their time in ns, requests/s, bytes/s, least, mean, greatest and deviation in ns, ..."""
    done = subprocess.run(command.split(), capture_output=True, text=True)
    fields = done.stdout.split()
    if done.returncode != 0 or len(fields) < 8:
        sys.exit(f"{command}\n{done.stderr}{done.stdout}")
    return {"rate": float(fields[2]), "mean": float(fields[5])}


def assay_figures(command):
    measurement = assay_measurement(command)
    return {"rate": measurement["operations"] / measurement["duration_ns"] * 1e9,
            "mean": measurement["latency_ns"]["mean"]}


def compare(arguments):
    print("## One read after another, beside ioping\n")
    if not shutil.which("ioping"):
        print("ioping is missing: apt-get install ioping\n")
        return
    print("Random reads of 4 KiB with O_DIRECT from a file of 256 MiB. ioping tells means, and no percentiles.\n")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        file = random_file(Path(folder) / "peer.dat")
        words = {"assay": arguments.assay, "file": file, "seconds": arguments.seconds}
        commands = ASSAY.format(**words), IOPING.format(**words)
        ours, theirs = interleaved(arguments.rounds, lambda: assay_figures(commands[0]),
                                   lambda: ioping_figures(commands[1]))
    print("| figure | assay | ioping | assay / ioping |\n|---|---|---|---|")
    for key, title in (("rate", "operations per second"), ("mean", "mean, ns")):
        print(f"| {title} | {median_words(ours, key)} | {median_words(theirs, key)} | {ratio_words(ours, theirs, key)} |")
    shown = [c.replace(str(file), "FILE").replace(arguments.assay, "assay") for c in commands]
    print("\n```\n" + "\n".join(shown) + "\n```\n", flush=True)
