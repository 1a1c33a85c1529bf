"""`assay core-to-core`: every pair, three formats, and clear words where there is none."""
import json
import os
import shutil
import unittest
import xml.dom.minidom

from harness import INCONCLUSIVE, OK, SKIPPED, SOURCE, USAGE, CliTest, as_nobody

CPUS = sorted(os.sched_getaffinity(0))
QUICK = ["--duration", "50ms"]
# A host that is busy on one CPU may not answer in time: said, and not a failure here.
RAN = (OK, INCONCLUSIVE)
SCHEMA = SOURCE / "docs/schemas/core-to-core.schema.json"


@unittest.skipIf(len(CPUS) < 2, "one CPU makes no pair")
class CoreToCore(CliTest):
    def test_json(self):
        document = self.json_of("core-to-core", *QUICK, codes=RAN)
        self.assertEqual((document["schema"], document["version"]), ("assay.core-to-core", 1))
        self.assertEqual(sorted(document["cpus"]), CPUS)
        for matrix in (document["one_way_ns_p50"], document["one_way_ns_min"], document["one_way_ns_p99"]):
            self.assertEqual([len(row) for row in matrix], [len(CPUS)] * len(CPUS))
            for i, row in enumerate(matrix):
                self.assertIsNone(row[i])
                for j, value in enumerate(row):
                    self.assertEqual(value, matrix[j][i], "a pair has one latency")
        measured = len(CPUS) * (len(CPUS) - 1) // 2 - len(document["skipped"])
        self.assertEqual(sum(r["pairs"] for r in document["relations"]), measured)
        self.assertLess(document["took_ns"], 20e9)

    def test_schema(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not installed")
        schema = json.loads(SCHEMA.read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        document = self.json_of("core-to-core", *QUICK, codes=RAN)
        jsonschema.validate(document, schema)
        for key in schema["required"]:
            broken = {k: v for k, v in document.items() if k != key}
            with self.assertRaises(jsonschema.ValidationError):
                jsonschema.validate(broken, schema)

    def test_svg(self):
        done = self.run_assay("core-to-core", *QUICK, "--format", "svg")
        self.assertIn(done.returncode, RAN, done.stderr)
        page = xml.dom.minidom.parseString(done.stdout)
        self.assertEqual(page.documentElement.tagName, "svg")
        self.assertEqual(page.getElementsByTagName("script"), [])

    def test_table_and_chosen_cpus(self):
        done = self.run_assay("core-to-core", *QUICK, "--cpus", f"{CPUS[0]},{CPUS[1]}")
        self.assertIn(done.returncode, RAN, done.stderr)
        self.assertIn("1 pairs", done.stdout)
        self.assertEqual(done.stderr, "", "progress is for terminals")

    def test_an_ordinary_user_may(self):
        done = self.run_assay("core-to-core", *QUICK, **as_nobody())
        self.assertIn(done.returncode, RAN, done.stderr)


class Refusals(CliTest):
    def test_one_cpu(self):
        self.assert_fails(self.run_assay("core-to-core", "--cpus", str(CPUS[0])), SKIPPED, "one CPU makes no pair")
        if shutil.which("taskset"):
            done = self.run_assay("core-to-core", wrapper=["taskset", "-c", str(CPUS[0])])
            self.assert_fails(done, SKIPPED, "one CPU makes no pair", "cpuset")

    def test_bad_options(self):
        for arguments, words in [(["--cpus", "9000"], "may not use"), (["--cpus", "x"], "x"), (["--cpus", "3-1"], "3-1"),
                                 (["--duration", "0s"], "more than 0"), (["--duration", "2h"], "at most 1h"),
                                 (["--duration", "-1s"], "-1s"), (["--duration", "soon"], "soon"),
                                 (["--format", "png"], "png"), (["--cpu", "0"], "--cpus"), (["extra"], "extra")]:
            with self.subTest(arguments):
                self.assert_fails(self.run_assay("core-to-core", *arguments), USAGE, words)


if __name__ == "__main__":
    unittest.main()
