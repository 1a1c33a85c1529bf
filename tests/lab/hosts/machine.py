"""From a row of the table of kinds to QEMU's arguments. Pure functions; files are named, never opened."""
from hosts.kinds import NIC_MODELS

# no_timer_check: on a loaded machine the kernel's own check of the emulated timer fails, and it panics.
BASE_BOOT_LINE = ("console=ttyS0", "quiet", "panic=-1", "no_timer_check")
# A second socket's clock is distrusted, and its delay loop measured for seconds: emulation has one clock.
SOCKETS_BOOT_LINE = ("tsc=reliable", "lpj=10000000")
TCG = "tcg,thread=single,tb-size=512"  # several emulator threads abort now and then


def boot_line(kind, extra=(), tuned=True):
    """The words after the kernel's name: the base, huge pages of the nodes, the kind's, the caller's."""
    sockets = SOCKETS_BOOT_LINE if len(kind.nodes) > 1 else ("tsc=reliable",)
    return [*BASE_BOOT_LINE, *sockets, *huge_page_words(kind), *kind.boot_line,
            *(kind.tuned if tuned else ()), *extra]


def huge_page_words(kind):
    sizes = {size for node in kind.nodes for size in node.huge_pages}
    words = []
    for size_kib in sorted(sizes):
        counts = [f"{number}:{node.huge_pages[size_kib]}"
                  for number, node in enumerate(kind.nodes) if size_kib in node.huge_pages]
        unit = f"{size_kib >> 20}G" if size_kib >= 1 << 20 else f"{size_kib >> 10}M"
        words += [f"hugepagesz={unit}", f"hugepages={','.join(counts)}"]
    return words


def arguments(kind, drive_files, accel="tcg"):
    """The host itself: processors, memory, nodes, buses, drives and ports, without kernel and channels.

    drive_files None leaves the drives' slots empty, for drive_device to fill later.
    """
    sockets = len(kind.nodes)
    cores = kind.cpus // sockets // kind.threads
    machine = "q35,kernel-irqchip=split" if kind.iommu else "q35"
    words = ["-M", machine, "-accel", TCG if accel == "tcg" else accel,
             "-cpu", kind.cpu if accel == "tcg" else "host",
             "-smp", f"{kind.cpus},sockets={sockets},cores={cores},threads={kind.threads}",
             "-m", str(sum(node.memory_mib for node in kind.nodes)),
             "-nodefaults", "-display", "none", "-monitor", "none", "-no-reboot"]
    if kind.iommu:
        words += ["-device", "intel-iommu,intremap=on,caching-mode=on"]
    words += _nodes(kind) + _buses(kind) + _ports(kind)
    return words + (_drives(kind, drive_files) if drive_files is not None else [])


def _nodes(kind):
    if len(kind.nodes) == 1:
        return []
    words = []
    for number, node in enumerate(kind.nodes):
        words += ["-object", f"memory-backend-ram,size={node.memory_mib}M,id=memory{number}",
                  "-numa", f"node,nodeid={number},cpus={node.cpus[0]}-{node.cpus[-1]},"
                           f"memdev=memory{number}"]
    for near in range(len(kind.nodes)):
        for far in range(near + 1, len(kind.nodes)):
            words += ["-numa", f"dist,src={near},dst={far},val={kind.distance}"]
    return words


def _buses(kind):
    """A slot of its own for every drive and port; on a host with nodes it hangs on its node's bus.

    Only drives are plugged in later: a slot that can do so costs a boot a tenth of a second.
    """
    words = []
    if len(kind.nodes) > 1:
        for number in range(len(kind.nodes)):
            words += ["-device", f"pxb-pcie,id=bus{number},bus_nr={0x40 * (number + 1)},"
                                 f"numa_node={number},bus=pcie.0"]
    named = [(f"drive{number}-slot", drive.node, "on") for number, drive in enumerate(kind.drives)]
    named += [(f"port{number}-slot", nic.node, "off") for number, nic in enumerate(kind.nics)]
    for number, (name, node, hotplug) in enumerate(named, 1):
        bus = f"bus{node}" if len(kind.nodes) > 1 else "pcie.0"
        words += ["-device", f"pcie-root-port,id={name},bus={bus},chassis={number},slot={number},"
                             f"hotplug={hotplug}"]
    return words


def _ports(kind):
    words = []
    wires = list(dict.fromkeys(nic.wire for nic in kind.nics if nic.wire))
    for number, nic in enumerate(kind.nics):
        net = f"hubport,hubid={wires.index(nic.wire)}" if nic.wire else "user,restrict=on"
        model = NIC_MODELS[nic.model]
        words += ["-netdev", f"{net},id=net{number}",
                  "-device", f"{model.device},netdev=net{number},mac={mac(number)},"
                             f"bus=port{number}-slot{model.options}"]
    return words


def _drives(kind, drive_files):
    words = []
    for number, (drive, path) in enumerate(zip(kind.drives, drive_files)):
        device = drive_device(number, drive)
        words += ["-drive", f"file={path},if=none,id=drive{number},format=raw,cache=unsafe",
                  "-device", ",".join([device.pop("driver"), *(f"{k}={v}" for k, v in device.items())])]
    return words


def drive_device(number, drive):
    """A drive as QEMU's control channel takes it; its storage is the block device drive<number>."""
    return {"driver": "nvme", "drive": f"drive{number}", "id": f"nvme{number}",
            "serial": f"LAB{number}", "bus": f"drive{number}-slot", "max_ioqpairs": drive.queues,
            "logical_block_size": drive.block_bytes, "physical_block_size": drive.block_bytes}


def root_disk(path):
    """The disk with a Debian system: /dev/vda."""
    return ["-drive", f"file={path},if=none,id=root,format=raw,cache=unsafe",
            "-device", "virtio-blk-pci,drive=root,bus=pcie.0"]


def mac(number):
    return f"52:54:00:00:00:{number + 1:02x}"


def channels(folder):
    """What connects the guest with us: its console, and the ports for live output and for results."""
    return ["-serial", f"file:{folder}/console", *ports(folder)]


def terminal(folder):
    """The same with the console on this terminal; Ctrl-A X ends the guest."""
    return ["-chardev", "stdio,id=terminal,mux=on,signal=off", "-serial", "chardev:terminal", *ports(folder)]


def ports(folder):
    return ["-device", "virtio-serial-pci,bus=pcie.0",
            *_port("log", f"file,path={folder}/log"), *_port("out", f"file,path={folder}/out.tar")]


def control(folder):
    """The port through which a job arrives, and QEMU's control channel."""
    return [*_port("in", f"socket,path={folder}/in,server=on,wait=off"),
            "-qmp", f"unix:{folder}/qmp,server=on,wait=off"]


def _port(name, backend):
    kind, rest = backend.split(",", 1)
    return ["-chardev", f"{kind},id={name},{rest}",
            "-device", f"virtserialport,chardev={name},name={name}"]


def kernel(image, initramfs, words):
    return ["-kernel", str(image), "-initrd", str(initramfs), "-append", " ".join(words)]
