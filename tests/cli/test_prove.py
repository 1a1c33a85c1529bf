"""`assay tune --prove` as a user meets it. On this machine only vm.swappiness and vm.stat_interval are changed, and
put back; disruptive settings are proven in virtual hosts (tests/lab/tests/prove_test.cpp)."""
import json
import os
import signal
import time
import unittest
from pathlib import Path

from harness import COULD_NOT, INCONCLUSIVE, INTERRUPTED, OK, SOURCE, USAGE, CliTest, as_nobody

CAPTURE = str(SOURCE / "tests/captures/8x86-2s2n-nic-nvme-scsi.tar.zst")
SWAPPINESS = Path("/proc/sys/vm/swappiness")
INTERVAL = Path("/proc/sys/vm/stat_interval")
PROFILE = """schema: assay.profile
version: 1
name: tiny
settings:
  memory.swappiness: {value: %s, required: false}
  memory.stat-interval: %ss
budgets:
  - technique: memory.hierarchy
    parameters: {variant: syscall}
    limits: {p50: 1s, p90: 1s}
measure: {time_limit: 2s}
"""


class Prove(CliTest):
    def setUp(self):
        super().setUp()
        self.profile = self.directory / "tiny.yaml"
        self.profile.write_text(PROFILE % (33, 7))

    def values(self):
        return SWAPPINESS.read_text(), INTERVAL.read_text()

    def changing(self):
        """Values of this machine that differ from what is wanted, and are put back whatever happens."""
        if os.geteuid() != 0 or not os.access(SWAPPINESS, os.W_OK):
            self.skipTest("needs root, and a writable /proc/sys")
        before = self.values()
        self.addCleanup(lambda: (SWAPPINESS.write_text(before[0]), INTERVAL.write_text(before[1])))
        self.profile.write_text(PROFILE % (int(before[0]) % 90 + 7, int(before[1]) + 6))
        return before

    def validate(self, document, name):
        try:
            import jsonschema
        except ImportError:
            return
        jsonschema.validate(document, json.loads((SOURCE / f"docs/schemas/{name}.schema.json").read_text()))

    def test_wrong_usage(self):
        for arguments, words in (
                (["--prove", "--diff"], "leave --prove out"),
                (["--prove", "--plan", "--format", "script"], "leave --prove out"),
                (["--prove-time", "3s", "--plan"], "add --prove"),
                (["--prove", "--plan", "--prove-time", "3"], "--prove-time"),
                (["--prove", "--plan", "--prove-time", "1ms"], "too short"),
                (["--prove"], "give --yes")):
            with self.subTest(arguments):
                self.assert_fails(self.run_assay("tune", str(self.profile), *arguments), USAGE, words)
        self.profile.write_text("schema: assay.profile\nversion: 1\nname: tiny\nsettings: {memory.swappiness: 33}\n")
        self.assert_fails(self.run_assay("tune", str(self.profile), "--prove", "--plan"), USAGE, "has no budgets")

    def test_an_ordinary_user_may_only_plan(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to become somebody else")
        self.assert_fails(self.run_assay("tune", str(self.profile), "--prove", "--yes", **as_nobody()), COULD_NOT,
                          "needs root")
        planned = self.run_assay("tune", str(self.profile), "--prove", "--plan", **as_nobody())
        self.assertIn("TO PROVE", planned.stdout)

    def test_plan_of_a_capture(self):
        plan = self.json_of("tune", "low-latency", "--prove", "--plan", "--root", CAPTURE, codes=(0, 1, 3))
        self.validate(plan, "prove-plan")
        ways = {name: group for group in plan["groups"] for name in group["settings"]}
        self.assertTrue(ways["memory.swappiness"]["interleaved"])
        self.assertEqual({group["interleaved"] for group in plan["groups"]
                          if group["disruption"] in ("link-reset", "driver-reload", "reboot")} - {False}, set())
        self.assertGreater(len(plan["measured"]), 10)
        self.assertLessEqual(plan["about_ns"], plan["at_most_ns"])
        self.assertEqual(plan["at_most_ns"], plan["group_ns_max"] * len(plan["groups"]))
        none = self.json_of("tune", "low-latency", "--prove", "--plan", "--max-disruption", "none", "--only", "memory",
                            "--root", CAPTURE, codes=(0, 1, 3))
        self.assertEqual({name.split(".")[0] for group in none["groups"] for name in group["settings"]}, {"memory"})

    def test_keeps_and_puts_back(self):
        before = self.changing()
        report = self.json_of("tune", str(self.profile), "--prove", "--yes", codes=(OK, 1, INCONCLUSIVE))
        self.validate(report, "prove")
        self.validate(report["tune"], "tune")
        entries = {entry["settings"][0]: entry for entry in report["ledger"]}
        self.assertEqual(set(entries), {"memory.swappiness", "memory.stat-interval"})
        # Neither touches a system call; what is merely advised must show a gain to stay.
        advised = entries["memory.swappiness"]["decision"]
        self.assertEqual(SWAPPINESS.read_text() == before[0], advised.startswith("undone"), entries)
        self.assertTrue(entries["memory.stat-interval"]["decision"].startswith("kept"))
        self.assertNotEqual(INTERVAL.read_text(), before[1])
        for entry in entries.values():
            for effect in entry["effects"]:
                self.assertGreaterEqual(effect["pairs"], 8, effect)
                self.assertGreater(effect["samples_after"], 100)
        undone = self.run_assay("rollback", report["tune"]["journal"])
        self.assertEqual(undone.returncode, OK, undone.stdout + undone.stderr)
        self.assertEqual(self.values(), before)
        self.assert_nothing_left()

    def wait_for_a_change(self, process, before):
        end = time.monotonic() + 120
        while self.values() == before and process.poll() is None and time.monotonic() < end:
            time.sleep(0.001)
        self.assertIsNone(process.poll(), "it ended before anything was changed")

    def test_ctrl_c_puts_everything_back_and_says_so(self):
        before = self.changing()
        process = self.start_assay("tune", str(self.profile), "--prove", "--yes", "--prove-time", "60s")
        self.wait_for_a_change(process, before)
        out, err = self.interrupt(process)
        self.assertEqual(process.returncode, INTERRUPTED, out + err)
        self.assertIn("every value was put back: it was stopped", out)
        self.assertEqual(self.values(), before)

    def test_kill_leaves_a_journal_that_a_rollback_undoes(self):
        before = self.changing()
        process = self.start_assay("tune", str(self.profile), "--prove", "--yes", "--prove-time", "60s")
        self.wait_for_a_change(process, before)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        undone = self.run_assay("rollback")
        self.assertEqual(undone.returncode, OK, undone.stdout + undone.stderr)
        self.assertEqual(self.values(), before)


if __name__ == "__main__":
    unittest.main()
