"""`assay certify`: a whole certificate, and what happens when it cannot be one."""
import json
import os
import subprocess
import time
import unittest

from harness import (COULD_NOT, INCONCLUSIVE, INTERRUPTED, NOT_AS_WANTED, OK, SKIPPED, USAGE, CliTest, as_nobody,
                     on_small_disk)

EVALUATED = (OK, NOT_AS_WANTED, INCONCLUSIVE, SKIPPED)
SMALL = """\
schema: assay.profile
version: 1
name: small
description: A few seconds, for tests
measure: {time_limit: 6s, rounds: 30, load_limit: 1000}
budgets:
  - technique: ipc.pipe
    limits: {p99: 10s}
  - technique: storage.uring
    parameters: {size: 8MiB}
    limits: {p99: 10s}
"""


class Certify(CliTest):
    def profile(self, text=SMALL, name="small.yaml"):
        path = self.directory / name
        path.write_text(text)
        return str(path)

    def test_certificate(self):
        out = self.directory / "out"
        done = self.run_assay("certify", self.profile(), "--format", "json", "--out", str(out), "--nonce", "abc")
        self.assertIn(done.returncode, EVALUATED, done.stderr)
        certificate = json.loads(done.stdout)
        self.assertEqual(certificate["schema"], "assay.certificate")
        self.assertEqual(certificate["nonce"], "abc")
        self.assertIn(certificate["verdict"], ("PASS", "FAIL", "INCONCLUSIVE"))
        for name in ("topology", "net", "block", "measurements", "settings"):
            self.assertTrue(name in certificate or name in certificate.get("inventory", {}), name)
        self.assertFalse(certificate["partial"])
        written = list(out.glob("*.json"))
        self.assertEqual(len(written), 1)
        self.assertEqual(json.loads(written[0].read_text())["id"], certificate["id"])
        self.assert_nothing_left()

    def test_a_met_budget_passes_and_a_missed_one_fails(self):
        done = self.run_assay("certify", self.profile(), "--format", "json")
        self.assertIn(done.returncode, (OK, INCONCLUSIVE), done.stdout[-2000:])
        missed = SMALL.replace("limits: {p99: 10s}", "limits: {p99: 1ns}")
        done = self.run_assay("certify", self.profile(missed), "--format", "json")
        self.assertIn(done.returncode, (NOT_AS_WANTED, INCONCLUSIVE), done.stdout[-2000:])
        self.assertNotEqual(json.loads(done.stdout)["verdict"], "PASS")

    def test_table_ends_with_the_verdict(self):
        done = self.run_assay("certify", self.profile())
        self.assertIn(done.returncode, EVALUATED, done.stderr)
        tail = done.stdout[-1500:]
        self.assertTrue(any(word in tail for word in ("PASS", "FAIL", "INCONCLUSIVE")), tail)
        self.assertNotIn("\033[", done.stdout)  # no colours into a pipe

    def test_ordinary_user(self):
        os.chmod(self.directory, 0o777)
        done = self.run_assay("certify", self.profile(), "--format", "json", **as_nobody())
        self.assertIn(done.returncode, EVALUATED, done.stderr)

    def test_history(self):
        for _ in range(2):
            self.run_assay("certify", self.profile())
        listed = self.json_of("history")
        self.assertEqual(len(listed["certificates"]), 2)
        compared = self.json_of("history", "compare", "latest-1", "latest")
        self.assertTrue(compared["measurements"])

    def test_history_of_nothing(self):
        self.assertEqual(self.json_of("history")["certificates"], [])

    def test_history_unknown_id(self):
        self.assert_fails(self.run_assay("history", "show", "nothing-like-it"), COULD_NOT, "assay certify")
        self.run_assay("certify", self.profile())
        self.assert_fails(self.run_assay("history", "show", "nothing-like-it"), COULD_NOT, "nothing-like-it")

    def test_unknown_profile(self):
        self.assert_fails(self.run_assay("certify", "defualt"), USAGE, "defualt", 'did you mean "default"')
        self.assert_fails(self.run_assay("certify", "./missing.yaml"), USAGE, "missing.yaml", "No such file")

    def test_broken_yaml(self):
        done = self.run_assay("certify", self.profile("schema: assay.profile\nversion: [1\n"))
        self.assert_fails(done, USAGE, "small.yaml:")

    def test_unknown_names(self):
        done = self.run_assay("certify", self.profile(SMALL.replace("ipc.pipe", "ipc.pip")))
        self.assert_fails(done, USAGE, "small.yaml:7:", 'did you mean "ipc.pipe"')
        done = self.run_assay("certify", self.profile(SMALL + "settings:\n  cpu.govenor: performance\n"))
        self.assert_fails(done, USAGE, "small.yaml:13:", 'did you mean "cpu.governor"')

    def test_cyclic_extends(self):
        first = self.profile(SMALL + "extends: ./b.yaml\n", "a.yaml")
        self.profile(SMALL + "extends: ./a.yaml\n", "b.yaml")
        self.assert_fails(self.run_assay("certify", first), USAGE, "a.yaml", "b.yaml")

    def test_full_disk(self):
        wrapper = on_small_disk(4, self.files)
        if wrapper is None:
            self.skipTest("no mount namespace can be made here (needs unshare and privilege)")
        done = self.run_assay("certify", self.profile(), wrapper=wrapper)
        self.assertIn(done.returncode, (COULD_NOT, SKIPPED))
        self.assertIn("8", done.stderr + done.stdout)

    def test_second_run_at_once_is_refused(self):
        first = self.start_assay("certify", self.profile())
        time.sleep(2)
        second = self.run_assay("certify", self.profile())
        self.interrupt(first)
        self.assert_fails(second, COULD_NOT, str(first.pid))

    def test_interrupt_leaves_a_partial_certificate_and_no_file(self):
        longer = SMALL.replace("time_limit: 6s, rounds: 30", "time_limit: 60s, rounds: 300")
        process = self.start_assay("certify", self.profile(longer), "--format", "json")
        time.sleep(4)
        output, errors = self.interrupt(process)
        self.assertEqual(process.returncode, INTERRUPTED, errors)
        certificate = json.loads(output)
        self.assertTrue(certificate["partial"])
        self.assertNotEqual(certificate["verdict"], "PASS")
        self.assert_nothing_left()

    def test_unwritable_out(self):
        done = self.run_assay("certify", self.profile(), "--out", "/proc/nowhere")
        self.assertEqual(done.returncode, COULD_NOT, done.stderr)
        self.assertIn("/proc/nowhere", done.stderr)

    def test_load_above_the_limit(self):
        busy = SMALL.replace("load_limit: 1000", "load_limit: 0.000001")
        with open("/proc/loadavg") as load:
            idle = float(load.read().split()[0]) == 0
        if idle:
            self.skipTest("this host has no load at all")
        done = self.run_assay("certify", self.profile(busy))
        self.assert_fails(done, COULD_NOT, "load", "--force")


class SelfTest(CliTest):
    def test_selftest(self):
        report = self.json_of("selftest", codes=(OK, NOT_AS_WANTED, INCONCLUSIVE))
        self.assertEqual(report["schema"], "assay.selftest")
        self.assertGreaterEqual(report["injected"]["delay_ns"], 20 * report["noise_floor_ns"]["p99"])
        self.assertGreater(report["injected"]["operations"], 0)
