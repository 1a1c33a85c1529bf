"""What every comparison with a peer shares: the work's file, assay's figures, turns, and words for ratios."""
import json
import os
import statistics
import subprocess
import sys


def random_file(path, mib=256):
    """A file of random bytes that has reached the drive."""
    with open(path, "wb") as out:
        for _ in range(mib):
            out.write(os.urandom(1 << 20))
    os.sync()
    return path


def assay_measurement(command):
    """The first measurement of `assay bench`. Exit code 2 is a noisy host's: its figures stand all the same."""
    done = subprocess.run(command.split(), capture_output=True, text=True)
    if done.returncode not in (0, 2):
        sys.exit(f"{command}\n{done.stderr}{done.stdout[-2000:]}")
    measurement = json.loads(done.stdout)["measurements"][0]
    if not measurement["engaged"] or measurement["errors"]:
        sys.exit(f"{command}\n{json.dumps(measurement)[:2000]}")
    return measurement


def interleaved(rounds, *measures):
    """The results of each side; odd rounds in the other order, so that a drift of the machine hits all."""
    sides = tuple([] for _ in measures)
    for number in range(rounds):
        order = range(len(measures))
        for side in order if number % 2 == 0 else reversed(order):
            sides[side].append(measures[side]())
    return sides


def median_words(results, key):
    values = [r[key] for r in results if r[key]]
    return f"{statistics.median(values):,.0f}" if values else "–"


def ratio_words(above, below, key):
    """above / below by rounds: the median, with the least and the greatest."""
    pairs = [a[key] / b[key] for a, b in zip(above, below) if a[key] and b[key]]
    return f"{statistics.median(pairs):.2f}x ({min(pairs):.2f}–{max(pairs):.2f})" if pairs else "–"
