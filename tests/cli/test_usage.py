"""Wrong usage is answered with 64, a reason and a suggestion; help and version with 0."""
import subprocess

from harness import OK, PROGRAM, USAGE, CliTest

COMMANDS = ["probe", "check", "tune", "rollback", "explain", "profiles", "techniques", "bench", "certify", "history",
            "selftest", "gather", "run"]


class Usage(CliTest):
    def test_help_of_every_command(self):
        top = self.run_assay("--help")
        self.assertEqual(top.returncode, OK)
        for command in COMMANDS:
            self.assertIn(command, top.stdout)
            done = self.run_assay(command, "--help")
            self.assertEqual(done.returncode, OK)
            self.assertIn("--help", done.stdout)

    def test_version(self):
        done = self.run_assay("--version")
        self.assertEqual(done.returncode, OK)
        self.assertRegex(done.stdout, r"^assay \d+\.\d+\.\d+ ")

    def test_no_command(self):
        done = self.run_assay()
        self.assertEqual(done.returncode, USAGE)
        self.assertIn("certify", done.stderr)

    def test_mistyped_command(self):
        self.assert_fails(self.run_assay("certfy"), USAGE, 'did you mean "certify"')

    def test_mistyped_option(self):
        self.assert_fails(self.run_assay("bench", "os.jitter", "--duraton", "1s"), USAGE, 'did you mean "--duration"')

    def test_unknown_technique(self):
        self.assert_fails(self.run_assay("bench", "storage.urng"), USAGE, 'did you mean "storage.uring"')

    def test_unknown_setting(self):
        self.assert_fails(self.run_assay("explain", "cpu.govenor"), USAGE, 'did you mean "cpu.governor"')

    def test_unknown_profile(self):
        for command in ("check", "certify"):
            self.assert_fails(self.run_assay(command, "defualt"), USAGE, 'did you mean "default"')

    def test_bad_values(self):
        for arguments in (["--block", "4X"], ["--depth", "0"], ["--depth", "-1"], ["--op", "erase"],
                          ["--pattern", "zigzag"], ["--duration", "0s"], ["--duration", "5"], ["--cpus", "0-"],
                          ["--direct", "--no-direct"], ["--format", "xml"], ["--rounds", "1"]):
            with self.subTest(arguments):
                self.assert_fails(self.run_assay("bench", "storage.pread", *arguments), USAGE)

    def test_unknown_format(self):
        self.assert_fails(self.run_assay("probe", "--format", "xml"), USAGE)

    def test_output_to_a_closed_pipe(self):
        done = subprocess.run(f"'{PROGRAM}' probe --format json | head -c 1", shell=True, capture_output=True,
                              text=True, env=self.environment)
        self.assertEqual(done.stderr, "")

    def test_output_to_a_full_disk(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([PROGRAM, "probe"], stdout=full, stderr=subprocess.PIPE, text=True,
                                  env=self.environment)
        self.assertEqual(done.returncode, 4)
        self.assertIn("No space left", done.stderr)
