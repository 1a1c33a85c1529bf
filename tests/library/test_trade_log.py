#!/usr/bin/env python3
"""A crash after flush loses nothing: the trade log is killed at random points and read back."""
import os
import random
import re
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

TRADE_LOG = os.environ["TRADE_LOG"]
WITHOUT_IO_URING = os.environ["WITHOUT_IO_URING"]


def contents(log):
    done = subprocess.run([TRADE_LOG, "verify", str(log)], capture_output=True, text=True, timeout=60)
    found = re.fullmatch(r"trades (\d+) blocks (\d+) sessions (\d+) wrong (\d+)\n", done.stdout)
    assert found, done
    return [int(n) for n in found.groups()]


class TradeLog(unittest.TestCase):
    wrapper = []

    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir="/var/tmp")  # a drive rather than memory
        self.addCleanup(folder.cleanup)
        self.log = Path(folder.name) / "trades"

    def write(self, *arguments):
        return subprocess.run([*self.wrapper, TRADE_LOG, "write", str(self.log), *arguments],
                              capture_output=True, text=True, timeout=60)

    def kill_once(self, delay_s):
        """Writes until killed; returns the last trade that a flush had promised."""
        process = subprocess.Popen([*self.wrapper, TRADE_LOG, "write", str(self.log), "100000000", "100"],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        first = process.stdout.readline()
        time.sleep(delay_s)
        process.kill()
        rest = process.stdout.read()
        process.stdout.close()
        process.wait()
        promised = re.findall(r"^flushed (\d+)$", first + rest, re.M)
        self.assertTrue(promised)
        return int(promised[-1])

    def test_everything_that_was_written_is_there(self):
        done = self.write("1000", "300")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, "flushed 300\nflushed 600\nflushed 900\nflushed 1000\n")
        trades, _, sessions, wrong = contents(self.log)
        self.assertEqual((trades, sessions, wrong), (1000, 1, 0))
        self.assertEqual(self.write("500", "500").stdout, "flushed 1500\n")
        trades, _, sessions, wrong = contents(self.log)
        self.assertEqual((trades, sessions, wrong), (1500, 2, 0))

    def test_killed_at_random_points(self):
        random.seed(4)
        for kill in range(12):
            promised = self.kill_once(random.uniform(0, 0.05))
            trades, _, _, wrong = contents(self.log)
            self.assertEqual(wrong, 0)
            self.assertGreaterEqual(trades, promised, f"kill {kill}: flushed trades are lost")
        # And the log goes on where it ended.
        self.assertEqual(self.write("10").returncode, 0)
        self.assertEqual(contents(self.log)[0], trades + 10)

    def test_a_damaged_block_ends_the_log(self):
        """The reader is no yes-man: it finds what is not as it was written."""
        self.write("200", "200")
        data = bytearray(self.log.read_bytes())
        data[4096 + 2000] ^= 1
        self.log.write_bytes(data)
        self.assertEqual(contents(self.log)[0], 63)

    def test_a_foreign_file_is_left_alone(self):
        self.log.write_text("not a trade log\n" * 1000)
        before = self.log.read_bytes()
        done = self.write("10")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("it is no trade log", done.stderr)
        self.assertEqual(self.log.read_bytes(), before)


class TradeLogWithoutIoUring(TradeLog):
    wrapper = [WITHOUT_IO_URING]

    def test_the_fallback_is_announced(self):
        done = self.write("10")
        self.assertIn("instead: preadv2 and pwritev2", done.stderr)
        self.assertEqual(contents(self.log)[0], 10)


if __name__ == "__main__":
    unittest.main()
