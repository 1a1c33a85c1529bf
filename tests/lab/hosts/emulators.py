"""QEMU: the host's own, or a newer one unpacked beside it, which runs with the host's libraries."""
import re
import shutil
import subprocess

from hosts import cache, packages
from hosts.errors import LabError, Unavailable

PROGRAM = "qemu-system-x86_64"
HOW_TO_GET = "run scripts/install-packages lab (Debian: qemu-system-x86 busybox-static kmod zstd)"


def prepare(source):
    """The command that starts the QEMU of a row of packages.EMULATORS."""
    own = shutil.which(PROGRAM)
    for program in (PROGRAM, "busybox", "depmod", "zstd"):
        if shutil.which(program) is None:
            raise Unavailable(f"the lab needs {program}: {HOW_TO_GET}")
    if packages.EMULATORS[source] is None:
        return [own]
    suites, names = packages.EMULATORS[source]
    emulators = cache.folder() / "emulators"

    def fetch(link):
        with cache.lock("apt"):
            archive = packages.archive()
            archive.update()
            versions = {name: archive.version(name, suites) for name in names}
            made = cache.make_folder(emulators / f"{source}-{versions[names[0]].replace(':', '_')}",
                                     lambda folder: archive.unpack(versions, folder))
        link.symlink_to(made.name)

    root = cache.make_file(emulators / source, fetch).resolve()
    command = [str(root / "usr/bin" / PROGRAM), "-L", str(root / "usr/share/qemu"),
               "-L", "/usr/share/seabios", "-L", "/usr/share/qemu", "-L", "/usr/lib/ipxe/qemu"]
    started = subprocess.run([command[0], "--version"], text=True, capture_output=True)
    if started.returncode != 0:
        raise LabError(f"{command[0]}: {started.stderr.strip()}")
    return command


def version(command):
    told = subprocess.run([command[0], "--version"], text=True, capture_output=True).stdout
    return re.search(r"version (\S+)", told)[1]
