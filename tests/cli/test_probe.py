"""`assay probe`, `check`, `explain`, `techniques`, `profiles`: reading, as root and as anybody."""
import json
import os
import subprocess
import xml.etree.ElementTree as ElementTree

from harness import COULD_NOT, NOT_AS_WANTED, OK, SKIPPED, CliTest, as_nobody

EVALUATED = (OK, NOT_AS_WANTED, SKIPPED)


class Probe(CliTest):
    def test_counts(self):
        document = self.json_of("probe")
        self.assertEqual((document["schema"], document["version"]), ("assay.probe", 1))
        with open("/sys/devices/system/cpu/online") as online:
            parts = [part.split("-") for part in online.read().strip().split(",")]
        cpus = sum(int(part[-1]) - int(part[0]) + 1 for part in parts)
        counts = document["topology"]["counts"]
        self.assertEqual(counts["cpus"], cpus)
        self.assertLessEqual(counts["cores"], cpus)
        self.assertEqual(counts["nodes"], len(document["topology"]["nodes"]))
        self.assertEqual({nic["name"] for nic in document["net"]}, set(os.listdir("/sys/class/net")))

    def test_ordinary_user_sees_the_same_machine(self):
        mine, theirs = self.json_of("probe"), self.json_of("probe", **as_nobody())
        self.assertEqual(mine["topology"]["counts"], theirs["topology"]["counts"])

    def test_yaml_says_the_same(self):
        import yaml
        done = self.run_assay("probe", "--format", "yaml")
        self.assertEqual(done.returncode, OK)
        self.assertEqual(yaml.safe_load(done.stdout)["topology"]["counts"], self.json_of("probe")["topology"]["counts"])

    def test_table_is_text(self):
        done = self.run_assay("probe")
        self.assertEqual(done.returncode, OK)
        self.assertNotIn("\033[", done.stdout)
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 100)

    def test_drawing_is_plain_svg_with_every_cpu(self):
        done = self.run_assay("probe", "--format", "svg")
        self.assertEqual(done.returncode, OK)
        root = ElementTree.fromstring(done.stdout)
        self.assertEqual(root.tag, "{http://www.w3.org/2000/svg}svg")
        drawn = {e.get("id") for e in root.iter() if (e.get("id") or "").startswith("cpu-")}
        self.assertEqual(drawn, {f"cpu-{c['id']}" for c in self.json_of("probe")["topology"]["cpus"]})

    def test_root_that_is_not_there(self):
        for command in (["probe"], ["check", "default"], ["techniques"]):
            self.assert_fails(self.run_assay(*command, "--root", "/nowhere/at/all"), COULD_NOT, "/nowhere/at/all")

    def test_empty_tree(self):
        document = self.json_of("probe", "--root", str(self.files))
        self.assertEqual(document["net"], [])


class Check(CliTest):
    def test_rows(self):
        for profile in ("default", "low-latency", "nvme-throughput", "realtime"):
            with self.subTest(profile):
                document = self.json_of("check", profile, codes=EVALUATED)
                self.assertEqual(document["schema"], "assay.check")
                for row in document["settings"]:
                    for key in ("id", "target", "wanted", "configured", "effective", "outcome"):
                        self.assertIn(key, row)

    def test_ordinary_user(self):
        done = self.run_assay("check", "low-latency", **as_nobody())
        self.assertIn(done.returncode, EVALUATED, done.stderr)

    def test_explain(self):
        settings = self.json_of("explain", "--all")["settings"]
        self.assertGreaterEqual(len(settings), 25)
        for setting in settings[:5]:
            done = self.run_assay("explain", setting["id"])
            self.assertEqual(done.returncode, OK)
            self.assertIn(setting["id"], done.stdout)

    def test_techniques(self):
        techniques = self.json_of("techniques")["techniques"]
        self.assertGreaterEqual(len(techniques), 15)
        for technique in techniques:
            if not technique["available"]:
                self.assertTrue(technique["reason"] and technique["remedy"], technique)

    def test_profiles(self):
        listed = self.run_assay("profiles").stdout
        for profile in ("default", "low-latency", "nvme-throughput", "realtime"):
            self.assertIn(profile, listed)
            copy = self.directory / f"{profile}.yaml"
            copy.write_text(self.run_assay("profiles", profile).stdout)
            self.assertEqual(self.run_assay("profiles", str(copy)).returncode, OK)
