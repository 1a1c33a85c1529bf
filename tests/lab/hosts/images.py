"""A Debian system on a disk, for tests that reboot: systemd, udev, GRUB's files and sysctl as installed.

debootstrap fills a folder, mke2fs makes the image from it: nothing is mounted on this host, apart from
what debootstrap mounts in a name space of its own. The image is read with debugfs.
"""
import os
import re
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path

from hosts import cache, packages
from hosts.errors import LabError, Unavailable

SUITE = "bookworm"
PACKAGES = ("systemd", "systemd-sysv", "udev", "procps", "kmod", "iproute2", "grub-pc", "dbus")
SIZE_MIB = 1536
UNIT = """[Unit]
Description=The lab's job
After=multi-user.target
[Service]
Type=idle
Environment=PATH=/lab/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin HOME=/root
ExecStart=/bin/sh /lab/agent
"""
# GRUB lists kernels by their files; what really boots is the host's own choice of kernel.
LISTED_KERNEL = "boot/vmlinuz-lab"
# What update-grub will write, as far as it counts here: an installed host has it from the start.
GRUB_CFG = "menuentry 'Debian' {\n\tlinux\t/boot/vmlinuz-lab root=/dev/vda ro  quiet\n}\n"


def prepare():
    """The image, from the cache or made now; making it takes root, the network and some minutes."""
    made_from = cache.digest(Path(__file__), *PACKAGES)
    path = cache.folder() / "images" / f"debian-{SUITE}-{made_from}.ext4"
    if not path.exists():
        for program in ("debootstrap", "mke2fs", "debugfs", "unshare"):
            if shutil.which(program) is None:
                raise Unavailable(f"a Debian guest needs {program}: run scripts/install-packages lab")
        if os.geteuid() != 0:
            raise Unavailable("debootstrap needs root to make the Debian guest's image; once made, it"
                              f" is cached: sudo ASSAY_LAB_CACHE={cache.folder()} tests/lab/lab"
                              " prepare debian")
    return cache.make_file(path, _make)


def _make(target):
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="debian-") as scratch:
        root = Path(scratch) / "root"
        mirror = next(uri for uri, suite, _ in packages.host_archives() if suite == SUITE)
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        _run(["unshare", "--mount", "debootstrap", "--variant=minbase",
              f"--include={','.join(PACKAGES)}", SUITE, root, mirror], environment)
        _configure(root)
        for waste in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale"):
            shutil.rmtree(root / waste, ignore_errors=True)
        _run(["mke2fs", "-q", "-t", "ext4", "-d", root, "-L", "root", target, f"{SIZE_MIB}M"])


def _configure(root):
    (root / "etc/fstab").write_text("/dev/vda / ext4 defaults 0 1\n")
    (root / "etc/hostname").write_text("lab\n")
    (root / "etc/machine-id").write_text(uuid.uuid4().hex + "\n")  # empty would mean a first boot
    (root / "lab").mkdir()
    (root / LISTED_KERNEL).write_bytes(b"")
    (root / "boot/grub").mkdir(parents=True, exist_ok=True)
    (root / "boot/grub/grub.cfg").write_text(GRUB_CFG)
    (root / "etc/default/grub.d").mkdir(parents=True, exist_ok=True)
    unit = root / "etc/systemd/system/lab-job.service"
    unit.write_text(UNIT)
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True, exist_ok=True)
    (wants / unit.name).symlink_to(f"/etc/systemd/system/{unit.name}")


def _run(command, environment=None):
    done = subprocess.run([str(word) for word in command], env=environment, text=True,
                          stdin=subprocess.DEVNULL, capture_output=True)
    if done.returncode != 0:
        raise LabError(f"{command[0]}: {(done.stdout + done.stderr).strip()[-2000:]}")


def boot_words(image):
    """What GRUB would hand the kernel: the words of grub.cfg's first entry, without the root device."""
    done = subprocess.run(["debugfs", "-R", "cat /boot/grub/grub.cfg", str(image)],
                          text=True, capture_output=True)
    return words_of(done.stdout)


def words_of(grub_cfg):
    """The words after the kernel's name on the first "linux" line; none without a line."""
    line = re.search(r"^\s*linux\s+\S+(.*)$", grub_cfg, re.M)
    words = line[1].split() if line else []
    return [word for word in words if not word.startswith("root=") and word not in ("ro", "rw")]
