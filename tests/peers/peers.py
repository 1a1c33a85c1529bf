#!/usr/bin/env python3
"""assay beside fio, ioping, cp, cyclictest, lstopo, lshw, Ansible and TuneD on the same work,
interleaved; prints ratios and both commands.

Rounds alternate the two sides, odd rounds in the other order, so that a drift of the machine hits both. A number
is the median over the rounds; a ratio is the median of the rounds' ratios, with the least and the greatest. CPU
is the whole process's, its pollers and kernel workers included, as the operating system accounts it.
"""
import argparse
import contextlib
import io
import json
import os
import platform
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import copy_peers
import ioping_peer
import os_peers
from side_by_side import assay_measurement, interleaved, median_words, random_file, ratio_words
from tuned import tuning

FIO = ("fio --name=peer --filename={file} --size={size} --rw=randread --bs=4k --ioengine=io_uring --fixedbufs=1 "
       "--registerfiles=1 --nonvectored=1 --norandommap=1 --invalidate=0 --time_based --runtime={seconds} "
       "--lat_percentiles=1 --output-format=json --iodepth={depth}")
ASSAY = ("{assay} bench storage.uring.combined --file {file} --depth {depth} --duration {seconds}s --format json")

GTOD_REDUCE = ("--gtod_reduce=1 --iodepth_batch_submit=16 --iodepth_batch_complete_min=1 "
               "--iodepth_batch_complete_max=16")
# fio left to itself reaps one completion at a time: the others wait in its ring meanwhile, and count as latency.
REAP_ALL = "--iodepth_batch_complete_min=1 --iodepth_batch_complete_max={depth}"


def cached(depth):
    """The page cache: no device in the way, so what is compared is the engines' own cost."""
    return [(f"page cache, depth {depth}, against fio with gtod_reduce=1 and batch 16", GTOD_REDUCE,
             "--no-direct --batch 16", depth,
             "operations per CPU-second ≥ 1.0x, latencies on here and off there"),
            (f"page cache, depth {depth}, against fio with its latencies on", "", "--no-direct --batch 16", depth,
             "operations per CPU-second ≥ 1.5x")]


# name, fio's further options, assay's further options, depth, what is wanted of which figure
STORAGE = cached(1) + cached(32) + cached(128) + [
    ("O_DIRECT, depth 1, assay spinning", "--direct=1", "--direct --completion poll", 1,
     "operations per second ≥ 1.5x"),
    ("O_DIRECT, depth 1, both asleep until it is done", "--direct=1", "--direct", 1,
     "operations per second and per CPU-second ≥ 1.0x, percentiles within 3 %"),
    ("O_DIRECT, depth 32, against fio left to itself", "--direct=1", "--direct", 32,
     "operations per second ≥ 1.3x"),
    ("O_DIRECT, depth 32, both reaping all that is done", "--direct=1 " + REAP_ALL, "--direct --batch 1", 32,
     "percentiles within 3 %"),
    ("O_DIRECT, 128 KiB sequential, depth 8", "--direct=1 --rw=read --bs=128k",
     "--direct --pattern sequential --block 128KiB --batch 8", 8,
     "operations per second ≥ 1.0x, CPU per operation ≤ 0.6x"),
]


def run(command):
    """Runs a command; answers its output and the CPU seconds that it and its children took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    done = subprocess.run(command.split(), capture_output=True, text=True)
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done, cpu, wall


def fio_figures(command):
    done, _, _ = run(command)
    if done.returncode != 0:
        sys.exit(f"{command}\n{done.stderr}")
    job = json.loads(done.stdout)["jobs"][0]
    seconds = job["job_runtime"] / 1e3
    cpu_s = (job["usr_cpu"] + job["sys_cpu"]) / 100 * seconds
    operations = job["read"]["total_ios"]
    percentile = job["read"]["lat_ns"].get("percentile", {})
    return {"rate": operations / (job["read"]["runtime"] / 1e3), "per_cpu_s": operations / cpu_s,
            "p50": percentile.get("50.000000"), "p99": percentile.get("99.000000"),
            "p99.9": percentile.get("99.900000")}


def assay_figures(command):
    measurement = assay_measurement(command)
    return {"rate": measurement["operations"] / measurement["duration_ns"] * 1e9,
            "per_cpu_s": measurement["operations"] / measurement["cpu_ns"] * 1e9,
            "p50": measurement["latency_ns"]["p50"], "p99": measurement["latency_ns"]["p99"],
            "p99.9": measurement["latency_ns"]["p99_9"]}


def storage(arguments):
    print("## Storage, beside fio\n")
    print("Random reads of 4 KiB, where nothing else is said, of a file of 256 MiB; fixed buffers and files on both "
          "sides; assay records the latency of every operation. Percentiles are from submission to completion on both "
          "sides.\n")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        file = random_file(Path(folder) / "peer.dat")
        for name, theirs, ours, depth, wanted in STORAGE:
            words = {"file": file, "size": "256M", "seconds": arguments.seconds, "depth": depth,
                     "assay": arguments.assay}
            commands = ((ASSAY + " " + ours).format(**words), (FIO + " " + theirs).format(**words))
            mine, peers = interleaved(arguments.rounds, lambda: assay_figures(commands[0]),
                                     lambda: fio_figures(commands[1]))
            print(f"### {name}\n\nWanted: {wanted}.\n")
            print("| figure | assay | fio | assay / fio |\n|---|---|---|---|")
            for key, title in (("per_cpu_s", "operations per CPU-second"), ("rate", "operations per second"),
                               ("p50", "p50, ns"), ("p99", "p99, ns"), ("p99.9", "p99.9, ns")):
                print(f"| {title} | {median_words(mine, key)} | {median_words(peers, key)} | "
                      f"{ratio_words(mine, peers, key)} |")
            shown = [c.replace(str(file), "FILE").replace(arguments.assay, "assay") for c in commands]
            print("\n```\n" + "\n".join(shown) + "\n```\n", flush=True)


def timed(command, variables=None):
    before = {name: os.environ.get(name) for name in variables or {}}
    os.environ.update(variables or {})
    done, cpu, wall = run(command)
    for name in before:
        os.environ.pop(name)
    if done.returncode not in (0, 1):  # 1: evaluated, and not as wanted
        sys.exit(f"{command}\n{done.stderr}")
    return {"wall": wall * 1e3, "cpu": cpu * 1e3}


def processes(command):
    """How many processes the command starts besides itself."""
    if not shutil.which("strace"):
        return "–"
    traced = f"strace -f -e trace=execve,fork,vfork,clone,clone3 -o /dev/stdout {command}"
    text = run(traced)[0].stdout
    return str(max(0, len(re.findall(r"^\d+ +execve\(.* = 0$", text, re.MULTILINE)) - 1))


def fact_rows(arguments, ours, peers):
    """One row a command; `ours` and `peers` are (command, variables)."""
    rounds = max(arguments.rounds, 9)
    print("| command | wall, ms | CPU, ms | processes | wall of the first / this |\n|---|---|---|---|---|")
    shown = False
    for command, variables in peers:
        mine, others = interleaved(rounds, lambda: timed(*ours), lambda: timed(command, variables))
        rows = [(command, variables, others, ratio_words(mine, others, "wall"))]
        if not shown:
            rows.insert(0, (*ours, mine, ""))
        shown = True
        for words, extra, results, ratio in rows:
            name = "".join(f"{k}={v} " for k, v in (extra or {}).items()) + words
            name = name.replace(arguments.assay, "assay")
            if arguments.tree:
                name = name.replace(str(arguments.tree), "TREE")
            print(f"| `{name}` | {statistics.median(r['wall'] for r in results):.1f} | "
                  f"{statistics.median(r['cpu'] for r in results):.1f} | {processes(words)} | {ratio} |", flush=True)
    print()


def facts(arguments):
    print("## Reading a host, beside lstopo, lshw and Ansible\n")
    print("From start to end of the process, on this machine.\n")
    peers = [(command, None) for command in
             (f"{arguments.assay} probe --format json", f"{arguments.assay} check default",
              "lstopo-no-graphics --of console", "lstopo-no-graphics --of xml", "lshw -quiet",
              "ansible localhost -m setup")
             if shutil.which(command.split()[0])]
    fact_rows(arguments, (f"{arguments.assay} probe", None), peers)
    print("The same of a captured tree of 256 CPUs, 8 nodes, 2 NICs and 8 drives with 648 interrupts "
          "(tests/peers/synthetic_tree.py):\n")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        arguments.tree = folder
        subprocess.run([sys.executable, "-B", str(Path(__file__).parent / "synthetic_tree.py"), folder], check=True)
        of_tree = f"{arguments.assay} probe --root {folder}"
        peers = [(f"{of_tree} --format json", None), (f"{of_tree} --format svg", None)]
        if shutil.which("lstopo-no-graphics"):
            peers += [(f"lstopo-no-graphics --of {kind}", {"HWLOC_FSROOT": folder}) for kind in ("console", "xml")]
        fact_rows(arguments, (of_tree, None), peers)


def programs(arguments):
    """The benchmarks that were built beside: what one record costs, and a ring without a device."""
    for name, title in (("meter_cost", "One record, and a pair of time stamps"),
                        ("bare_ring", "The engine beside a bare ring loop, with no device in the way")):
        program = next(Path(arguments.build).rglob(name), None)
        if program is None or not os.access(program, os.X_OK):
            continue
        done, _, _ = run(str(program))
        print(f"## {title}\n\n```\n{done.stdout.strip()}\n```\n", flush=True)


def scheduling(arguments):
    os_peers.compare(arguments)


def copying(arguments):
    copy_peers.compare(arguments)


def ioping(arguments):
    ioping_peer.compare(arguments)


def adaptive(arguments):
    done = subprocess.run([sys.executable, "-B", Path(__file__).with_name("adaptive_depth.py"),
                           "--assay", arguments.assay, "--rounds", str(arguments.rounds),
                           "--seconds", str(max(arguments.seconds, 4))], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    print(f"## Adaptive depth, beside fio's latency_target\n\n```\n{done.stdout.strip()}\n```\n")


def section_named(text, title):
    """Where the section of a title begins and ends in a page; None: it has none."""
    found = re.search(rf"^{re.escape(title)}$", text, re.MULTILINE)
    if not found:
        return None
    following = re.search(r"^## ", text[found.end():], re.MULTILINE)
    return found.start(), found.end() + following.start() if following else len(text)


def with_sections(page, printed):
    """The page with each section that was measured in the place of the one with its title; new ones at the end."""
    for section in re.split(r"^(?=## )", printed, flags=re.MULTILINE):
        if not section.startswith("## "):
            continue
        section = section.rstrip("\n") + "\n\n"
        place = section_named(page, section.split("\n", 1)[0])
        if not place:
            page = page.rstrip("\n") + "\n\n"
        start, end = place or (len(page), len(page))
        page = page[:start] + section + page[end:]
    return page.rstrip("\n") + "\n"


class Printed(io.StringIO):
    """What is printed, kept and shown."""

    def write(self, text):
        sys.__stdout__.write(text)
        sys.__stdout__.flush()
        return super().write(text)


PARTS = (storage, ioping, copying, facts, scheduling, tuning, programs, adaptive)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--write", type=Path, help="put each section that was measured into this page")
    parser.add_argument("--only", help="this part alone",
                        choices=[part.__name__ for part in PARTS])
    arguments = parser.parse_args()
    arguments.tree = ""
    arguments.assay = str(Path(arguments.build).resolve() / "cli/assay")
    fio = subprocess.run(["fio", "--version"], capture_output=True, text=True).stdout.strip()
    print(f"Measured by `make peers` with {fio}, Linux {platform.release()}, {os.cpu_count()} CPUs, "
          f"{arguments.rounds} interleaved rounds of {arguments.seconds} s; medians, and ratios with their least and "
          "greatest.\n")
    for part in PARTS:
        if arguments.only not in (None, part.__name__):
            continue
        printed = Printed()
        with contextlib.redirect_stdout(printed):
            part(arguments)
        is_whole = not any(words in printed.getvalue() for words in ("Skipped:", "missing: apt-get"))
        if arguments.write and is_whole:
            arguments.write.write_text(with_sections(arguments.write.read_text(), printed.getvalue()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
