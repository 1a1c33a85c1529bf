#!/usr/bin/env python3
"""storage.adaptive-depth beside fio's latency_target: the same drive, target and seconds, interleaved.

Both look for the largest depth whose p99 stays under the target; each prints operations a second, the p99 that came
of it, and the share of operations over the target. fio with latency_run=1 goes on adjusting to its end.
"""
import argparse
import json
import statistics
import subprocess
import sys
import tempfile

FIO = ("fio --name=peer --filename={file} --size={size} --rw=randread --bs=4k --ioengine=io_uring --direct=1 "
       "--fixedbufs=1 --registerfiles=1 --norandommap=1 --time_based --runtime={seconds} --iodepth=256 "
       "--latency_target={target} --latency_window=250ms --latency_percentile=99 --latency_run=1 "
       "--lat_percentiles=1 --percentile_list=50:99 --output-format=json")
ASSAY = ("{assay} bench storage.adaptive-depth --file {file} --direct --target-p99 {target} --duration {seconds}s "
         "--rounds 6 --format json")


def run(command):
    done = subprocess.run(command.split(), capture_output=True, text=True)
    # fio stays at the target's edge and says so by its exit code; assay's 2 is an unsteady host.
    if not done.stdout.lstrip().startswith("{"):
        sys.exit(f"{command}\n{done.stderr}{done.stdout}")
    return json.loads(done.stdout)


def fio_figures(command):
    job = run(command)["jobs"][0]
    read = job["read"]
    return {"rate": read["total_ios"] / (read["runtime"] / 1e3), "p99": read["lat_ns"]["percentile"]["99.000000"] / 1e3,
            "words": f"depth {job.get('latency_depth', '?')}"}


def assay_figures(command):
    measurement = run(command)["measurements"][0]
    return {"rate": measurement["operations"] / measurement["duration_ns"] * 1e9,
            "p99": measurement["latency_ns"]["p99"] / 1e3, "words": measurement["evidence"]}


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--assay", required=True)
    options.add_argument("--file", help="file or drive; default: an own file of 256 MiB in /var/tmp")
    options.add_argument("--target", default="500us")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=int, default=6)
    given = options.parse_args()
    own = None
    if not given.file:
        own = tempfile.TemporaryDirectory(dir="/var/tmp")
        given.file = own.name + "/file"
        made = subprocess.run([given.assay, "bench", "storage.pread", "--file", given.file, "--size", "256MiB", "--keep",
                               "--duration", "100ms", "--rounds", "6"], capture_output=True, text=True)
        if made.returncode not in (0, 2):
            sys.exit(made.stderr)
    fill = {"assay": given.assay, "file": given.file, "size": "256m", "target": given.target, "seconds": given.seconds}
    ours, theirs = [], []
    sides = [(assay_figures, ASSAY.format(**fill), ours), (fio_figures, FIO.format(**fill), theirs)]
    for number in range(given.rounds):
        for measure, command, figures in sides if number % 2 == 0 else reversed(sides):
            figures.append(measure(command))
            print(f"  {command.split()[0].rsplit('/', 1)[-1]:6} {figures[-1]['rate']:10.0f}/s  p99 {figures[-1]['p99']:8.1f} µs  "
                  f"{figures[-1]['words']}")
    ratios = sorted(a["rate"] / b["rate"] for a, b in zip(ours, theirs))
    print(f"target {given.target}, {given.rounds} rounds of {given.seconds} s, medians:")
    for name, figures in (("assay", ours), ("fio", theirs)):
        print(f"  {name:6} {statistics.median(f['rate'] for f in figures):10.0f}/s  "
              f"p99 {statistics.median(f['p99'] for f in figures):8.1f} µs")
    print(f"  rate, assay/fio: {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    print()
    for _, command, _ in sides:
        print(command.replace(given.assay, "assay").replace(given.file, "FILE"))


if __name__ == "__main__":
    main()
