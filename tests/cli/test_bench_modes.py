"""`assay bench`: sweeps, ablation, threads, mixed work, open loops, slow operations, breaches."""
import csv
import io
import json
import time
import unittest
import xml.etree.ElementTree

from harness import COULD_NOT, INCONCLUSIVE, INTERRUPTED, OK, SKIPPED, USAGE, WITHOUT_IO_URING, CliTest, as_nobody

QUICK = ["--duration", "120ms", "--rounds", "6", "--size", "8MiB"]
# A noisy machine may void a result: that is an honest answer and not a failure here.
RAN = (OK, INCONCLUSIVE)


class Modes(CliTest):
    def document(self, *arguments, codes=RAN, **options):
        return self.json_of("bench", *arguments, *QUICK, codes=codes, **options)

    def refused(self, *arguments, words):
        done = self.run_assay("bench", *arguments)
        self.assert_fails(done, USAGE, *words)
        self.assertEqual(done.stdout, "")

    def test_sweep_is_a_grid_with_a_knee(self):
        document = self.document("storage.pread", "--sweep", "block=4KiB,16KiB", "--sweep", "threads=1,2,4")
        measurements, sweep = document["measurements"], document["sweep"]
        self.assertEqual(sweep["axes"], ["block", "threads"])
        self.assertEqual(sweep["load_axis"], "threads")
        points = [(m["parameters"]["block"], m["parameters"].get("threads", "1")) for m in measurements]
        self.assertEqual(points, [(b, t) for b in ("4KiB", "16KiB") for t in "124"])
        for measurement in measurements:
            self.assertTrue(measurement["engaged"], measurement["evidence"])
            self.assertTrue(measurement["verified"])
        self.assertEqual([c["fixed"] for c in sweep["curves"]], [{"block": "4KiB"}, {"block": "16KiB"}])
        for curve in sweep["curves"]:
            self.assertEqual(len(curve["points"]), 3)
            self.assertIn(curve["knee"]["point"], curve["points"])
        self.assert_nothing_left()

    def test_sweep_as_csv_and_svg(self):
        arguments = ["bench", "storage.pread", "--sweep", "threads=1,2,3", *QUICK]
        done = self.run_assay(*arguments, "--format", "csv")
        self.assertIn(done.returncode, RAN, done.stderr)
        rows = list(csv.DictReader(io.StringIO(done.stdout)))
        self.assertEqual([row["threads"] for row in rows], ["1", "2", "3"])
        for row in rows:
            self.assertGreater(float(row["operations_per_s"]), 0)
            self.assertLessEqual(float(row["p50_ns"]), float(row["p99_ns"]))
        done = self.run_assay(*arguments, "--format", "svg")
        self.assertIn(done.returncode, RAN, done.stderr)
        root = xml.etree.ElementTree.fromstring(done.stdout)
        self.assertTrue(root.tag.endswith("svg"))
        self.assertTrue(any(g.get("id") == "knee-0" for g in root.iter("{http://www.w3.org/2000/svg}g")))

    def test_mixed_reads_and_writes(self):
        for technique in ("storage.pread", "storage.uring"):
            with self.subTest(technique):
                measurement = self.document(technique, "--read-share", "60", "--threads", "2")["measurements"][0]
                self.assertTrue(measurement["engaged"], measurement["evidence"])
                self.assertTrue(measurement["verified"], measurement["verification"])
                self.assertIn("% of", measurement["evidence"])

    def test_foreign_file_is_not_written_by_a_share(self):
        path = self.make_file("precious", 8 << 20)
        before = path.read_bytes()
        for arguments in (["--read-share", "99"], ["--sweep", "read-share=0,100"]):
            done = self.run_assay("bench", "storage.pread", "--file", str(path), *arguments)
            self.assertIn(done.returncode, (COULD_NOT, USAGE))
            self.assertIn("--destroy-data", done.stderr)
        self.assertEqual(path.read_bytes(), before)

    def test_open_loop_has_three_latencies(self):
        measurement = self.document("storage.pread", "--rate", "2000")["measurements"][0]
        for key in ("latency_ns", "response_ns", "lag_ns"):
            self.assertLessEqual(measurement[key]["p50"], measurement[key]["p99"])
        self.assertIn("p99", measurement["response_intervals"])
        self.assertTrue(all("response" in block for block in measurement["blocks"]))
        done = self.run_assay("bench", "storage.pread", "--rate", "2000", *QUICK)
        self.assertIn("response, from the intended start", done.stdout)
        self.assertIn("lag of the generator", done.stdout)

    def test_slow_operations_have_causes(self):
        measurement = self.document("storage.pread")["measurements"][0]
        slowest = measurement["slowest"]
        self.assertEqual(len(slowest), 64)
        self.assertEqual(slowest[0]["latency_ns"], measurement["latency_ns"]["max"])
        for event in slowest:
            self.assertTrue(event["because"])
        self.assertTrue(measurement["limits"])
        done = self.run_assay("bench", "storage.pread", "--slow", "3", *QUICK)
        self.assertIn("64 slowest:", done.stdout)
        self.assertEqual(done.stdout.count(" on CPU "), 3)

    def test_breaches_keep_their_surroundings(self):
        target = self.files / "breaches.csv"
        measurement = self.document("storage.pread", "--on-breach", "1us", "--breach-file", str(target))["measurements"][0]
        self.assertGreater(measurement["breaches_seen"], 0)
        for breach in measurement["breaches"]:
            end, service, response = breach["records"][breach["breach"]]
            self.assertGreater(service, 1000)
            self.assertEqual(response, 0)
        rows = list(csv.DictReader(io.StringIO(target.read_text())))
        self.assertEqual(len(rows), sum(len(b["records"]) for b in measurement["breaches"]))
        self.assertTrue(all(int(row["service_ns"]) > 1000 for row in rows if row["position"] == "0"))

    def test_ablation_names_every_switch(self):
        document = self.document("--ablate", "storage.uring")
        steps = document["ablation"]["steps"]
        kinds = [step["kind"] for step in steps]
        self.assertEqual(kinds[0], "plain")
        for kind in ("alone", "cumulative", "all", "without"):
            self.assertIn(kind, kinds)
        by_name = {(step["kind"], step["switch"]): step for step in steps}
        batched = by_name[("alone", "batched")]
        self.assertLess(batched["figures"]["enters_per_operation"]["of_plain"]["high"], 0.5)
        for step in steps:
            self.assertEqual("skipped" in step, step["measurement"] is None or not step["figures"], step)
            if step["kind"] in ("cumulative", "without", "all"):
                self.assertIsNotNone(step["against"])
        done = self.run_assay("bench", "--ablate", "storage.uring", *QUICK, "--format", "csv")
        rows = list(csv.DictReader(io.StringIO(done.stdout)))
        self.assertEqual(len(rows), len(steps))
        self.assert_nothing_left()

    def test_ablation_without_io_uring(self):
        done = self.run_assay("bench", "--ablate", "storage.uring", *QUICK, wrapper=[WITHOUT_IO_URING])
        self.assertEqual(done.returncode, SKIPPED, done.stderr)
        self.assertIn("Operation not permitted", done.stdout + done.stderr)

    def test_ordinary_user(self):
        measurement = self.document("storage.pread", "--threads", "2", **as_nobody())["measurements"][0]
        self.assertTrue(measurement["verified"])

    def test_bad_input(self):
        cases = [
            (["storage.pread", "--sweep", "depth=1,2"], ["takes no depth"]),
            (["storage.pread", "--sweep", "block"], ["PARAMETER=VALUES"]),
            (["storage.pread", "--sweep", "blok=4KiB"], ["did you mean"]),
            (["storage.pread", "--sweep", "size=1MiB,2MiB"], ["one test file"]),
            (["storage.pread", "--sweep", "block=4KiB", "--baseline"], ["--baseline"]),
            (["storage.uring", "--sweep", "depth=1..256+1", "--sweep", "batch=1,2"], ["256 are allowed"]),
            (["storage.pread", "--format", "svg"], ["--sweep"]),
            (["storage.pread", "--threads", "0"], ["1 to 1024"]),
            (["storage.pread", "--read-share", "101"], ["0 to 100"]),
            (["storage.uring", "--features", "warp"], ["fixed-buffers"]),
            (["storage.pread", "--slow", "65"], ["--slow"]),
            (["storage.pread", "--on-breach", "soon"], ["expected a time"]),
            (["storage.pread", "--on-breach", "p100=1ms"], ["expected a time"]),
            (["storage.pread", "--breach-file", "x.csv"], ["--on-breach"]),
            (["--ablate", "storage.pread"], ["expected a technique with switches", "storage.uring"]),
            (["--ablate", "storage.uring", "storage.pread"], ["excludes"]),
            (["--ablate", "storage.uring", "--sweep", "depth=1,2"], ["excludes"]),
            (["--ablate", "storage.uring", "--features", "batched"], ["excludes --features"]),
            ([], ["expected a technique"]),
        ]
        for arguments, words in cases:
            with self.subTest(arguments):
                self.refused(*arguments, words=words)

    def test_interrupt_gives_what_was_measured(self):
        for arguments in (["storage.pread", "--sweep", "block=4KiB..64KiB"], ["--ablate", "storage.uring"]):
            with self.subTest(arguments):
                process = self.start_assay("bench", *arguments, "--size", "8MiB", "--duration", "6s",
                                           "--rounds", "300", "--format", "json")
                time.sleep(3)
                output, _ = self.interrupt(process)
                self.assertEqual(process.returncode, INTERRUPTED)
                document = json.loads(output)
                self.assertTrue(document["partial"])
                self.assertGreater(sum(m["operations"] for m in document["measurements"]), 0)
                self.assert_nothing_left()
