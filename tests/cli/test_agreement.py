"""`assay probe` against the tools that an engineer would ask, on this host, line by line.

Each comparison skips, and says so, where its tool is not installed or has nothing to say. Numbers that move
by themselves (free memory, counters) are bracketed: the tool is read before and after, and the probe's value
must lie between.
"""
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from harness import CliTest

ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}


def cpu_list(text):
    """The kernel's list notation as a set: "0-2,8" or "0 1 2 8"."""
    cpus = set()
    for part in re.split(r"[,\s]+", text.strip()):
        if part:
            first, _, last = part.partition("-")
            cpus.update(range(int(first), int(last or first) + 1))
    return cpus


def colon_values(text):
    """{"rx": "256"} of "RX:\t\t256" lines; later sections win."""
    values = {}
    for line in text.splitlines():
        key, colon, value = line.partition(":")
        if colon:
            values[key.strip().lower()] = value.strip()
    return values


class Agreement(CliTest):
    def setUp(self):
        super().setUp()
        self.probe = self.json_of("probe")

    def tool(self, *argv, may_fail=False):
        if not shutil.which(argv[0], path=ENVIRONMENT["PATH"]):
            self.skipTest(f"{argv[0]} is not installed")
        done = subprocess.run(argv, capture_output=True, text=True, timeout=60, env=ENVIRONMENT)
        if done.returncode != 0:
            if may_fail:
                return None
            self.skipTest(f"{' '.join(argv)} failed here: {done.stderr.strip()[:200]}")
        return done.stdout

    def between(self, low, value, high, what):
        low, high = min(low, high), max(low, high)
        self.assertTrue(low <= value <= high, f"{what}: {value} is not within {low}..{high}")


class Processors(Agreement):
    def test_lscpu_summary(self):
        fields = {}

        def flatten(entries):
            for entry in entries:
                fields[entry["field"].rstrip(":")] = entry["data"]
                flatten(entry.get("children", []))

        flatten(json.loads(self.tool("lscpu", "-J"))["lscpu"])
        topology, counts = self.probe["topology"], self.probe["topology"]["counts"]
        self.assertEqual(fields["Architecture"], topology["architecture"])
        self.assertEqual(int(fields["CPU(s)"]), len(topology["cpus"]))
        self.assertEqual(cpu_list(fields["On-line CPU(s) list"]), cpu_list(topology["online"]))
        for field, key in (("Vendor ID", "vendor"), ("Model name", "model_name"), ("CPU family", "family"),
                           ("Model", "model"), ("Stepping", "stepping")):
            if field in fields:
                self.assertEqual(fields[field], topology[key], field)
        if "Socket(s)" in fields:
            self.assertEqual(int(fields["Socket(s)"]), counts["packages"])
            self.assertEqual(int(fields["Core(s) per socket"]) * counts["packages"], counts["cores"])
        self.assertEqual(int(fields.get("NUMA node(s)", 1)), counts["nodes"])
        for node in topology["nodes"]:
            listed = fields.get(f"NUMA node{node['id']} CPU(s)")
            if listed is not None:
                self.assertEqual(cpu_list(listed), cpu_list(node["cpus"]))
        if "Flags" in fields:
            self.assertEqual(sorted(fields["Flags"].split()), topology["flags"])
        if fields.get("Hypervisor vendor"):
            self.assertEqual(fields["Hypervisor vendor"].lower(), self.probe["environment"]["hypervisor"].lower())
        self.compare_caches(fields, topology["caches"])
        self.compare_vulnerabilities(fields)

    def compare_caches(self, fields, caches):
        for field, data in fields.items():
            match = re.fullmatch(r"(L\d)([di]?) cache", field)
            if not match:
                continue
            kind = {"d": "data", "i": "instruction", "": "unified"}[match[2]]
            ours = [c for c in caches if c["level"] == int(match[1][1]) and c["type"] == kind]
            size, unit, instances = re.fullmatch(r"([\d.]+) (\w+) \((\d+) instances?\)", data).groups()
            self.assertEqual(len(ours), int(instances), field)
            total = sum(c["size_bytes"] for c in ours) / {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}[unit]
            self.assertAlmostEqual(total, float(size), delta=0.06 * max(1, total), msg=field)

    def compare_vulnerabilities(self, fields):
        ours = {name.replace("_", " ").lower(): state
                for name, state in self.probe["kernel"]["vulnerabilities"].items()}
        for field, data in fields.items():
            if field.startswith("Vulnerability "):
                # lscpu has punctuation of its own.
                self.assertEqual(re.sub("[:;]", "", data), re.sub("[:;]", "", ours[field[14:].lower()]), field)

    def test_lscpu_rows(self):
        rows = json.loads(self.tool("lscpu", "-J", "-e=CPU,CORE,SOCKET,NODE,ONLINE"))["cpus"]
        topology = self.probe["topology"]
        ours = {cpu["id"]: cpu for cpu in topology["cpus"]}
        self.assertEqual({row["cpu"] for row in rows if row["online"]}, cpu_list(topology["online"]))
        # lscpu numbers cores and sockets anew: the groups must be the same, whatever they are called.
        cores, sockets = {}, {}
        for row in rows:
            cpu = ours[row["cpu"]]
            self.assertEqual(row["online"], cpu["online"])
            if not row["online"]:
                continue
            cores.setdefault(row["core"], set()).add(row["cpu"])
            sockets.setdefault(row["socket"], set()).add(row["cpu"])
            if row.get("node") is not None:
                self.assertEqual(row["node"], cpu["node"])
        for members in cores.values():
            for cpu in members:
                self.assertEqual(cpu_list(ours[cpu]["siblings"]), members)
        for members in sockets.values():
            self.assertEqual(len({ours[cpu]["package"] for cpu in members}), 1)

    def test_proc_cpuinfo(self):
        text = Path("/proc/cpuinfo").read_text()
        blocks = [colon_values(block) for block in text.strip().split("\n\n")]
        blocks = [block for block in blocks if "processor" in block]
        topology = self.probe["topology"]
        self.assertEqual({int(block["processor"]) for block in blocks}, cpu_list(topology["online"]))
        for key, field in (("microcode", "microcode"), ("model name", "model_name"), ("vendor_id", "vendor")):
            if key in blocks[0]:
                self.assertEqual(blocks[0][key], topology[field])

    def test_lstopo(self):
        output = self.tool("lstopo-no-graphics", "--disallowed", "--of", "xml")
        tree = ElementTree.fromstring(output)
        kinds, pci, names = {}, set(), set()
        for element in tree.iter("object"):
            kinds[element.get("type")] = kinds.get(element.get("type"), 0) + 1
            if element.get("type") == "PCIDev":
                pci.add(element.get("pci_busid"))
            if element.get("type") == "OSDev":
                names.add(element.get("name"))
        counts = self.probe["topology"]["counts"]
        for kind, key in (("PU", "cpus"), ("Core", "cores"), ("Package", "packages"), ("NUMANode", "nodes")):
            self.assertEqual(kinds.get(kind, 0), counts[key], kind)
        self.assertLessEqual(pci, {device["address"] for device in self.probe["pci"]})
        ours = {nic["name"] for nic in self.probe["net"]} | {drive["name"] for drive in self.probe["block"]} \
            | {device["name"] for device in self.probe["rdma"]}
        for name in names:
            if not name.startswith(("card", "renderD", "controlD", "opencl", "cuda", "nvml", "dax", "pmem")):
                self.assertIn(name, ours)


class Memory(Agreement):
    def test_numactl(self):
        before = self.tool("numactl", "-H")
        probe = self.json_of("probe", "topology")
        after = colon_values(self.tool("numactl", "-H"))
        lines, nodes = colon_values(before), probe["topology"]["nodes"]
        self.assertEqual(int(re.match(r"(\d+) nodes", lines["available"])[1]), len(nodes))
        rows = before[before.index("node distances"):].splitlines()[2:]
        for node, row in zip(nodes, rows):
            self.assertEqual(cpu_list(lines[f"node {node['id']} cpus"]), cpu_list(node["cpus"]))
            sizes = [int(values[f"node {node['id']} size"].split()[0]) for values in (lines, after)]
            self.between(sizes[0], node["memory_bytes"] >> 20, sizes[1], f"memory of node {node['id']}")
            self.assertEqual([int(word) for word in row.partition(":")[2].split()], node["distances"])

    def test_proc_meminfo(self):
        def meminfo():
            return {key: int(value.split()[0]) * 1024
                    for key, value in colon_values(Path("/proc/meminfo").read_text()).items() if " kB" in value}

        before = meminfo()
        memory = self.json_of("probe", "memory")["memory"]
        after = meminfo()
        for key, field in (("memtotal", "total_bytes"), ("swaptotal", "swap_total_bytes")):
            self.between(before[key], memory[field], after[key], key)
        slack = 1 << 30  # other programs run
        for key, field in (("memfree", "free_bytes"), ("memavailable", "available_bytes")):
            self.between(min(before[key], after[key]) - slack, memory[field],
                         max(before[key], after[key]) + slack, key)

    def test_huge_pages(self):
        def counts():
            return {path.name: int((path / "nr_hugepages").read_text())
                    for path in Path("/sys/kernel/mm/hugepages").glob("hugepages-*")}

        listed = counts()
        ours = {f"hugepages-{pages['size_bytes'] >> 10}kB": pages["total"]
                for pages in self.json_of("probe", "memory")["memory"]["huge_pages"]}
        if listed == counts():
            self.assertEqual(ours, listed)


class Interrupts(Agreement):
    @staticmethod
    def table():
        lines = Path("/proc/interrupts").read_text().splitlines()
        columns = [int(name[3:]) for name in lines[0].split()]
        rows = {}
        for line in lines[1:]:
            name, _, rest = line.partition(":")
            words = rest.split()
            rows[name.strip()] = ([int(word) for word in words[:len(columns)] if word.isdigit()],
                                  " ".join(words[len(columns):]))
        return columns, rows

    def test_proc_interrupts(self):
        columns, before = self.table()
        interrupts = self.json_of("probe", "interrupts")["interrupts"]
        _, after = self.table()
        self.assertEqual(columns, interrupts["cpus"])
        ours = {irq["number"]: irq for irq in interrupts["irqs"]}
        for name, (counts, rest) in before.items():
            if name not in after:
                continue
            mine = ours[name]["counts"] if name.isdigit() else interrupts["named"][name]
            for low, value, high in zip(counts, mine, after[name][0]):
                self.assertTrue(low <= value <= high, f"{name}: {low} {value} {high}")
            if name.isdigit():
                self.assertTrue(rest.startswith(ours[name]["chip"]), rest)
                for action in ours[name]["actions"]:
                    self.assertIn(action, rest)

    def test_affinity(self):
        for irq in self.json_of("probe", "interrupts")["interrupts"]["irqs"]:
            for name, field in (("smp_affinity_list", "asked"), ("effective_affinity_list", "effective")):
                path = Path("/proc/irq") / irq["number"] / name
                if path.exists() and irq[field] is not None:
                    self.assertEqual(cpu_list(path.read_text()), cpu_list(irq[field]), path)

    def test_rates_are_the_growth_of_the_counts(self):
        _, before = self.table()
        interrupts = self.json_of("probe", "interrupts", "--window", "1s")["interrupts"]
        _, after = self.table()
        self.assertGreaterEqual(interrupts["window_ns"], 10**9)
        seconds = interrupts["window_ns"] / 1e9
        for irq in interrupts["irqs"]:
            if irq["number"] in before and irq["number"] in after and irq["rates"] is not None:
                grown = sum(after[irq["number"]][0]) - sum(before[irq["number"]][0])
                self.assertLessEqual(sum(irq["rates"]) * seconds, grown + 0.5, irq["number"])


class Network(Agreement):
    def each(self, *options):
        for nic in self.probe["net"]:
            output = self.tool("ethtool", *options, nic["name"], may_fail=True)
            if output is not None:
                yield nic, output

    def assert_same(self, nic, told, key, ours, name):
        if key in told and told[key] != "n/a" and name in ours:
            self.assertEqual(told[key].split()[0], ours[name], f"{nic['name']}: {key}")

    def test_driver(self):
        seen = 0
        for nic, output in self.each("-i"):
            told = colon_values(output)
            seen += 1
            self.assertEqual(told["driver"], nic["driver"])
            self.assertEqual(told["firmware-version"], nic["firmware"])
            self.assertEqual(told["version"], nic["driver_version"])
            if nic["pci_address"]:
                self.assertEqual(told["bus-info"], nic["pci_address"])
        if seen == 0:
            self.skipTest("no interface here has a driver that ethtool knows")

    def test_rings(self):
        for nic, output in self.each("-g"):
            limits, now = map(colon_values, output.split("Current hardware settings:"))
            for key in ("rx", "tx"):
                self.assert_same(nic, now, key, nic["ring"], key)
                self.assert_same(nic, limits, key, nic["ring"], key + "_max")

    def test_channels(self):
        for nic, output in self.each("-l"):
            limits, now = map(colon_values, output.split("Current hardware settings:"))
            for key in ("rx", "tx", "other", "combined"):
                self.assert_same(nic, now, key, nic["channels"], key)
                self.assert_same(nic, limits, key, nic["channels"], key + "_max")

    def test_coalescing(self):
        for nic, output in self.each("-c"):
            told = colon_values(output)
            for key in ("rx-usecs", "rx-frames", "tx-usecs", "tx-frames", "rx-usecs-irq", "tx-usecs-irq"):
                self.assert_same(nic, told, key, nic["coalesce"], key.replace("-", "_"))
            adaptive = re.search(r"Adaptive RX: (\w+|n/a)\s+TX: (\w+|n/a)", output)
            for word, name in zip(adaptive.groups(), ("adaptive_rx", "adaptive_tx")):
                if word != "n/a":
                    self.assertEqual(word == "on", nic["coalesce"][name] == "1")

    def test_features(self):
        names = {"generic-receive-offload": "gro", "large-receive-offload": "lro",
                 "tcp-segmentation-offload": "tso", "generic-segmentation-offload": "gso",
                 "ntuple-filters": "ntuple", "receive-hashing": "rxhash", "rx-checksumming": "rx_checksum",
                 "tx-checksumming": "tx_checksum"}
        for nic, output in self.each("-k"):
            told = colon_values(output)
            for theirs, name in names.items():
                self.assert_same(nic, told, theirs, nic["features"], name)

    def test_timestamping(self):
        for nic, output in self.each("-T"):
            clock = re.search(r"PTP Hardware Clock: (\S+)", output)[1]
            self.assertEqual("" if clock == "none" else f"ptp{clock}", nic["ptp_clock"])
            self.assertEqual("software-receive" in output, nic["timestamping"].get("software_rx") == "1")
            self.assertEqual("hardware-receive" in output, nic["timestamping"].get("hardware_rx") == "1")

    def test_queue_disciplines(self):
        listed = json.loads(self.tool("tc", "-j", "qdisc", "show"))
        for nic in self.probe["net"]:
            roots = [row["kind"] for row in listed if row["dev"] == nic["name"] and row.get("root")]
            if nic["qdisc"] and roots:
                self.assertEqual(nic["qdisc"]["root"], roots[0])

    def test_ip_link(self):
        ours = {nic["name"]: nic for nic in self.probe["net"]}
        for link in json.loads(self.tool("ip", "-j", "-d", "link")):
            nic = ours.get(link["ifname"])
            if nic is None:  # came up in between
                continue
            self.assertEqual(link["mtu"], nic["mtu"])
            self.assertEqual(link["link_type"] == "loopback", nic["kind"] == "loopback")
            kind = link.get("linkinfo", {}).get("info_kind")
            if kind in ("bond", "vlan", "bridge", "veth", "macvlan", "vxlan", "dummy"):
                self.assertEqual(kind, nic["kind"], link["ifname"])


class Storage(Agreement):
    def test_lsblk(self):
        listed = json.loads(self.tool("lsblk", "-J", "-O", "-b", "-a"))["blockdevices"]
        ours = {drive["name"]: drive for drive in self.probe["block"]}
        seen = set()
        for row in listed:
            drive = ours.get(row["kname"])
            if drive is None:
                continue
            seen.add(row["kname"])
            if not drive["physical"] and not drive["size_bytes"]:
                continue  # an empty loop device: nothing to tell
            self.compare_row(row, drive)
            parts = {part["name"]: part for part in drive["parts"]}
            for child in row.get("children") or []:
                if child["type"] == "part":
                    self.assertEqual(int(child["size"]), parts[child["kname"]]["size_bytes"])
        drives = {drive["name"] for drive in self.probe["block"] if drive["physical"]}
        self.assertLessEqual(drives, seen)

    def compare_row(self, row, drive):
        name = row["kname"]
        for field, key in (("size", "size_bytes"), ("ro", "read_only"), ("rota", "rotational"),
                           ("rm", "removable"), ("rq-size", "nr_requests"), ("log-sec", "logical_block_bytes"),
                           ("phy-sec", "physical_block_bytes"), ("ra", "read_ahead_kb"),
                           ("min-io", "minimum_io_bytes"), ("opt-io", "optimal_io_bytes"),
                           ("disc-gran", "discard_granularity_bytes"), ("zoned", "zoned"),
                           ("sched", "scheduler"), ("dax", "direct_access"), ("rand", "add_random")):
            theirs, mine = row.get(field), drive[key]
            if theirs is None or mine in (None, ""):
                continue
            self.assertEqual(str(theirs).lower(), str(mine).lower(), f"{name}: {field}")
        if row.get("model") and drive["model"]:
            self.assertEqual(row["model"].strip(), drive["model"].strip())
        points = {point for point in row.get("mountpoints") or [] if point}
        mounted = {mount["point"] for mount in self.probe["mounts"] if mount["block_device"] == name}
        self.assertLessEqual(points - {"[SWAP]"}, mounted)

    def test_storage_tree(self):
        """lsblk's inverse tree of each mounted device ends at the same drives."""
        targets = {drive["name"]: drive["target"] for drive in self.probe["block"] if drive["physical"]}
        devices = {mount["point"]: mount["block_device"] for mount in self.probe["mounts"]}
        for entry in self.probe["storage"]:
            output = self.tool("lsblk", "-s", "-l", "-n", "-o", "KNAME", "/dev/" + devices[entry["path"]],
                               may_fail=True)
            if output is None:
                continue
            expected = {targets[name] for name in output.split() if name in targets}
            if not any(node["what"] == "loop" for node in entry["tree"]):  # lsblk stops at the file
                self.assertEqual(expected, set(entry["drives"]), entry["path"])

    def test_nvme_list(self):
        devices = json.loads(self.tool("nvme", "list", "-o", "json") or "{}").get("Devices", [])
        spaces = {space["name"]: (space, nvme) for nvme in self.probe["nvme"] for space in nvme["spaces"]}
        if not devices and not spaces:
            self.skipTest("no NVMe drive here")
        self.assertEqual({Path(row["DevicePath"]).name for row in devices}, set(spaces))
        for row in devices:
            space, nvme = spaces[Path(row["DevicePath"]).name]
            self.assertEqual(row["ModelNumber"].strip(), nvme["model"])
            self.assertEqual(row["Firmware"].strip(), nvme["firmware"])
            self.assertEqual(row["PhysicalSize"], space["size_bytes"])
            self.assertEqual(row["SectorSize"], space["block_bytes"])

    def test_proc_mounts(self):
        ours = {(mount["point"], mount["type"]) for mount in self.probe["mounts"]}
        for line in Path("/proc/self/mounts").read_text().splitlines():
            _, point, kind, *_ = line.split()
            point = re.sub(r"\\(\d{3})", lambda match: chr(int(match[1], 8)), point)
            self.assertIn((point, kind), ours)
