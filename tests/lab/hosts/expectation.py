"""What a test may expect inside a kind, as plain data: derived from the row, never from a running guest."""
from hosts.kinds import NIC_MODELS


def expectation(kind, kernel_release, words):
    """The row as JSON-ready data; words is the boot line that the guest was started with.

    A host without NUMA tells no node for its devices: null.
    """
    return {
        "kind": kind.name,
        "kernel_release": kernel_release,
        "hypervisor": "QEMU TCG",
        "boot_line": words,
        "isolated": word_value(words, "isolcpus").split(",domain,")[-1],
        "nohz_full": word_value(words, "nohz_full"),
        "realtime": kind.realtime,
        "iommu": kind.iommu,
        "cpus": kind.cpus,
        "packages": len(kind.nodes),
        "cores": kind.cpus // kind.threads,
        "smt": kind.threads > 1,
        "nodes": [_node(kind, number) for number in range(len(kind.nodes))],
        "drives": [_drive(kind, drive) for drive in kind.drives],
        "nics": [_nic(kind, nic) for nic in kind.nics],
    }


def word_value(words, name):
    return next((word.partition("=")[2] for word in words if word.startswith(name + "=")), "")


def cpu_list(cpus):
    return str(cpus[0]) if len(cpus) == 1 else f"{cpus[0]}-{cpus[-1]}"


def _node(kind, number):
    node = kind.nodes[number]
    return {
        "cpus": cpu_list(node.cpus),
        "memory_mib": node.memory_mib,
        "distances": [10 if other == number else kind.distance for other in range(len(kind.nodes))],
        "huge_pages": {str(size): count for size, count in node.huge_pages.items()},
    }


def _drive(kind, drive):
    return {
        "node": drive.node if len(kind.nodes) > 1 else None,
        "queues": min(drive.queues, kind.cpus),
        "block_bytes": drive.block_bytes,
        "size_bytes": drive.size_bytes,
    }


def _nic(kind, nic):
    model = NIC_MODELS[nic.model]
    return {
        "node": nic.node if len(kind.nodes) > 1 else None,
        "driver": model.driver,
        "queues": min(model.queues_max, kind.cpus),
    }
