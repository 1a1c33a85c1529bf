"""Debian packages fetched by name into the cache and unpacked there; nothing is installed on this host.

A private view of apt (own sources, own lists) sees the suites that a kind needs without root and without
a change to the host's configuration. The archive's address is the one that the host itself uses.
"""
import re
import shutil
import subprocess
from pathlib import Path

from hosts import cache
from hosts.errors import LabError

# A kernel: where its package comes from. The newest version of the first suite that has it is taken once.
KERNELS = {
    "6.1": (("bookworm-security", "bookworm"), "linux-image-amd64"),
    "6.1-rt": (("bookworm-security", "bookworm"), "linux-image-rt-amd64"),
    "6.12": (("bookworm-backports",), "linux-image-amd64"),
    "7": (("trixie-backports",), "linux-image-amd64"),
}
# QEMU by its major version. None: the host's own, which scripts/install-packages lab installs.
EMULATORS = {
    "7": None,
    "10": (("bookworm-backports",), ("qemu-system-x86", "qemu-system-common", "qemu-system-data")),
}
KERNEL_PARTS = re.compile(r"^linux-(image|binary|modules|base)-\d")
SUITES = ("bookworm", "bookworm-backports", "trixie-backports")


class Archive:
    """apt with lists of its own below the cache. Not safe for two processes: callers hold cache.lock."""

    def __init__(self, folder):
        self.folder = folder
        for part in ("lists/partial", "archives/partial"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        self.options = ["-o", f"Dir::State::lists={folder}/lists", "-o", f"Dir::Cache={folder}",
                        "-o", f"Dir::Cache::archives={folder}/archives",
                        "-o", f"Dir::Etc::sourcelist={folder}/sources.list",
                        "-o", "Dir::Etc::sourceparts=-", "-o", "Acquire::Retries=3"]

    def update(self):
        (self.folder / "sources.list").write_text(sources_text(host_archives()))
        self.run("apt-get", "update", "-q")

    def version(self, package, suites):
        """The newest version that the first suite with this package offers."""
        listed = self.run("apt-cache", "madison", package)
        for suite in suites:
            for line in listed.splitlines():
                _, version, origin = (part.strip() for part in line.split("|"))
                if f" {suite}/" in origin:
                    return version
        raise LabError(f"no package {package} in {', '.join(suites)}")

    def parts(self, package, version):
        """The packages of one kernel: what its metapackage depends on, and so on."""
        found, wanted = {}, [(package, version)]
        while wanted:
            name, of = wanted.pop()
            text = self.run("apt-cache", "show", f"{name}={of}")
            depends = re.search(r"^Depends: (.*)$", text, re.M)
            for dependency in re.findall(r"(\S+) \(= (\S+)\)", depends[1] if depends else ""):
                if KERNEL_PARTS.match(dependency[0]) and dependency[0] not in found:
                    found[dependency[0]] = dependency[1]
                    wanted.append(dependency)
                elif re.match(r"^linux-(base|modules)-[a-z0-9]+$", dependency[0]):
                    wanted.append(dependency)
        return found

    def unpack(self, versions, target):
        """Downloads {package: version} and unpacks all of them into target."""
        folder = target.parent / (target.name + ".debs")
        folder.mkdir(parents=True, exist_ok=True)
        try:
            self.run("apt-get", "download", *(f"{n}={v}" for n, v in versions.items()), cwd=folder)
            for package in sorted(folder.glob("*.deb")):
                self.run("dpkg-deb", "-x", package, target)
        finally:
            shutil.rmtree(folder)

    def run(self, program, *arguments, cwd=None):
        options = self.options if program.startswith("apt") else []
        done = subprocess.run([program, *options, *map(str, arguments)], cwd=cwd, text=True,
                              stdin=subprocess.DEVNULL, capture_output=True)
        if done.returncode != 0:
            raise LabError(f"{program} {' '.join(map(str, arguments))}: "
                           f"{done.stderr.strip() or done.stdout.strip()}")
        return done.stdout


def host_archives():
    """(address, suite, signed-by) of each source that the host's own apt reads."""
    done = subprocess.run(["apt-get", "indextargets", "--format",
                           "$(REPO_URI)\t$(CODENAME)\t$(SIGNED_BY)", "Created-By: Packages"],
                          text=True, capture_output=True)
    return [tuple(line.split("\t")) for line in done.stdout.splitlines() if line.count("\t") == 2]


def sources_text(archives):
    """sources.list with SUITES from the host's Debian archive, and its security archive as it is."""
    main = next((uri for uri, suite, _ in archives if suite == "bookworm"), None)
    if main is None:
        raise LabError("the host's apt knows no Debian 12 archive (apt-get indextargets is without"
                       " bookworm): run apt-get update, or fill the cache on a Debian 12 host")
    lines = [f"deb {main} {suite} main" for suite in SUITES]
    lines += [f"deb {uri} {suite} main" for uri, suite, _ in archives if suite == "bookworm-security"]
    return "\n".join(dict.fromkeys(lines)) + "\n"


def archive():
    return Archive(cache.folder() / "apt")
