"""os.wakeup beside cyclictest, os.jitter beside oslat (package rt-tests): interleaved rounds on the same CPU.

The kernel lets the sleeps of an ordinary thread end 50 us late on purpose (timer slack, prctl(2)). assay asks for 1 ns,
cyclictest leaves it: it is started with 1 ns too, which it inherits, so that the same is compared. Each side's histogram is read from its JSON. cyclictest's is of whole nanoseconds (-N), so that its median is no
rounded one; oslat's buckets are microseconds, so gaps are compared by how many a second are of a microsecond or more.
"""
import ctypes
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from side_by_side import assay_measurement, interleaved, ratio_words

CYCLICTEST = ("cyclictest --quiet --default-system --nsecs --threads=1 --affinity={cpu} --policy={policy} {priority} "
              "--interval=1000 --duration={seconds} --histogram=1000000 --histfile={out}.txt --json={out}")
WAKEUP = "{assay} bench os.wakeup --policy {policy} --interval 1ms --cpus {cpu} --duration {seconds}s --format json"
OSLAT = "oslat --quiet --cpu-list {cpu} --cpu-main-thread {other} --duration {seconds} --bucket-size 1024 --json={out}"
JITTER = "{assay} bench os.jitter --cpus {cpu} --duration {seconds}s --format json"
GAPS_US = (2, 5, 10, 20, 50, 100)


PR_SET_TIMERSLACK = 29


def run(command, codes=(0,)):
    done = subprocess.run(command.split(), capture_output=True, text=True)
    if done.returncode not in codes:
        sys.exit(f"{command}\n{done.stderr}{done.stdout[-2000:]}")
    return done.stdout


def quantile(buckets, share):
    """Of [(value, count)] in order of value."""
    wanted, seen = share * sum(count for _, count in buckets), 0
    for value, count in buckets:
        seen += count
        if seen >= wanted:
            return value
    return buckets[-1][0]


def cyclictest(command, out):
    run(command)
    thread = next(iter(json.loads(Path(out).read_text())["thread"].values()))
    buckets = sorted((int(value), count) for value, count in thread["histogram"].items())
    return {f"p{name}": quantile(buckets, share) for name, share in (("50", 0.5), ("99", 0.99), ("99.9", 0.999))}


def beside_companion(cpu, command):
    with Companion(cpu):
        return wakeup(command)


def wakeup(command):
    latency = assay_measurement(command)["latency_ns"]
    return {"p50": latency["p50"], "p99": latency["p99"], "p99.9": latency["p99_9"]}


def oslat(command, out, seconds):
    run(command)
    thread = next(iter(json.loads(Path(out).read_text())["thread"].values()))
    # What it calls n µs is n - 1 to n: it rounds up.
    counts = {int(value): count for value, count in thread["histogram"].items()}
    return {us: sum(count for value, count in counts.items() if value > us) / seconds for us in GAPS_US}


def jitter(command):
    measurement = assay_measurement(command)
    seconds = measurement["duration_ns"] / 1e9
    buckets = measurement["histogram"]["buckets"]
    return {us: sum(count for low, _, count in buckets if low >= us * 1000) / seconds for us in GAPS_US}


class Companion:
    """What cyclictest's main thread does beside its measuring one, on the same CPU: it wakes up every 10 ms."""

    def __init__(self, cpu):
        self.cpu = cpu

    def __enter__(self):
        self.process = subprocess.Popen([sys.executable, "-c", "import time\nwhile True: time.sleep(0.01)"],
                                        preexec_fn=lambda: os.sched_setaffinity(0, {self.cpu}))

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def differences(mine, theirs, key):
    pairs = [a[key] - b[key] for a, b in zip(mine, theirs)]
    return f"{statistics.median(pairs) / 1000:+.2f} µs ({min(pairs) / 1000:+.2f} to {max(pairs) / 1000:+.2f})"


def show(commands, words):
    shown = [command.replace(words["assay"], "assay").replace(words["out"], "OUT") for command in commands]
    print("\n```\n" + "\n".join(shown) + "\n```\n", flush=True)


def compare(arguments):
    if not shutil.which("cyclictest") or not shutil.which("oslat"):
        print("## Wake-ups and jitter\n\ncyclictest and oslat are missing: apt-get install rt-tests\n")
        return
    cpus = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        words = {"assay": arguments.assay, "cpu": cpus[-1], "other": cpus[0], "seconds": arguments.seconds,
                 "out": str(Path(folder) / "out.json")}
        # In the parent: what a process has at its start is what the kernel goes back to after a change of class.
        ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0)
        print("## Wake-ups, beside cyclictest\n\nHow late a sleep of 1 ms ends, on the same CPU. Wanted: medians within "
              "1 µs. cyclictest inherits a timer slack of 1 ns, which assay asks for; left to itself, its ordinary "
              "threads wake up 50 µs later. Its main thread wakes up every 10 ms on the CPU that is measured, and what "
              "wakes up more often sleeps less deeply: assay is measured alone, and beside a process that does the "
              "same, which is the comparison.\n")
        for policy, priority in (("other", ""), ("fifo", "--priority=40")):
            words.update(policy=policy, priority=priority)
            commands = WAKEUP.format(**words), CYCLICTEST.format(**words)
            alone, mine, theirs = interleaved(
                arguments.rounds, lambda: wakeup(commands[0]), lambda: beside_companion(words["cpu"], commands[0]),
                lambda: cyclictest(commands[1], words["out"]))
            print(f"### SCHED_{policy.upper()}\n\n| figure | assay alone, ns | assay beside it, ns | cyclictest, ns | "
                  "beside it less cyclictest |\n|---|---|---|---|---|")
            for key in ("p50", "p99", "p99.9"):
                medians = [f"{statistics.median(r[key] for r in side):,.0f}" for side in (alone, mine, theirs)]
                print(f"| {key} | {' | '.join(medians)} | {differences(mine, theirs, key)} |")
            show(commands, words)
        print("## Gaps in a spinning loop, beside oslat\n\nOf a second, on the same CPU, both in the ordinary class. "
              "Wanted: within 10 %.\n")
        commands = JITTER.format(**words), OSLAT.format(**words)
        mine, theirs = interleaved(arguments.rounds, lambda: jitter(commands[0]),
                                   lambda: oslat(commands[1], words["out"], arguments.seconds))
        print("| gaps of at least | assay, 1/s | oslat, 1/s | assay / oslat |\n|---|---|---|---|")
        for us in GAPS_US:
            print(f"| {us} µs | {statistics.median(r[us] for r in mine):,.1f} | "
                  f"{statistics.median(r[us] for r in theirs):,.1f} | {ratio_words(mine, theirs, us)} |")
        show(commands, words)
