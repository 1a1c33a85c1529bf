"""`assay tune` and `assay rollback` as a user meets them. No setting of this machine is changed: real
changes are tested in virtual hosts (tests/lab/tests/tune_test.cpp)."""
import json
import os
import subprocess
import unittest

from harness import COULD_NOT, NOT_AS_WANTED, OK, SOURCE, USAGE, CliTest, as_nobody

CAPTURE = str(SOURCE / "tests/captures/8x86-2s2n-nic-nvme-scsi.tar.zst")


class Tune(CliTest):
    def plan(self, profile, *arguments, codes=(OK, NOT_AS_WANTED)):
        return self.json_of("tune", profile, "--plan", "--root", CAPTURE, *arguments, codes=codes)

    def test_help_says_how_to_undo(self):
        done = self.run_assay("tune", "--help")
        self.assertEqual(done.returncode, OK)
        for word in ("--plan", "--diff", "--only", "--max-disruption", "--yes", "--keep-going", "assay rollback"):
            self.assertIn(word, done.stdout)
        self.assertIn("--force", self.run_assay("rollback", "--help").stdout)

    def test_wrong_usage(self):
        for arguments, words in (
                (["--root", CAPTURE], "add --plan"),
                (["--format", "script"], "add --plan"),
                ([], "give --yes"),
                (["--plan", "--max-disruption", "link-rest"], 'did you mean "link-reset"'),
                (["--plan", "--only", "block.schedular"], 'did you mean "block.scheduler"'),
                (["--plam"], 'did you mean "--plan"')):
            with self.subTest(arguments):
                self.assert_fails(self.run_assay("tune", "low-latency", *arguments), USAGE, words)
        self.assert_fails(self.run_assay("tune", "low-latencie", "--plan"), USAGE, 'did you mean "low-latency"')

    def test_an_ordinary_user_is_told_to_be_root(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to become somebody else")
        self.assert_fails(self.run_assay("tune", "low-latency", "--yes", **as_nobody()), COULD_NOT, "needs root")
        self.assert_fails(self.run_assay("rollback", **as_nobody()), COULD_NOT, "needs root")
        self.assertIn(self.run_assay("tune", "low-latency", "--plan", **as_nobody()).returncode, (0, 1, 3))

    def test_plans_agree_with_the_check(self):
        for profile in ("low-latency", "nvme-throughput", "realtime", "default"):
            with self.subTest(profile):
                check = self.json_of("check", profile, "--root", CAPTURE, codes=(0, 1, 3))
                differs = {(row["id"], row["target"]) for row in check["settings"] if row["outcome"] == "differs"}
                plan = self.plan(profile, codes=(0, 1, 3))
                changed = {(row["id"], row["target"]) for row in plan["settings"] if row["state"] == "to-change"}
                self.assertTrue(changed)
                self.assertLessEqual(changed, differs)
                for row in plan["settings"]:
                    self.assertEqual(bool(row["changes"]), row["state"] == "to-change", row)
                    for change in row["changes"]:
                        self.assertNotEqual(change["before"], change["after"], row)

    def test_documents_match_their_schemas(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not installed")
        schema = json.loads((SOURCE / "docs/schemas/plan.schema.json").read_text())
        jsonschema.validate(self.plan("low-latency", codes=(0, 1, 3)), schema)
        jsonschema.validate(self.json_of("tune", "default", "--plan", codes=(0, 1, 3)), schema)

    def test_disruption_and_selection_narrow_the_plan(self):
        quiet = self.plan("nvme-throughput", "--max-disruption", "none", codes=(0, 1, 3))
        self.assertEqual(quiet["disruption"], "none")
        only = self.plan("low-latency", "--only", "memory", codes=(0, 1, 3))
        self.assertEqual({row["id"].split(".")[0] for row in only["settings"]}, {"memory"})

    def test_the_script_is_a_script(self):
        done = self.run_assay("tune", "low-latency", "--plan", "--format", "script", "--root", CAPTURE)
        self.assertIn(done.returncode, (0, 1, 3))
        self.assertTrue(done.stdout.startswith("#!/bin/sh\n"))
        path = self.directory / "script"
        path.write_text(done.stdout)
        checked = subprocess.run(["sh", "-n", str(path)], capture_output=True, text=True)
        self.assertEqual((checked.returncode, checked.stderr), (0, ""))

    def test_table_and_diff(self):
        table = self.run_assay("tune", "low-latency", "--plan", "--root", CAPTURE).stdout
        for word in ("SETTING", "DISRUPTION", "to-change", "worst disruption", "exit code"):
            self.assertIn(word, table)
        diff = self.run_assay("tune", "low-latency", "--diff", "--root", CAPTURE).stdout
        self.assertIn("(memory.swappiness)\n- 10\n+ 0\n", diff)

    def test_roles_near_a_device_reach_every_row(self):
        """eth0 of this capture hangs on node 1, which has the CPUs 2 and 3."""
        capture = str(SOURCE / "tests/captures/lab-numa2.tar.zst")
        profile = self.directory / "near.yaml"
        profile.write_text("schema: assay.profile\nversion: 1\nname: near\nextends: low-latency\ncpus:\n"
                           "  housekeeping: rest\n  isolated: near(nic:eth0) - one-core-per-node\nsettings:\n"
                           "  scheduler.cpuset-partition: isolated\n  net.xps: all\n")
        plan = self.json_of("tune", str(profile), "--plan", "--persist", "--root", capture, codes=(0, 1, 3))
        wanted = {}
        for row in plan["settings"]:
            wanted.setdefault(row["id"], set()).add(row["wanted"])
        for name in ("boot.isolcpus", "boot.nohz-full", "boot.rcu-nocbs", "scheduler.cpuset-partition"):
            self.assertEqual(wanted[name], {"3"}, name)
        for name in ("irq.affinity", "irq.default-affinity", "net.rps", "scheduler.workqueue-cpumask",
                     "scheduler.kernel-threads"):
            self.assertEqual(wanted[name], {"within 0-2"}, name)
        self.assertEqual(wanted["boot.irqaffinity"], {"0-2"})
        # The captured host has another boot line, which the words to come do not agree with.
        files = {change["subject"]: change["after"] for change in plan["lasting"] if change["kind"] != "run"}
        self.assertIn("near(nic:eth0)", files["/etc/assay/near.yaml"])
        missing = profile.read_text().replace("eth0", "eth9")
        profile.write_text(missing)
        done = self.run_assay("check", str(profile), "--root", capture)
        self.assert_fails(done, USAGE, "near.yaml:7:13", 'no NIC "eth9"', "it has eth0, eth1, eth2")

    def test_contradictions_name_their_lines(self):
        profile = self.directory / "mine.yaml"
        profile.write_text("schema: assay.profile\nversion: 1\nname: mine\ncpus:\n  housekeeping: 0-1,4-5\n"
                           "  isolated: 2-3,6-7\nsettings:\n  irq.affinity: {at_most: isolated}\n")
        done = self.run_assay("tune", str(profile), "--plan", "--root", CAPTURE)
        self.assert_fails(done, USAGE, "mine.yaml:8:", "mine.yaml:6:", "interrupts would go to isolated CPUs")


if __name__ == "__main__":
    unittest.main()
