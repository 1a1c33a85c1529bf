"""`assay tune --persist` as a plan: which files would make a profile last. Real files are written in virtual hosts
(tests/lab/tests/persist_test.cpp)."""
import json
import os
import re
import subprocess
import unittest

from harness import SOURCE, CliTest

CAPTURE = str(SOURCE / "tests/captures/8x86-2s2n-nic-nvme-scsi.tar.zst")
PLANNED = (0, 1, 3)


class Persist(CliTest):
    def plan(self, *arguments):
        return self.json_of("tune", "low-latency", "--plan", "--root", CAPTURE, *arguments, codes=PLANNED)

    def test_files_stand_in_the_plan(self):
        self.assertEqual(self.plan()["lasting"], [])
        lasting = self.plan("--persist")["lasting"]
        paths = {change["subject"]: change for change in lasting}
        self.assertIn("\nvm.swappiness = 0\n", paths["/etc/sysctl.d/99-assay.conf"]["after"])
        self.assertIn('\nname: "low-latency"\n', paths["/etc/assay/low-latency.yaml"]["after"])
        for change in lasting:
            if change["kind"] != "run":
                self.assertRegex(change["subject"], r"^/etc/[A-Za-z0-9@./-]*assay[A-Za-z0-9@./-]*$")

    def test_the_profile_that_is_kept_is_the_same_profile(self):
        [kept] = [c["after"] for c in self.plan("--persist")["lasting"] if c["subject"].endswith("low-latency.yaml")]
        path = self.directory / "kept.yaml"
        path.write_text(kept)
        here = self.json_of("tune", str(path), "--plan", "--root", CAPTURE, codes=PLANNED)
        self.assertEqual(here["profile_digest"], self.plan()["profile_digest"])

    def test_document(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not installed")
        schema = json.loads((SOURCE / "docs/schemas/plan.schema.json").read_text())
        jsonschema.validate(self.plan("--persist"), schema)
        jsonschema.validate(self.json_of("tune", "default", "--plan", "--persist", codes=PLANNED), schema)

    def test_for_people(self):
        done = self.run_assay("tune", "low-latency", "--plan", "--persist", "--root", CAPTURE)
        self.assertIn("TO LAST OVER A REBOOT\n", done.stdout)
        self.assertRegex(done.stdout, r"\n  write    /etc/sysctl\.d/99-assay\.conf\n")
        done = self.run_assay("tune", "low-latency", "--diff", "--persist", "--root", CAPTURE)
        self.assertIn("\n+ vm.swappiness = 0\n", done.stdout)

    def test_a_script_writes_the_same_files(self):
        """Over an empty root, since the capture has none of ours: the plan's own texts stand there afterwards."""
        done = self.run_assay("tune", "low-latency", "--plan", "--persist", "--format", "script", "--root", CAPTURE)
        self.assertIn(done.returncode, PLANNED)
        script, _, lasting = done.stdout.partition("\n# What makes it last over a reboot.\n")
        path = self.directory / "script"
        # The functions, and the calls for the files: what stands between them needs the host itself.
        body = script[:re.search(r"\n# [a-z]+\.[a-z0-9-]+ on ", script).start()]
        path.write_text(body + "\n" + lasting)
        root = self.directory / "root"
        root.mkdir()
        for _ in range(2):  # again changes nothing, and is no error
            ran = subprocess.run(["sh", str(path)], env={"ROOT": str(root), "PATH": os.environ["PATH"]},
                                 capture_output=True, text=True)
            self.assertEqual((ran.returncode, ran.stderr), (0, ""))
        for change in self.plan("--persist")["lasting"]:
            if change["kind"] == "replace-file":
                self.assertEqual((root / change["subject"][1:]).read_text(), change["after"], change["subject"])
        (root / "etc/sysctl.d/99-assay.conf").write_text("somebody was here\n")
        ran = subprocess.run(["sh", str(path)], env={"ROOT": str(root), "PATH": os.environ["PATH"]},
                             capture_output=True, text=True)
        self.assertNotEqual(ran.returncode, 0)
        self.assertIn("/etc/sysctl.d/99-assay.conf is another file", ran.stderr)


if __name__ == "__main__":
    unittest.main()
