#!/usr/bin/env python3
"""assay beside fio, lstopo, lshw and Ansible on the same work, interleaved; prints ratios and both commands.

Rounds alternate the two sides, odd rounds in the other order, so that a drift of the machine hits both. A number
is the median over the rounds; a ratio is the median of the rounds' ratios, with the least and the greatest. CPU
is the whole process's, its pollers and kernel workers included, as the operating system accounts it.
"""
import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FIO = ("fio --name=peer --filename={file} --size={size} --rw=randread --bs=4k --ioengine=io_uring --fixedbufs=1 "
       "--registerfiles=1 --nonvectored=1 --norandommap=1 --invalidate=0 --time_based --runtime={seconds} "
       "--lat_percentiles=1 --output-format=json --iodepth={depth}")
ASSAY = ("{assay} bench storage.uring.combined --file {file} --depth {depth} --duration {seconds}s --format json")

# name, fio's further options, assay's further options, depth, what is wanted of which figure
STORAGE = [
    ("page cache, depth 32, against fio with gtod_reduce=1 and batch 16",
     "--gtod_reduce=1 --iodepth_batch_submit=16 --iodepth_batch_complete_min=1 --iodepth_batch_complete_max=16",
     "--no-direct --batch 16", 32, "operations per CPU-second ≥ 1.0x, latencies on here and off there"),
    ("page cache, depth 32, against fio with its latencies on", "", "--no-direct --batch 16", 32,
     "operations per CPU-second ≥ 1.5x"),
    ("O_DIRECT, depth 1", "--direct=1", "--direct", 1, "rate ≥ 1.0x, CPU per operation ≤ 1.0x, p50 and p99 within 5 %"),
    # fio left to itself reaps one completion at a time: the others wait in its ring meanwhile, and count as latency.
    ("O_DIRECT, depth 32", "--direct=1 --iodepth_batch_complete_min=1 --iodepth_batch_complete_max=32",
     "--direct --batch 1", 32,
     "rate ≥ 1.0x, CPU per operation ≤ 1.0x, p50 and p99 within 5 %"),
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
            "p50": percentile.get("50.000000"), "p99": percentile.get("99.000000")}


def assay_figures(command):
    done, _, _ = run(command)
    if done.returncode not in (0, 2):  # 2: a noisy host; the figures stand all the same
        sys.exit(f"{command}\n{done.stderr}{done.stdout}")
    measurement = json.loads(done.stdout)["measurements"][0]
    if not measurement["engaged"] or measurement["errors"]:
        sys.exit(f"{command}\n{json.dumps(measurement)[:2000]}")
    return {"rate": measurement["operations"] / measurement["duration_ns"] * 1e9,
            "per_cpu_s": measurement["operations"] / measurement["cpu_ns"] * 1e9,
            "p50": measurement["latency_ns"]["p50"], "p99": measurement["latency_ns"]["p99"]}


def interleave(rounds, first, second):
    ours, theirs = [], []
    for number in range(rounds):
        order = [(ours, first), (theirs, second)]
        for results, measure in order if number % 2 == 0 else reversed(order):
            results.append(measure())
    return ours, theirs


def ratio_words(ours, theirs, key):
    pairs = [a[key] / b[key] for a, b in zip(ours, theirs) if a[key] and b[key]]
    if not pairs:
        return "–"
    return f"{statistics.median(pairs):.2f}x ({min(pairs):.2f}–{max(pairs):.2f})"


def median_words(results, key):
    values = [r[key] for r in results if r[key]]
    return f"{statistics.median(values):,.0f}" if values else "–"


def storage(arguments):
    print("## Storage, beside fio\n")
    print("4 KiB random reads of a file of 256 MiB, fixed buffers and files on both sides; assay records the "
          "latency of every operation. Percentiles are from submission to completion on both sides.\n")
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        file = Path(folder) / "peer.dat"
        with open(file, "wb") as out:
            for _ in range(256):
                out.write(os.urandom(1 << 20))
        os.sync()
        for name, theirs, ours, depth, wanted in STORAGE:
            words = {"file": file, "size": "256M", "seconds": arguments.seconds, "depth": depth,
                     "assay": arguments.assay}
            commands = ((ASSAY + " " + ours).format(**words), (FIO + " " + theirs).format(**words))
            mine, peers = interleave(arguments.rounds, lambda: assay_figures(commands[0]),
                                     lambda: fio_figures(commands[1]))
            print(f"### {name}\n\nWanted: {wanted}.\n")
            print("| figure | assay | fio | assay / fio |\n|---|---|---|---|")
            for key, title in (("per_cpu_s", "operations per CPU-second"), ("rate", "operations per second"),
                               ("p50", "p50, ns"), ("p99", "p99, ns")):
                print(f"| {title} | {median_words(mine, key)} | {median_words(peers, key)} | "
                      f"{ratio_words(mine, peers, key)} |")
            shown = [c.replace(str(file), "FILE").replace(arguments.assay, "assay") for c in commands]
            print("\n```\n" + "\n".join(shown) + "\n```\n", flush=True)


def timed(command):
    _, cpu, wall = run(command)
    return {"wall": wall * 1e3, "cpu": cpu * 1e3}


def facts(arguments):
    print("## Reading a host, beside lstopo, lshw and Ansible\n")
    print("Milliseconds from start to end of the process.\n")
    print("| command | wall | CPU | wall of `assay probe` / this |\n|---|---|---|---|")
    peers = [c for c in ("lstopo-no-graphics --of console", "lshw -quiet", "ansible localhost -m setup")
             if shutil.which(c.split()[0])]
    probe = f"{arguments.assay} probe --format json"
    for command in [f"{arguments.assay} check default", *peers]:
        mine, others = interleave(max(arguments.rounds, 5), lambda: timed(probe), lambda: timed(command))
        if command == [f"{arguments.assay} check default", *peers][0]:
            print(f"| `assay probe --format json` | {statistics.median(r['wall'] for r in mine):.1f} | "
                  f"{statistics.median(r['cpu'] for r in mine):.1f} | |")
        print(f"| `{command.replace(arguments.assay, 'assay')}` | {statistics.median(r['wall'] for r in others):.1f} | "
              f"{statistics.median(r['cpu'] for r in others):.1f} | {ratio_words(mine, others, 'wall')} |", flush=True)
    print()


def programs(arguments):
    """The benchmarks that were built beside: what one record costs, and a ring without a device."""
    for name, title in (("meter_cost", "One record, and a pair of time stamps"),
                        ("bare_ring", "The engine beside a bare ring loop, with no device in the way")):
        program = next(Path(arguments.build).rglob(name), None)
        if program is None or not os.access(program, os.X_OK):
            continue
        done, _, _ = run(str(program))
        print(f"## {title}\n\n```\n{done.stdout.strip()}\n```\n", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3)
    arguments = parser.parse_args()
    arguments.assay = str(Path(arguments.build).resolve() / "cli/assay")
    fio = subprocess.run(["fio", "--version"], capture_output=True, text=True).stdout.strip()
    print(f"Measured by `make peers` with {fio}, Linux {platform.release()}, {os.cpu_count()} CPUs, "
          f"{arguments.rounds} interleaved rounds of {arguments.seconds} s; medians, and ratios with their least and "
          "greatest.\n")
    storage(arguments)
    facts(arguments)
    programs(arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
