"""The table of virtual hosts. One row is one kind: what the host has, and therefore what a test may
expect to find inside. machine.py turns a row into QEMU's arguments, expectation.py into known truth.
"""
from dataclasses import dataclass, field

GIB = 1 << 30


@dataclass(frozen=True)
class Node:
    """A NUMA node: its CPUs as the guest numbers them, its memory, its huge pages by size in KiB."""
    cpus: tuple
    memory_mib: int = 1024
    huge_pages: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Drive:
    """An NVMe drive on a node. queues is what the controller offers; a host uses one a CPU at most."""
    node: int = 0
    queues: int = 64
    block_bytes: int = 512
    size_bytes: int = GIB


@dataclass(frozen=True)
class Nic:
    """A network port on a node. model is a row of NIC_MODELS; ports with the same wire hear each other."""
    model: str
    node: int = 0
    wire: str = ""


@dataclass(frozen=True)
class NicModel:
    """What one of QEMU's NICs is to Linux. queues_max bounds the queue pairs that the driver takes a CPU."""
    device: str
    driver: str
    queues_max: int = 1
    options: str = ""


@dataclass(frozen=True)
class Kind:
    """One virtual host.

    kernel and emulator name rows of packages.KERNELS and packages.EMULATORS. Nodes have equal numbers
    of CPUs, numbered in their order; threads is SMT siblings a core. boot_line is what a kind adds to the
    kernel's command line, and tuned what somebody wrote there to isolate CPUs: a host that reboots starts
    without it, since its boot line is GRUB's. The words for huge pages come from the nodes. snapshot: may be restored
    from a state saved just before the job. default: part of `make test`.
    """
    name: str
    purpose: str
    nodes: tuple = (Node((0, 1)),)
    distance: int = 21
    threads: int = 1
    cpu: str = "max"
    kernel: str = "6.1"
    emulator: str = "7"
    boot_line: tuple = ()
    tuned: tuple = ()
    modules: tuple = ()
    drives: tuple = ()
    nics: tuple = ()
    iommu: bool = False
    realtime: bool = False
    snapshot: bool = True
    default: bool = False

    @property
    def cpus(self):
        return sum(len(node.cpus) for node in self.nodes)


NIC_MODELS = {
    "e1000e": NicModel("e1000e", "e1000e"),
    "igb": NicModel("igb", "igb", queues_max=8),
    "virtio": NicModel("virtio-net-pci", "virtio_net"),
    "vmxnet3": NicModel("vmxnet3", "vmxnet3", queues_max=8),
}

TWO_NODES = (
    Node((0, 1), huge_pages={2048: 32}),
    Node((2, 3), memory_mib=1536, huge_pages={2048: 64, 1048576: 1}),
)
NODE_DRIVES = (Drive(0), Drive(1, queues=2, block_bytes=4096))
NODE_NICS = (Nic("e1000e", 0), Nic("vmxnet3", 0), Nic("e1000e", 1))

KINDS = {kind.name: kind for kind in (
    Kind("basic", "one node, two CPUs, a drive and a port: an ordinary small server",
         drives=(Drive(),), nics=(Nic("virtio"),), default=True),
    Kind("single", "one CPU: nothing to move work to",
         nodes=(Node((0,)),), drives=(Drive(),), nics=(Nic("e1000e"),), default=True),
    Kind("numa2", "two nodes with drives, ports and huge pages of their own, isolated CPUs",
         nodes=TWO_NODES, drives=NODE_DRIVES, nics=NODE_NICS, default=True,
         tuned=("isolcpus=managed_irq,domain,3", "nohz_full=3", "rcu_nocbs=3", "irqaffinity=0-2")),
    Kind("iommu", "numa2's hardware behind an IOMMU: VFIO, user-space NVMe, DPDK",
         nodes=TWO_NODES, drives=NODE_DRIVES, nics=NODE_NICS, iommu=True,
         boot_line=("intel_iommu=on", "iommu=pt"), modules=("vfio-pci", "vfio_iommu_type1")),
    Kind("nic", "two multi-queue ports on one wire, and a virtio one: coalescing, channels, PTP, XDP",
         nodes=(Node((0, 1, 2, 3), memory_mib=1024),), emulator="10", kernel="6.12",
         drives=(Drive(),), nics=(Nic("igb", wire="pair"), Nic("igb", wire="pair"), Nic("virtio"))),
    Kind("rt", "the realtime kernel: its tracers, and threads for interrupts",
         kernel="6.1-rt", drives=(Drive(),), nics=(Nic("e1000e"),), realtime=True, default=True),
    Kind("new", "a kernel two years ahead: zero-copy AF_XDP on igb, hybrid polling, mixed ring entries",
         kernel="7", emulator="10", drives=(Drive(),),
         nics=(Nic("igb", wire="pair"), Nic("igb", wire="pair"))),
    Kind("smt", "two hardware threads a core, which can be switched off",
         nodes=(Node((0, 1, 2, 3)),), threads=2, cpu="Skylake-Server", drives=(Drive(),)),
)}
