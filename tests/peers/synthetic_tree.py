#!/usr/bin/env python3
"""Writes a made-up host as a captured tree, for measurements that need a larger one than is at hand.

usage: synthetic_tree.py FOLDER [--cpus 256] [--nodes 8] [--packages 2] [--queues 128]

Two threads a core, the second half of the CPUs being the second threads, as Linux numbers them on x86; per core an
L1d, L1i and L2, an L3 for every eight cores; cpufreq, cpuidle, NUMA nodes with distances and huge pages; two NICs
whose queues have an interrupt each, and NVMe drives. Files have the form that Linux 6 gives them.
"""
import argparse
import os
from pathlib import Path


def mask(numbers, bits):
    value = sum(1 << n for n in numbers)
    groups = [f"{value >> shift & 0xffffffff:08x}" for shift in range(0, max(bits, 32), 32)]
    return ",".join(reversed(groups)) + "\n"


def ranges(numbers):
    parts, ordered = [], sorted(numbers)
    while ordered:
        end = 0
        while end + 1 < len(ordered) and ordered[end + 1] == ordered[end] + 1:
            end += 1
        parts.append(str(ordered[0]) if end == 0 else f"{ordered[0]}-{ordered[end]}")
        ordered = ordered[end + 1:]
    return ",".join(parts) + "\n"


class Host:
    def __init__(self, root, cpus, nodes, packages, queues):
        self.root = Path(root)
        self.cpus, self.nodes, self.packages, self.queues = cpus, nodes, packages, queues
        self.cores = cpus // 2

    def put(self, path, content):
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if str(content).endswith("\n") else f"{content}\n")

    def link(self, path, target):
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        os.symlink(target, file)

    def threads(self, cores):
        return [c for core in cores for c in (core, core + self.cores)]

    def part(self, core, parts):
        """The cores of the same one of `parts` equal parts."""
        size = self.cores // parts
        return range(core // size * size, core // size * size + size)

    def set_of(self, directory, names, numbers):
        for name in names:
            self.put(f"{directory}/{name}", mask(numbers, self.cpus))
            self.put(f"{directory}/{name}_list", ranges(numbers))

    def cache(self, cpu, index, level, kind, size, ways, line, sharing):
        base = f"/sys/devices/system/cpu/cpu{cpu}/cache/index{index}"
        for name, value in (("level", level), ("type", kind), ("size", f"{size}K"), ("coherency_line_size", line),
                            ("ways_of_associativity", ways), ("number_of_sets", (size << 10) // ways // line),
                            ("physical_line_partition", 1), ("id", min(sharing))):
            self.put(f"{base}/{name}", value)
        self.put(f"{base}/shared_cpu_map", mask(sharing, self.cpus))
        self.put(f"{base}/shared_cpu_list", ranges(sharing))

    def cpu(self, number):
        core = number % self.cores
        base = f"/sys/devices/system/cpu/cpu{number}"
        package = core * self.packages // self.cores
        for name, value in (("physical_package_id", package), ("die_id", 0), ("core_id", core), ("cluster_id", 65535)):
            self.put(f"{base}/topology/{name}", value)
        self.set_of(f"{base}/topology", ("thread_siblings", ), self.threads([core]))
        self.set_of(f"{base}/topology", ("core_siblings", ), self.threads(self.part(core, self.packages)))
        pair, l3 = self.threads([core]), self.threads(self.part(core, max(1, self.cores // 8)))
        for row in ((0, 1, "Data", 32, 8, 64, pair), (1, 1, "Instruction", 32, 8, 64, pair),
                    (2, 2, "Unified", 1024, 8, 64, pair), (3, 3, "Unified", 32768, 16, 64, l3)):
            self.cache(number, *row)
        policy = f"/sys/devices/system/cpu/cpufreq/policy{number}"
        for name, value in (("scaling_driver", "amd-pstate-epp"), ("scaling_governor", "performance"),
                            ("scaling_min_freq", 1500000), ("scaling_max_freq", 3700000),
                            ("cpuinfo_min_freq", 1500000), ("cpuinfo_max_freq", 3700000),
                            ("scaling_cur_freq", 3650000 + number), ("energy_performance_preference", "performance")):
            self.put(f"{policy}/{name}", value)
        self.link(f"{base}/cpufreq", f"../cpufreq/policy{number}")
        for state, (name, latency) in enumerate((("POLL", 0), ("C1", 1), ("C2", 100))):
            for key, value in (("name", name), ("latency", latency), ("disable", 0), ("usage", 12345)):
                self.put(f"{base}/cpuidle/state{state}/{key}", value)
        self.put(f"{base}/power/pm_qos_resume_latency_us", 0)
        self.put(f"{base}/online", 1)
        self.link(f"{base}/node{core * self.nodes // self.cores}",
                  f"../../node/node{core * self.nodes // self.cores}")

    def node(self, number):
        base = f"/sys/devices/system/node/node{number}"
        size = self.cores // self.nodes
        own = self.threads(range(number * size, number * size + size))
        self.put(f"{base}/cpumap", mask(own, self.cpus))
        self.put(f"{base}/cpulist", ranges(own))
        half = self.nodes // self.packages
        self.put(f"{base}/distance", " ".join(
            str(10 if n == number else 12 if n // half == number // half else 32) for n in range(self.nodes)))
        self.put(f"{base}/meminfo", f"Node {number} MemTotal:       65536000 kB\nNode {number} MemFree:  40960000 kB\n")
        for kib, total in ((2048, 512), (1048576, 4)):
            for name, value in (("nr", total), ("free", total // 2), ("surplus", 0)):
                self.put(f"{base}/hugepages/hugepages-{kib}kB/{name}_hugepages", value)

    def pci(self, address, bus, ids, kind, driver, node):
        path = f"/sys/devices/pci{bus}/{bus}:01.1/{address}"
        self.put(f"{path}/uevent", f"DRIVER={driver}\nPCI_CLASS={kind}\nPCI_ID={ids}\nPCI_SLOT_NAME={address}\n")
        for name, value in (("numa_node", node), ("class", f"0x0{kind}"), ("vendor", f"0x{ids[:4].lower()}"),
                            ("device", f"0x{ids[5:].lower()}"), ("max_link_speed", "16.0 GT/s PCIe"),
                            ("current_link_speed", "16.0 GT/s PCIe"), ("max_link_width", 16),
                            ("current_link_width", 16)):
            self.put(f"{path}/{name}", value)
        self.link(f"/sys/bus/pci/devices/{address}", f"../../../devices/pci{bus}/{bus}:01.1/{address}")
        return path

    def nic(self, name, bus, node):
        path = self.pci(f"{bus[:4]}:{bus[5:7]}:00.0", bus, "15B3:101D", "20000", "mlx5_core", node)
        base = f"{path}/net/{name}"
        for key, value in (("type", 1), ("operstate", "up"), ("speed", 100000), ("mtu", 9000), ("dev_port", 0),
                           ("tx_queue_len", 1000), ("address", "02:00:00:00:00:01"), ("uevent", f"INTERFACE={name}")):
            self.put(f"{base}/{key}", value)
        self.link(f"{base}/device", "../..")
        for queue in range(self.queues // 2):
            self.put(f"{base}/queues/rx-{queue}/rps_cpus", mask([], self.cpus))
            self.put(f"{base}/queues/rx-{queue}/rps_flow_cnt", 0)
            self.put(f"{base}/queues/tx-{queue}/xps_cpus", mask([queue], self.cpus))
        self.link(f"/sys/class/net/{name}", f"../../{base[5:]}")
        return f"{bus[:4]}:{bus[5:7]}:00.0"

    def drive(self, number, bus, node):
        path = self.pci(f"{bus[:4]}:{bus[5:7]}:00.0", bus, "144D:A80A", "10802", "nvme", node)
        base = f"{path}/nvme/nvme{number}"
        for key, value in (("model", "Example Drive"), ("firmware_rev", "1.0"), ("state", "live"),
                           ("transport", "pcie"), ("queue_count", 65), ("numa_node", node)):
            self.put(f"{base}/{key}", value)
        block = f"{base}/nvme{number}n1"
        for key, value in (("size", 7501476528), ("ro", 0), ("queue/scheduler", "[none] mq-deadline"),
                           ("queue/logical_block_size", 512), ("queue/physical_block_size", 4096),
                           ("queue/rotational", 0), ("queue/nr_requests", 1023), ("queue/nomerges", 0),
                           ("queue/rq_affinity", 1), ("queue/write_cache", "write through")):
            self.put(f"{block}/{key}", value)
        for queue in range(64):
            self.put(f"{block}/mq/{queue}/nr_tags", 1023)
        self.link(f"/sys/class/nvme/nvme{number}", f"../../{base[5:]}")
        self.link(f"/sys/block/nvme{number}n1", f"../{block[5:]}")
        return f"{bus[:4]}:{bus[5:7]}:00.0"

    def interrupts(self, devices):
        """`devices`: PCI address, name of the actions, how many vectors."""
        lines = ["            " + "".join(f"CPU{c:<8}" for c in range(self.cpus))]
        number = 30
        for address, action, vectors in devices:
            for vector in range(vectors):
                counts = "".join(f"{12345 if c == vector else 0:>11}" for c in range(self.cpus))
                lines.append(f"{number:>4}: {counts}  PCI-MSIX-{address} {vector:>4}-edge      {action}{vector}")
                base = f"/proc/irq/{number}"
                self.set_of(base, ("smp_affinity", ), [vector % self.cpus])
                self.put(f"{base}/effective_affinity", mask([vector % self.cpus], self.cpus))
                self.put(f"{base}/effective_affinity_list", ranges([vector % self.cpus]))
                number += 1
        lines.append(" LOC: " + "".join(f"{987654:>11}" for _ in range(self.cpus)) + "   Local timer interrupts")
        self.put("/proc/interrupts", "\n".join(lines))

    def write(self):
        everyone = ranges(range(self.cpus))
        for name in ("online", "present", "possible"):
            self.put(f"/sys/devices/system/cpu/{name}", everyone)
        for name, value in (("smt/control", "on"), ("smt/active", 1), ("isolated", ""), ("cpuidle/current_driver", "acpi_idle")):
            self.put(f"/sys/devices/system/cpu/{name}", value)
        for number in range(self.cpus):
            self.cpu(number)
        self.put("/sys/devices/system/node/online", ranges(range(self.nodes)))
        for number in range(self.nodes):
            self.node(number)
        block = "".join(f"processor\t: {n}\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 1\n"
                        f"model name\t: Example 64-Core Processor\nstepping\t: 1\nphysical id\t: {n % 2}\n"
                        f"core id\t\t: {n % self.cores}\nflags\t\t: {FLAGS}\n\n" for n in range(self.cpus))
        self.put("/proc/cpuinfo", block)
        self.put("/proc/meminfo", f"MemTotal:  {65536000 * self.nodes} kB\nMemFree: {40960000 * self.nodes} kB\n")
        devices = [(self.nic("eth0", "0000:41", 2), "mlx5_comp", self.queues // 2),
                   (self.nic("eth1", "0000:c1", 6), "mlx5_comp", self.queues // 2)]
        for number in range(8):
            devices.append((self.drive(number, f"0000:{0x21 + number:02x}", number % self.nodes),
                            f"nvme{number}q", 65))
        self.interrupts(devices)


FLAGS = " ".join(f"flag{n}" for n in range(120)) + " constant_tsc nonstop_tsc"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder")
    for name, default in (("cpus", 256), ("nodes", 8), ("packages", 2), ("queues", 128)):
        parser.add_argument(f"--{name}", type=int, default=default)
    arguments = parser.parse_args()
    Host(arguments.folder, arguments.cpus, arguments.nodes, arguments.packages, arguments.queues).write()


if __name__ == "__main__":
    main()
