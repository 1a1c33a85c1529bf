"""`assay check`: its forms, whose limits it looks at, and waivers."""
import datetime
import json
import os
import resource
import subprocess
import sys
import unittest
from xml.etree import ElementTree

from harness import COULD_NOT, NOT_AS_WANTED, OK, SOURCE, USAGE, CliTest

PROFILE = """schema: assay.profile
version: 1
name: mine
settings:
  limits.nofile: {at_least: 1000000000}
  container.hypervisor: {keep: true}
"""
WAIVER = """waivers:
  - {setting: limits.nofile, owner: 'Ann <ann@desk>', reason: 'new kernel & all', expires: %s}
"""


class Check(CliTest):
    def profile(self, text):
        path = self.directory / "mine.yaml"
        path.write_text(text)
        return str(path)

    def test_junit(self):
        done = self.run_assay("check", self.profile(PROFILE), "--format", "junit")
        self.assertEqual(done.returncode, NOT_AS_WANTED, done.stderr)
        suite = ElementTree.fromstring(done.stdout)
        self.assertEqual(suite.tag, "testsuite")
        self.assertEqual(suite.get("tests"), str(len(suite.findall("testcase"))))
        self.assertEqual(suite.get("failures"), "1")
        failed = [case for case in suite if case.find("failure") is not None]
        self.assertEqual([case.get("classname") for case in failed], ["limits.nofile"])
        self.assertIn("≥ 1000000000", failed[0].find("failure").get("message"))

    def test_junit_says_the_same_as_json_for_every_built_in_profile(self):
        for name in ("default", "low-latency", "nvme-throughput", "realtime"):
            plain = self.run_assay("check", name, "--format", "json")
            junit = self.run_assay("check", name, "--format", "junit")
            self.assertEqual(plain.returncode, junit.returncode)
            rows = json.loads(plain.stdout)["settings"]
            cases = ElementTree.fromstring(junit.stdout).findall("testcase")
            self.assertEqual([row["id"] for row in rows], [case.get("classname") for case in cases])
            failures = [row["id"] for row in rows
                        if row["required"] and row["outcome"] in ("differs", "pending-reboot")]
            self.assertEqual(failures, [c.get("classname") for c in cases if c.find("failure") is not None])

    def test_document(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not installed")
        schema = json.loads((SOURCE / "docs/schemas/check.schema.json").read_text())
        for options in ([], ["--window", "20ms"], ["--process", str(os.getpid())]):
            jsonschema.validate(self.json_of("check", "low-latency", *options, codes=(0, 1, 3)), schema)

    def test_a_waiver_holds_until_its_day_is_over(self):
        today = datetime.datetime.now(datetime.timezone.utc).date()
        day = datetime.timedelta(days=1)
        done = self.run_assay("check", self.profile(PROFILE + WAIVER % (today + day)))
        self.assertEqual(done.returncode, OK, done.stdout)
        self.assertIn("waived", done.stdout)
        self.assertIn("Ann", done.stdout)
        expired = self.run_assay("check", self.profile(PROFILE + WAIVER % (today - day)))
        self.assertEqual(expired.returncode, NOT_AS_WANTED, expired.stdout)
        self.assertIn("differs", expired.stdout)

    def test_a_waiver_needs_all_its_parts(self):
        for line in ("owner: x, reason: y", "owner: x, expires: 2030-01-01", "reason: y, expires: 2030-01-01"):
            text = PROFILE + "waivers:\n  - {setting: limits.nofile, %s}\n" % line
            self.assert_fails(self.run_assay("check", self.profile(text)), USAGE, "a waiver without")

    def test_limits_of_a_running_process(self):
        def small():
            resource.setrlimit(resource.RLIMIT_NOFILE, (77, 77))
        child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE,
                                 preexec_fn=small)
        self.addCleanup(child.wait)
        self.addCleanup(child.stdin.close)
        profile = self.profile(PROFILE)
        document = self.json_of("check", profile, "--process", str(child.pid), codes=(NOT_AS_WANTED,))
        [row] = [row for row in document["settings"] if row["id"] == "limits.nofile"]
        self.assertEqual(row["effective"] or row["configured"], "77")
        self.assertIn(f"(process {child.pid})", "\n".join(document["notes"]))

    def test_a_process_that_is_not_there(self):
        self.assert_fails(self.run_assay("check", "--process", "no-such-process"), COULD_NOT, "no process has this name")
        self.assert_fails(self.run_assay("check", "--process", "999999999"), COULD_NOT, "number")

    def test_windows(self):
        for text in ("0s", "2h", "1", "x"):
            self.assert_fails(self.run_assay("check", "--window", text), USAGE)
        profile = self.profile("schema: assay.profile\nversion: 1\nname: mine\ncpus: {isolated: '0'}\n"
                               "settings:\n  irq.isolated-ticks: {at_most: unlimited}\n")
        [row] = self.json_of("check", profile)["settings"]
        self.assertEqual(row["outcome"], "not-applicable")
        self.assertIn("--window", row["reason"])
        [row] = self.json_of("check", profile, "--window", "50ms")["settings"]
        self.assertEqual((row["outcome"], row["target"]), ("ok", "cpu0"))
        float(row["configured"])


if __name__ == "__main__":
    unittest.main()
