"""The guest's first root file system: busybox, the kind's modules and the scripts of guest/, then the job."""
import shlex
import shutil
import subprocess
from pathlib import Path

from hosts import cache, kernels, programs
from hosts.archive import Archive
from hosts.kinds import NIC_MODELS

SCRIPTS = Path(__file__).resolve().parent.parent / "guest"
# What every guest loads: the bus, and the port through which results leave.
BASE_MODULES = ("virtio_pci", "virtio_console")
# What reaches the disk with a Debian system, where there is one.
ROOT_MODULES = ("virtio_pci", "virtio_console", "virtio_blk", "ext4")
# ext4 asks for this one by its algorithm, which no dependency tells; newer kernels have it built in.
ROOT_MODULES_OLD = ("crc32c_generic",)


def modules_of(kind):
    """The modules that a real host's udev would load for this hardware, and the kind's own."""
    names = [*BASE_MODULES]
    if kind.drives:
        names.append("nvme")
    names += [NIC_MODELS[nic.model].driver for nic in kind.nics]
    return list(dict.fromkeys([*names, *kind.modules]))


def base(kind, kernel):
    """The file with the part that is the same for every job of a kind; made once, then cached."""
    busybox = Path(shutil.which("busybox"))
    scripts = sorted(SCRIPTS.iterdir())
    names = modules_of(kind)
    made_from = cache.digest(kernel.version, names, busybox, Path(__file__), *scripts)

    def write(target):
        target.write_bytes(_base_archive(kernel, names, busybox, scripts).bytes())

    return cache.make_file(cache.folder() / "base" / f"{kind.name}-{made_from}.cpio", write)


def _base_archive(kernel, names, busybox, scripts):
    archive = Archive()
    archive.device("dev/console", 5, 1)
    archive.file("lab/busybox", busybox.read_bytes(), 0o755)
    for script in scripts:
        archive.file(f"lab/{script.name}", script.read_bytes(), 0o755)
    archive.link("init", "lab/init")
    archive.file("lab/modules", " ".join(names).encode())
    root_names = [*filter(kernel.has_module, ROOT_MODULES_OLD), *ROOT_MODULES]
    archive.file("lab/root-modules", " ".join(root_names).encode())
    root = f"lib/modules/{kernel.version}"
    dependencies = []
    for path in kernel.module_files([*names, *root_names]):
        plain = path.split(".ko")[0] + ".ko"
        archive.file(f"{root}/{plain}", _module(kernel.modules / path))
        needs = kernel.module_files([kernels.module_name(path)])[:-1]
        plain_needs = [need.split(".ko")[0] + ".ko" for need in reversed(needs)]
        dependencies.append(f"{plain}: {' '.join(plain_needs)}".rstrip())
    archive.file(f"{root}/modules.dep", ("\n".join(dependencies) + "\n").encode())
    return archive


def _module(path):
    """A module as insmod takes it, without debug information."""
    done = subprocess.run(["strip", "--strip-debug", "-o", "/dev/stdout", "/dev/stdin"],
                          input=kernels.unpack(path.read_bytes()), capture_output=True)
    return done.stdout or kernels.unpack(path.read_bytes())


def job(command, sent=(), files=(), drives=0):
    """The archive with what to run: command as a list of words, sent programs, and (guest path, bytes).

    drives is how many the job waits for before it starts.
    """
    archive = Archive()
    program = programs.find(command[0])
    words = list(command)
    libraries = set()
    if program is not None:
        libraries |= programs.add(archive, program)
        words[0] = f"{programs.GUEST_BIN}/{program.name}"
    for path in sent:
        libraries |= programs.add(archive, Path(path).absolute())
    archive.file("lab/job/libraries", "".join(f"{name}\n" for name in sorted(libraries)).encode())
    for name, data in files:
        archive.file(name, data)
    archive.file("lab/job/run", f"exec {shlex.join(words)}\n".encode(), 0o755)
    archive.file("lab/job/drives", f"{drives}\n".encode())
    return archive.bytes()
