"""What a tune of this very machine may and may not do: one harmless sysctl, in a mount name space of its own whose
/var/lib is a small tmpfs, so that no journal of this machine is touched. The value is put back whatever happens."""
import json
import os
import subprocess
import unittest
from pathlib import Path

from harness import COULD_NOT, OK, PROGRAM, USAGE, CliTest, as_nobody

VALUE = Path("/proc/sys/vm/stat_interval")
JOURNAL = "/var/lib/assay/journal"


class TuneSafety(CliTest):
    def setUp(self):
        super().setUp()
        if os.geteuid() != 0 or not os.access(VALUE, os.W_OK):
            self.skipTest("needs root, and a writable /proc/sys")
        if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
            self.skipTest("mount name spaces are not to be had")
        self.before = VALUE.read_text()
        self.addCleanup(VALUE.write_text, self.before)
        self.wanted = int(self.before) + 7
        self.profile = self.write_profile("mine", f"  memory.stat-interval: {self.wanted}s\n")

    def write_profile(self, name, settings, head="settings:\n"):
        path = self.directory / "mine.yaml"
        path.write_text(f"schema: assay.profile\nversion: 1\nname: {name}\n{head}{settings}")
        return str(path)

    def inside(self, script, size="4m"):
        """Runs a shell with /var/lib as an empty tmpfs; $ASSAY and $PROFILE are set."""
        environment = dict(self.environment, ASSAY=PROGRAM, PROFILE=self.profile, JOURNAL=JOURNAL)
        mount = f"mount -t tmpfs -o size={size},mode=755 none /var/lib && "
        return subprocess.run(["unshare", "-m", "--propagation", "private", "sh", "-c", mount + script],
                              capture_output=True, text=True, env=environment, stdin=subprocess.DEVNULL, timeout=120)

    def test_there_and_back_and_whose_the_journal_is(self):
        done = self.inside('umask 0; "$ASSAY" tune "$PROFILE" --yes --format json; echo "code $?"; '
                           'cat /proc/sys/vm/stat_interval; stat -c "%a %u %n" $JOURNAL $JOURNAL/*; '
                           '"$ASSAY" rollback >/dev/null; echo "code $?"; cat /proc/sys/vm/stat_interval; '
                           '"$ASSAY" rollback; echo "code $?"')
        self.assertIn(f"code 0\n{self.wanted}\n", done.stdout)
        self.assertIn(f"700 0 {JOURNAL}\n", done.stdout)
        self.assertRegex(done.stdout, rf"600 0 {JOURNAL}/[0-9TZ]+\.json\n")
        self.assertIn(f"code 0\n{self.before}", done.stdout.partition(".json\n")[2])
        self.assertIn("code 4\n", done.stdout, "nothing is left to undo")
        document = json.loads(done.stdout.partition("code ")[0])
        timings = document["timings"]
        self.assertGreater(timings["kernel_writes_ns"], 0)
        self.assertGreater(timings["durable_files_ns"], 0)
        self.assertLessEqual(timings["plan_ns"], timings["total_ns"])
        self.assertEqual(timings["own_ns"], timings["total_ns"] - timings["kernel_writes_ns"] -
                         timings["durable_files_ns"] - timings["programs_ns"])

    def test_a_full_disk_changes_nothing(self):
        done = self.inside('mkdir -p -m 700 $JOURNAL; dd if=/dev/zero of=/var/lib/fill bs=4k 2>/dev/null; '
                           '"$ASSAY" tune "$PROFILE" --yes; echo "code $?"; cat /proc/sys/vm/stat_interval; '
                           'ls -A $JOURNAL | grep -v "^lock$"', size="64k")
        self.assertIn("No space left on device", done.stderr)
        self.assertEqual(done.stdout, f"code {COULD_NOT}\n{self.before}")

    def test_a_journal_of_others_is_not_used(self):
        for make in ("mkdir -p -m 777 $JOURNAL; chmod 777 $JOURNAL", "mkdir -p -m 700 $JOURNAL; chown 65534 $JOURNAL",
                     "mkdir -p /var/lib/assay /var/lib/elsewhere; ln -s /var/lib/elsewhere $JOURNAL"):
            with self.subTest(make):
                done = self.inside(f'{make}; "$ASSAY" tune "$PROFILE" --yes; echo "code $?"; '
                                   'cat /proc/sys/vm/stat_interval')
                self.assertEqual(done.stdout, f"code {COULD_NOT}\n{self.before}", done.stderr)

    def test_a_forged_journal_is_refused_whole(self):
        """Root's own file, as somebody with a copy of another host's could plant it: no row writes that path."""
        forge = ("import json, sys; d = json.load(open(sys.argv[1])); "
                 "d['changes'].append(dict(d['changes'][0], path='/proc/sys/kernel/core_pattern', before='|/tmp/x')); "
                 "json.dump(d, open(sys.argv[1], 'w'))")
        done = self.inside(f'"$ASSAY" tune "$PROFILE" --yes >/dev/null; python3 -c "{forge}" $JOURNAL/*.json; '
                           '"$ASSAY" rollback; echo "code $?"; cat /proc/sys/vm/stat_interval')
        self.assertEqual(done.stdout, f"code {COULD_NOT}\n{self.wanted}\n", "nothing of it is undone, either")
        self.assertIn("does not write it", done.stderr)

    def test_the_second_of_two_is_told_who_holds_it(self):
        hold = ("import fcntl, os, subprocess, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); "
                "f.write(str(os.getpid())); f.flush(); print(os.getpid(), flush=True); "
                "sys.exit(subprocess.run(sys.argv[2:]).returncode)")
        done = self.inside(f'mkdir -p -m 700 $JOURNAL; python3 -c "{hold}" $JOURNAL/lock "$ASSAY" tune "$PROFILE" --yes; '
                           'echo "code $?"; cat /proc/sys/vm/stat_interval')
        pid, _, rest = done.stdout.partition("\n")
        self.assertEqual(rest, f"code {COULD_NOT}\n{self.before}", done.stderr)
        self.assertIn(pid, done.stderr)

    def test_odd_profiles_are_refused(self):
        for name in ("../evil", "a/b", "x\\ny", "-rf", "$(reboot)"):
            with self.subTest(name):
                done = self.run_assay("tune", self.write_profile(f'"{name}"', "  memory.ksm: 0\n"), "--yes", "--persist")
                self.assert_fails(done, USAGE, "mine.yaml:3:")
        for value in ('"1\\n2"', '"$(id)"', '"/etc/passwd"', '"1; reboot"'):
            with self.subTest(value):
                done = self.run_assay("tune", self.write_profile("mine", f"  memory.swappiness: {value}\n"), "--yes")
                self.assert_fails(done, USAGE)

    def test_an_ordinary_user_looks_and_never_changes(self):
        os.chmod(self.profile, 0o644)
        self.assertEqual(self.run_assay("probe", **as_nobody()).returncode, OK)
        self.assertIn(self.run_assay("check", self.profile, **as_nobody()).returncode, (0, 1, 3))
        self.assertIn(self.run_assay("bench", "memory.hierarchy", "--duration", "50ms", **as_nobody()).returncode,
                      (0, 2))
        for arguments in (["tune", self.profile, "--yes"], ["tune", self.profile, "--yes", "--persist"], ["rollback"],
                          ["rollback", "--list"]):
            self.assert_fails(self.run_assay(*arguments, **as_nobody()), COULD_NOT, "needs root")
        self.assertEqual(VALUE.read_text(), self.before)

    def test_the_lock_is_no_ordinary_users(self):
        """A lock that everybody could take would let anybody hold up a tune."""
        done = self.inside('"$ASSAY" tune "$PROFILE" --yes >/dev/null; setpriv --reuid 65534 --clear-groups '
                           'flock -n $JOURNAL/lock true; echo "code $?"; "$ASSAY" rollback >/dev/null')
        self.assertNotEqual(done.stdout, "code 0\n")


if __name__ == "__main__":
    unittest.main()
