"""`assay run` becomes the program: its place, its pid, its status, and a word about what it did not get."""
import json
import os
import resource
import signal
import subprocess
import sys
import unittest

from harness import COULD_NOT, OK, PROGRAM, SKIPPED, SOURCE, USAGE, CliTest, as_nobody

# What a program sees of its own place.
LOOK = """
import json, os, resource, signal
print(json.dumps({"pid": os.getpid(), "cpus": sorted(os.sched_getaffinity(0)),
    "policy": os.sched_getscheduler(0), "priority": os.sched_getparam(0).sched_priority,
    "memlock": resource.getrlimit(resource.RLIMIT_MEMLOCK), "nofile": resource.getrlimit(resource.RLIMIT_NOFILE),
    "sigpipe_ignored": bool(int([l for l in open("/proc/self/status") if l.startswith("SigIgn")][0].split()[1], 16)
                            & 1 << (signal.SIGPIPE - 1)),
    "numa": open("/proc/self/numa_maps").readline().split()[1] if os.path.exists("/proc/self/numa_maps") else ""}))
"""
ROOT = os.geteuid() == 0
# One that every user can start: a test's own may stand in a home directory.
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
LAST_CPU = max(os.sched_getaffinity(0))


def may_be_real_time():
    return subprocess.run([sys.executable, "-c", "import os; os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(5))"],
                          capture_output=True).returncode == 0


def may_raise_limits():
    code = "import resource as r; r.setrlimit(r.RLIMIT_MEMLOCK, (-1, -1))"
    return subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def bounded():
    """What an ordinary session has."""
    resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (8192, 65536))


class Run(CliTest):
    def look(self, *options, **more):
        done = self.run_assay("run", *options, "--", PYTHON, "-c", LOOK, **more)
        self.assertEqual(done.returncode, OK, done.stderr)
        return json.loads(done.stdout), done.stderr

    def test_affinity(self):
        seen, stderr = self.look("--cpus", str(LAST_CPU))
        self.assertEqual(seen["cpus"], [LAST_CPU])
        self.assertEqual(stderr, "")

    def test_a_bare_run_changes_nothing(self):
        seen, stderr = self.look()
        self.assertEqual(seen["cpus"], sorted(os.sched_getaffinity(0)))
        self.assertEqual(seen["policy"], os.SCHED_OTHER)
        self.assertEqual(stderr, "")

    def test_the_pid_is_the_programs(self):
        process = subprocess.Popen([PROGRAM, "run", "--", sys.executable, "-c", LOOK], stdout=subprocess.PIPE,
                                   text=True, env=self.environment)
        seen = json.loads(process.communicate(timeout=60)[0])
        self.assertEqual(seen["pid"], process.pid)

    def test_signals_are_as_they_were(self):
        # Python ignores SIGPIPE itself: ask a shell.
        text = 'grep SigIgn /proc/self/status'
        plain = subprocess.run(["sh", "-c", text], capture_output=True, text=True, restore_signals=True)
        done = self.run_assay("run", "--", "sh", "-c", text)
        self.assertEqual(done.stdout, plain.stdout)
        ignored = subprocess.run(["sh", "-c", f"trap '' PIPE INT; exec {PROGRAM} run -- sh -c '{text}'"],
                                 capture_output=True, text=True, env=self.environment)
        mask = int(ignored.stdout.split()[1], 16)
        for one in (signal.SIGPIPE, signal.SIGINT):
            self.assertTrue(mask & 1 << (one - 1), ignored.stdout)

    def test_nothing_else_is_handed_on(self):
        # The fourth one is ls's own, of the folder that it lists.
        done = self.run_assay("run", "--cpus", str(LAST_CPU), "--", "ls", "/proc/self/fd")
        self.assertEqual(done.stdout.split(), ["0", "1", "2", "3"])
        plain = subprocess.run(["env"], capture_output=True, text=True, env=self.environment)
        self.assertEqual(sorted(self.run_assay("run", "--", "env").stdout.split("\n")), sorted(plain.stdout.split("\n")))

    def test_scheduling_class(self):
        seen, _ = self.look("--sched", "batch")
        self.assertEqual(seen["policy"], os.SCHED_BATCH)

    @unittest.skipUnless(may_be_real_time(), "this user may not run real-time tasks")
    def test_real_time(self):
        for text, policy in (("fifo:7", os.SCHED_FIFO), ("rr:7", os.SCHED_RR)):
            seen, stderr = self.look("--sched", text, "--cpus", str(LAST_CPU))
            self.assertEqual((seen["policy"], seen["priority"]), (policy, 7))
            self.assertEqual(stderr, "")

    def test_memory_node(self):
        seen, stderr = self.look("--mem-node", "local")
        if seen["numa"]:
            self.assertRegex(seen["numa"], r"^bind:\d")
        else:
            self.assertIn("not given: --mem-node local", stderr)

    def test_limits(self):
        seen, stderr = self.look("--limit", "nofile=512", "--limit", "memlock=4KiB")
        self.assertEqual(seen["nofile"][0], 512)
        self.assertEqual(seen["memlock"][0], 4096)
        self.assertEqual(stderr, "")

    @unittest.skipUnless(may_raise_limits(), "needs CAP_SYS_RESOURCE")
    def test_memory_may_be_locked(self):
        self.assertEqual(self.look("--mlock")[0]["memlock"], [-1, -1])

    @unittest.skipUnless(ROOT, "needs root to become an ordinary user")
    def test_an_ordinary_user_is_told_what_it_does_not_get(self):
        seen, stderr = self.look("--sched", "fifo:7", "--mlock", "--cpus", str(LAST_CPU), preexec_fn=bounded,
                                 **as_nobody())
        self.assertEqual(seen["cpus"], [LAST_CPU])
        self.assertEqual(seen["policy"], os.SCHED_OTHER)
        self.assertEqual(seen["memlock"], [65536, 65536])
        self.assertIn("not given: --sched fifo:7 (scheduling fifo:7): sched_setattr fifo:7: Operation not permitted",
                      stderr)
        self.assertIn("not given: --mlock", stderr)
        self.assertIn("it is 64KiB", stderr)
        self.assertEqual(stderr.count("\n"), 2)

    @unittest.skipUnless(ROOT, "needs root to become an ordinary user")
    def test_required_is_all_or_nothing(self):
        marker = self.files / "started"
        done = self.run_assay("run", "--limit", "nofile=2147483647", "--require", "--", "touch", str(marker),
                              **as_nobody())
        self.assert_fails(done, SKIPPED, "not given: --limit", "not started")
        self.assertFalse(marker.exists())

    def test_cpus_that_are_not_there(self):
        done = self.run_assay("run", "--cpus", "not(all)", "--", "echo", "ran")
        self.assertEqual(done.returncode, OK)
        self.assertEqual(done.stdout, "ran\n")
        self.assertIn("not given: --cpus not(all)", done.stderr)
        done = self.run_assay("run", "--cpus", "not(all)", "--require", "--", "echo", "ran")
        self.assert_fails(done, SKIPPED, "not given")
        self.assertEqual(done.stdout, "")

    def test_status_is_passed_through(self):
        for code in (0, 1, 3, 64, 126, 255):
            self.assertEqual(self.run_assay("run", "--", "sh", "-c", f"exit {code}").returncode, code)
        done = self.run_assay("run", "--", "sh", "-c", "kill -TERM $$")
        self.assertEqual(done.returncode, -signal.SIGTERM)

    def test_a_signal_reaches_the_program(self):
        process = self.start_assay("run", "--", "sh", "-c", "trap 'echo stopped; exit 5' INT; echo up; "
                                   "while :; do sleep 0.05; done")
        self.assertEqual(process.stdout.readline(), "up\n")
        out, _ = self.interrupt(process)
        self.assertEqual((process.returncode, out), (5, "stopped\n"))

    def test_programs_that_cannot_run(self):
        self.assert_fails(self.run_assay("run", "--", "no-such-program-here"), 127, "no-such-program-here")
        self.assert_fails(self.run_assay("run", "--", "/no/such/program"), 127, "/no/such/program")
        self.assert_fails(self.run_assay("run", "--", "/etc/passwd"), 126, "Permission denied")
        self.assert_fails(self.run_assay("run", "--", str(self.files)), 126, "Permission denied")

    def test_words_of_the_program_are_its_own(self):
        done = self.run_assay("run", "--", "printf", "%s|", "--cpus", "--", "check", "", "a b", "--help")
        self.assertEqual(done.stdout, "--cpus|--|check||a b|--help|")

    def test_wrong_usage(self):
        for options in (["--cpus", "isolatd"], ["--sched", "fifo:100"], ["--sched", "fast"], ["--mem-node", "near"],
                        ["--limit", "core=1"], ["--cpus", "0-"], ["--format", "json"], ["--root", "/"],
                        ["--profile", "defualt"], ["--cpsu", "1"], ["true"]):
            with self.subTest(options):
                done = self.run_assay("run", *options, "--", "echo", "ran")
                self.assert_fails(done, USAGE)
                self.assertEqual(done.stdout, "")
        self.assert_fails(self.run_assay("run", "--cpus", "0"), USAGE, '"--"')
        self.assert_fails(self.run_assay("run", "--"), USAGE, "no program")
        self.assert_fails(self.run_assay("run", "--near", "eth99", "--", "true"), COULD_NOT, "eth99", "assay probe")

    def test_dry_run_sets_and_starts_nothing(self):
        marker = self.files / "started"
        done = self.run_assay("run", "--dry-run", "--cpus", str(LAST_CPU), "--sched", "fifo:7", "--", "touch",
                              str(marker))
        self.assertEqual(done.returncode, OK, done.stderr)
        self.assertIn(f"CPUs {LAST_CPU}", done.stdout)
        self.assertIn("scheduling fifo:7", done.stdout)
        self.assertFalse(marker.exists())
        done = self.run_assay("run", "--dry-run", "--require", "--cpus", "not(all)", "--", "true")
        self.assertEqual(done.returncode, SKIPPED)

    def test_document(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not installed")
        schema = json.loads((SOURCE / "docs/schemas/run.schema.json").read_text())
        for options in ([], ["--cpus", "all", "--mlock", "--sched", "rr:1"], ["--cpus", "not(all)"]):
            document = self.json_of_dry_run(*options)
            jsonschema.validate(document, schema)
            self.assertEqual(document["command"], ["feed", "-v"])

    def json_of_dry_run(self, *options):
        done = self.run_assay("run", "--dry-run", "--format", "json", *options, "--", "feed", "-v")
        self.assertEqual(done.returncode, OK, done.stderr)
        return json.loads(done.stdout)


if __name__ == "__main__":
    unittest.main()
