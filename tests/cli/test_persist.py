"""`assay tune --persist` as a plan: which files would make a profile last. Real files are written in virtual hosts
(tests/lab/tests/persist_test.cpp)."""
import json
import unittest

from harness import OK, SOURCE, USAGE, CliTest

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

    def test_a_script_writes_no_files(self):
        done = self.run_assay("tune", "default", "--plan", "--persist", "--format", "script", "--root", CAPTURE)
        self.assert_fails(done, USAGE, "leave --persist out")
        self.assertEqual(self.run_assay("tune", "--help").returncode, OK)


if __name__ == "__main__":
    unittest.main()
