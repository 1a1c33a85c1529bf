"""A kernel package as a guest boots it: the bare ELF image (three times faster than bzImage), modules."""
import lzma
import struct
import subprocess
import zlib
from pathlib import Path

from hosts import cache, packages
from hosts.errors import LabError


class Kernel:
    """A prepared kernel in the cache."""

    def __init__(self, folder):
        self.folder = folder
        self.version = (folder / "version").read_text().strip()
        self.image = folder / "vmlinux"
        self.modules = folder / "lib/modules" / self.version

    def module_files(self, names):
        """The files of these modules and of all that they need, in loading order, as paths below modules."""
        needs, order = self._needs(), {}

        def visit(name):
            if name not in needs or name in order:
                return
            for other in needs[name][1]:
                visit(other)
            order[name] = needs[name][0]

        for name in names:
            name = name.replace("-", "_")
            if name not in needs and name not in self.built_in():
                raise LabError(f"kernel {self.version} has no module {name}")
            visit(name)
        return list(order.values())

    def has_module(self, name):
        return name in self._needs()

    def _needs(self):
        """Module name -> its file, and the names of the modules that it needs."""
        needs = {}
        for line in (self.modules / "modules.dep").read_text().splitlines():
            path, _, others = line.partition(":")
            needs[module_name(path)] = (path, [module_name(other) for other in others.split()])
        return needs

    def built_in(self):
        listed = (self.modules / "modules.builtin").read_text().split()
        return {module_name(path) for path in listed}


def module_name(path):
    return Path(path).name.split(".ko")[0].replace("-", "_")


def prepare(source):
    """The kernel of a row of packages.KERNELS, from the cache or fetched and prepared."""
    kernels = cache.folder() / "kernels"
    chosen = kernels / source  # a link to the version that was fetched

    def fetch(link):
        suites, package = packages.KERNELS[source]
        with cache.lock("apt"):
            archive = packages.archive()
            archive.update()
            version = archive.version(package, suites)
            parts = archive.parts(package, version)
            made = cache.make_folder(kernels / f"{source}-{version}",
                                     lambda folder: _fill(archive, parts, folder))
        link.symlink_to(made.name)

    cache.make_file(chosen, fetch)
    return Kernel(chosen.resolve())


def _fill(archive, parts, folder):
    archive.unpack(parts, folder)
    if (folder / "usr/lib/modules").is_dir():
        (folder / "lib").mkdir(exist_ok=True)
        (folder / "usr/lib/modules").rename(folder / "lib/modules")
    versions = [path.name for path in (folder / "lib/modules").iterdir()]
    if len(versions) != 1:
        raise LabError(f"{folder}: one kernel expected, found {versions}")
    (folder / "version").write_text(versions[0] + "\n")
    places = (folder / f"boot/vmlinuz-{versions[0]}", folder / f"lib/modules/{versions[0]}/vmlinuz")
    image = next((path for path in places if path.exists()), None)
    if image is None:
        raise LabError(f"{folder}: no kernel image in the packages {', '.join(parts)}")
    (folder / "vmlinux").write_bytes(unpack_image(image.read_bytes()))
    done = subprocess.run(["depmod", "-b", folder, versions[0]], text=True, capture_output=True)
    if done.returncode != 0:
        raise LabError(f"depmod: {done.stderr.strip()}")


def unpack_image(data):
    """The ELF kernel inside a bzImage; the boot protocol's header tells where the payload lies."""
    sectors = data[0x1F1] or 4
    offset, length = struct.unpack_from("<II", data, 0x248)
    start = (sectors + 1) * 512 + offset
    image = unpack(data[start:start + length])
    if image[:4] != b"\x7fELF":
        raise LabError("the kernel's payload is no ELF image")
    return image


def unpack(data):
    """Decompressed xz, zstd or gzip data, or the data itself where it is none of them."""
    if data[:6] == b"\xfd7zXZ\0":
        return lzma.LZMADecompressor().decompress(data)
    if data[:2] == b"\x1f\x8b":
        return zlib.decompressobj(31).decompress(data)
    if data[:4] == b"\x28\xb5\x2f\xfd":
        # The payload is followed by its size in four bytes, which zstd would take for another frame.
        done = subprocess.run(["zstd", "-dqc"], input=data, capture_output=True)
        if not done.stdout:
            raise LabError(f"zstd: {done.stderr.decode().strip()}")
        return done.stdout
    return data
