"""`assay probe`, `check`, `explain`, `techniques`, `profiles`: reading, as root and as anybody."""
import json
import os
import re
import signal
import subprocess
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from harness import COULD_NOT, INTERRUPTED, NOT_AS_WANTED, OK, SKIPPED, SOURCE, USAGE, CliTest, as_nobody

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

    def test_areas(self):
        document = self.json_of("probe", "net", "time")
        self.assertEqual(document["areas"], ["net", "time"])
        self.assertEqual(set(document), {"schema", "version", "areas", "host", "net", "time", "unreadable"})
        self.assertNotIn("KERNEL", self.run_assay("probe", "memory").stdout)
        self.assert_fails(self.run_assay("probe", "nmve"), USAGE, 'did you mean "nvme"')

    def test_every_area_alone_says_what_it_says_in_the_whole(self):
        whole = self.json_of("probe")
        for area in ("rdma", "storage", "limits", "pci", "mounts"):
            self.assertEqual(self.json_of("probe", area)[area], whole[area], area)

    def test_window(self):
        interrupts = self.json_of("probe", "interrupts", "--window", "100ms")["interrupts"]
        self.assertGreaterEqual(interrupts["window_ns"], 100_000_000)
        self.assertIsNone(self.json_of("probe", "interrupts")["interrupts"]["window_ns"])
        for wrong in ("0", "-1s", "5", "2h", "soon"):
            self.assert_fails(self.run_assay("probe", "--window", wrong), USAGE)
        self.assert_fails(self.run_assay("probe", "net", "--window", "1s"), USAGE, "interrupts")
        self.assert_fails(self.run_assay("probe", "--window", "1s", "--root", str(self.files)), USAGE, "stands still")

    def test_window_ends_with_ctrl_c(self):
        process = self.start_assay("probe", "interrupts", "--window", "1h")
        # On a busy machine a program takes seconds to begin: Ctrl-C counts once it is caught.
        caught = 0
        while not caught & 1 << (signal.SIGINT - 1):
            self.assertIsNone(process.poll())
            [line] = re.findall(r"SigCgt:\t(\w+)", Path(f"/proc/{process.pid}/status").read_text())
            caught = int(line, 16)
            time.sleep(0.01)
        self.interrupt(process, timeout=10)
        self.assertEqual(process.returncode, INTERRUPTED)

    def test_storage_under_a_path(self):
        document = self.json_of("probe", "--path", "/")
        self.assertEqual(document["areas"], ["storage"])
        self.assertEqual([entry["path"] for entry in document["storage"]], ["/"])
        self.assertEqual(document["storage"][0]["mount_point"], "/")
        self.assertIn("STORAGE", self.run_assay("probe", "storage", "--path", "/tmp").stdout)
        self.assert_fails(self.run_assay("probe", "--path", "/no/such/place"), COULD_NOT, "/no/such/place")

    def test_spawns_nothing(self):
        """A limit of no further process: whatever would be started could not be. (The leak check would be.)"""
        if os.geteuid() != 0:
            self.skipTest("only root can become a user without processes")
        wrapper = ["env", "ASAN_OPTIONS=detect_leaks=0", "prlimit", "--nproc=0:0"]
        done = self.run_assay("probe", "--format", "json", wrapper=wrapper, **as_nobody())
        self.assertEqual(done.returncode, OK, done.stderr)

    def test_valid_by_the_schema_whatever_is_asked_for(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not installed")
        schema = json.loads((SOURCE / "docs/schemas/probe.schema.json").read_text())
        for arguments in ([], ["net"], ["--path", "/"], ["interrupts", "--window", "50ms"],
                          ["--root", str(self.files)]):
            with self.subTest(arguments):
                jsonschema.validate(self.json_of("probe", *arguments), schema)

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
