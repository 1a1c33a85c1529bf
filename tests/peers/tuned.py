"""`assay tune` beside TuneD on the same settings of this host, interleaved; everything is put back.

Only settings that no program notices in a minute: sysctls of memory, scheduler and sockets, and transparent huge
pages. TuneD (Debian's package) is started as its daemon on a profile of our own until its log says that the profile
is applied, and stopped again; `assay tune` is run whole. Neither stays: TuneD's active profile and configuration are
what they were, its service is not started or enabled, and assay's transactions are rolled back.
"""
import json
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

PROFILE = "assay-peer"
FOLDER = Path("/etc/tuned")
JOURNALS = Path("/var/lib/assay/journal")
# setting of assay, file, value for assay, value for TuneD (which takes the kernel's own)
SETTINGS = [
    ("memory.swappiness", "/proc/sys/vm/swappiness", "7", "7"),
    ("memory.stat-interval", "/proc/sys/vm/stat_interval", "13s", "13"),
    ("memory.compaction-proactiveness", "/proc/sys/vm/compaction_proactiveness", "3", "3"),
    ("memory.numa-balancing", "/proc/sys/kernel/numa_balancing", "0", "0"),
    ("memory.zone-reclaim", "/proc/sys/vm/zone_reclaim_mode", "0", "0"),
    ("scheduler.timer-migration", "/proc/sys/kernel/timer_migration", "0", "0"),
    ("scheduler.autogroup", "/proc/sys/kernel/sched_autogroup_enabled", "0", "0"),
    ("net.busy-poll", "/proc/sys/net/core/busy_poll", "5us", "5"),
    ("net.busy-read", "/proc/sys/net/core/busy_read", "5us", "5"),
    ("net.rmem-max", "/proc/sys/net/core/rmem_max", "16777216", "16777216"),
    ("net.wmem-max", "/proc/sys/net/core/wmem_max", "16777216", "16777216"),
    ("net.backlog", "/proc/sys/net/core/netdev_max_backlog", "10001", "10001"),
    ("net.somaxconn", "/proc/sys/net/core/somaxconn", "4097", "4097"),
    ("limits.aio-max-nr", "/proc/sys/fs/aio-max-nr", "1048577", "1048577"),
    ("limits.perf-event-paranoid", "/proc/sys/kernel/perf_event_paranoid", "3", "3"),
    ("memory.thp-enabled", "/sys/kernel/mm/transparent_hugepage/enabled", "never", "never"),
]


def value_of(path):
    text = Path(path).read_text().strip()
    return text[text.index("[") + 1:text.index("]")] if "[" in text else text


def usable():
    """The settings that this kernel has, and that are not so already."""
    return [row for row in SETTINGS if os.path.exists(row[1]) and value_of(row[1]) != row[3]]


class Guard:
    """Puts settings and TuneD's own files back, whatever happens."""

    def __init__(self, rows):
        self.values = {row[1]: value_of(row[1]) for row in rows}
        self.files = {path: path.read_bytes() if path.exists() else None
                      for path in (FOLDER / name for name in ("active_profile", "profile_mode", "tuned-main.conf"))}
        self.journals = []  # of our own commands alone: others may tune at the same time

    def __enter__(self):
        return self

    def check(self, rows, tuned):
        for row in rows:
            now, wanted = value_of(row[1]), row[3] if tuned else self.values[row[1]]
            if now != wanted:
                raise SystemExit(f"{row[1]} is {now}, expected {wanted}: the two sides did not do the same")

    def __exit__(self, *_):
        for path, value in self.values.items():
            if value_of(path) != value:
                Path(path).write_text(value)
        for path, content in self.files.items():
            path.write_bytes(content) if content is not None else path.unlink(missing_ok=True)
        shutil.rmtree(FOLDER / PROFILE, ignore_errors=True)
        for journal in self.journals:
            (JOURNALS / f"{journal}.json").unlink(missing_ok=True)


def write_profiles(rows, folder):
    sysctls = "".join(f"{row[1][10:].replace('/', '.')}={row[3]}\n" for row in rows if row[1].startswith("/proc/sys/"))
    text = f"[main]\nsummary=the settings of a comparison\n[sysctl]\n{sysctls}"
    if any(row[0] == "memory.thp-enabled" for row in rows):
        text += "[vm]\ntransparent_hugepages=never\n"
    (FOLDER / PROFILE).mkdir(exist_ok=True)
    (FOLDER / PROFILE / "tuned.conf").write_text(text)
    # It would also apply every file of sysctl.d again, which is none of this comparison.
    main = FOLDER / "tuned-main.conf"
    kept = [line for line in main.read_text().splitlines() if not line.startswith("reapply_sysctl")]
    main.write_text("\n".join(kept + ["reapply_sysctl = 0", ""]))
    ours = Path(folder) / "peer.yaml"
    ours.write_text("schema: assay.profile\nversion: 1\nname: peer\nsettings:\n" +
                    "".join(f"  {row[0]}: \"{row[2]}\"\n" for row in rows))
    return ours


def tuned_round(folder):
    log, pid = Path(folder) / "tuned.log", Path(folder) / "tuned.pid"
    log.unlink(missing_ok=True)
    start = time.monotonic()
    daemon = subprocess.Popen(["tuned", "--no-dbus", "--no-socket", "--log", str(log), "--pid", str(pid),
                               "--profile", PROFILE], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while not (log.exists() and "applied" in log.read_text()):
            if daemon.poll() is not None or time.monotonic() - start > 30:
                raise SystemExit(f"tuned did not apply its profile:\n{log.read_text() if log.exists() else ''}")
            time.sleep(0.001)
        return (time.monotonic() - start) * 1e3, daemon
    except BaseException:
        daemon.kill()
        raise


def stop_tuned(daemon):
    start = time.monotonic()
    daemon.send_signal(signal.SIGTERM)
    daemon.wait(timeout=30)
    return (time.monotonic() - start) * 1e3


def assay_round(assay, profile):
    start = time.monotonic()
    done = subprocess.run([assay, "tune", str(profile), "--yes", "--format", "json"], capture_output=True, text=True)
    wall = (time.monotonic() - start) * 1e3
    if done.returncode != 0:
        raise SystemExit(f"assay tune: exit code {done.returncode}\n{done.stderr}{done.stdout}")
    return wall, json.loads(done.stdout)


def roll_back(assay, journal):
    start = time.monotonic()
    done = subprocess.run([assay, "rollback", journal], capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"assay rollback: exit code {done.returncode}\n{done.stderr}{done.stdout}")
    return (time.monotonic() - start) * 1e3


def words(values):
    return f"{statistics.median(values):.1f} ({min(values):.1f}–{max(values):.1f})"


def tuning(arguments):
    assay, rounds = arguments.assay, max(arguments.rounds, 9)
    print("## Tuning, beside TuneD\n")
    if os.geteuid() != 0 or shutil.which("tuned") is None:
        print("Skipped: needs root, and TuneD (`apt-get install --no-install-recommends tuned`; `systemctl disable --now "
              "tuned` keeps it from tuning by itself).\n")
        return
    if subprocess.run(["pgrep", "-x", "tuned"], capture_output=True).returncode == 0:
        print("Skipped: a TuneD is running, and tunes this host.\n")
        return
    rows = usable()
    figures = {name: [] for name in ("tuned", "tuned off", "assay", "back", "own", "plan", "writes", "files")}
    with tempfile.TemporaryDirectory() as folder, Guard(rows) as guard:
        profile = write_profiles(rows, folder)

        def theirs():
            wall, daemon = tuned_round(folder)
            try:
                guard.check(rows, True)
            finally:
                figures["tuned off"].append(stop_tuned(daemon))
            guard.check(rows, False)
            figures["tuned"].append(wall)

        def ours():
            wall, document = assay_round(assay, profile)
            guard.journals.append(document["journal"])
            guard.check(rows, True)
            figures["back"].append(roll_back(assay, document["journal"]))
            guard.check(rows, False)
            figures["assay"].append(wall)
            for name, key in (("own", "own_ns"), ("plan", "plan_ns"), ("writes", "kernel_writes_ns"),
                              ("files", "durable_files_ns")):
                figures[name].append(document["timings"][key] / 1e6)

        for number in range(rounds):
            for side in (theirs, ours) if number % 2 == 0 else (ours, theirs):
                side()
    ratios = [a / b for a, b in zip(figures["tuned"], figures["assay"])]
    print(f"{len(rows)} settings ({', '.join(row[0] for row in rows)}), {rounds} rounds in turns; milliseconds, "
          "median (least–greatest).\n")
    print("| | TuneD | assay | TuneD / assay |\n|---|---|---|---|")
    print(f"| from its start until all is applied | {words(figures['tuned'])} | {words(figures['assay'])} | "
          f"{words(ratios)} |")
    print(f"| until all is as before again | {words(figures['tuned off'])} | {words(figures['back'])} | |\n")
    print("| where assay's time went | ms |\n|---|---|")
    print(f"| assay's own (wanted ≤ 50): reading the host twice, planning, checking | {words(figures['own'])} |")
    print(f"| of it until the plan was made | {words(figures['plan'])} |")
    print(f"| the kernel's own writes | {words(figures['writes'])} |")
    print(f"| the journal, with its fsyncs | {words(figures['files'])} |\n")
    print(f"`tuned --no-dbus --no-socket --profile {PROFILE}` until its log says \"applied\", with `reapply_sysctl = 0`; "
          "`assay tune peer.yaml --yes --format json`, then `assay rollback`.\n\n```\ntests/peers/run build/release --only "
          "tuning    # as root, with the package tuned installed and its service disabled\n```\n")
