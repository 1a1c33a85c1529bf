#!/usr/bin/env python3
"""Do two runs of `assay certify` on the same host agree?

repeatability.py ASSAY [--pairs 10] [--profile default] [--store FILE] [-- CERTIFY-OPTION ...]

Certifies the host in pairs, one run after the other, compares the two of each pair (`assay history
compare`, every difference with its 95 % interval), and counts the intervals that contain 0. Prints
the ones that do not, each with its pair, and the share over all pairs. Wanted: at least 90 %.

Exit codes: 0 at least 90 %, 1 fewer, 4 a run failed.
"""
import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys
import tempfile

WANTED = 0.90


def call(command, store, codes):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, text=True,
                          env={**os.environ, "ASSAY_STORE": str(store)})
    if done.returncode not in codes:
        print(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}", file=sys.stderr)
        sys.exit(4)
    return json.loads(done.stdout)


def certify(options, store):
    # Whatever the verdict is, the measurements can be compared.
    certificate = call([options.assay, "certify", options.profile, "--format", "json", *options.certify],
                       store, (0, 1, 2, 3))
    return certificate["id"]


def short_ns(value):
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value:.3g} ns"


def show_pair(number, comparison):
    compared = [row for row in comparison["measurements"] if row["difference"]]
    equal = sum(row["difference"]["contains_zero"] for row in compared)
    print(f"pair {number}: {comparison['earlier']} and {comparison['later']}: "
          f"{equal} of {len(compared)} differences contain 0")
    for row in compared:
        difference = row["difference"]
        if not difference["contains_zero"]:
            print(f"  {row['series']} p{row['quantile'] * 100:g}: {short_ns(row['earlier_ns'])} and "
                  f"{short_ns(row['later_ns'])}, difference {short_ns(difference['low_ns'])} to "
                  f"{short_ns(difference['high_ns'])}")
    for row in comparison["measurements"]:
        if not row["difference"]:
            print(f"  {row['series']} p{row['quantile'] * 100:g}: {row['verdict']}")
    sys.stdout.flush()
    return compared


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("assay")
    parser.add_argument("certify", nargs="*", help="further options of certify, behind --")
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--profile", default="default")
    parser.add_argument("--store", type=pathlib.Path, help="keep the certificates in this store")
    options = parser.parse_args()
    failures = collections.Counter()
    equal = total = 0
    with tempfile.TemporaryDirectory() as directory:
        store = options.store or pathlib.Path(directory) / "assay.db"
        for number in range(1, options.pairs + 1):
            earlier, later = certify(options, store), certify(options, store)
            comparison = call([options.assay, "history", "compare", earlier, later, "--format", "json"], store, (0,))
            for row in show_pair(number, comparison):
                total += 1
                equal += row["difference"]["contains_zero"]
                if not row["difference"]["contains_zero"]:
                    failures[f"{row['series']} p{row['quantile'] * 100:g}"] += 1
    share = equal / total if total else 0
    print(f"\n{equal} of {total} differences contain 0: {share:.1%} (wanted: {WANTED:.0%})")
    for name, count in failures.most_common():
        print(f"  {count} x {name}")
    return 0 if share >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
