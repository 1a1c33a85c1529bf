#!/usr/bin/env python3
"""Every captured tree as assay reads it and as lstopo reads it, field by field.

Exit code 77 (skipped) says why. hwloc is run without its x86 part, which would ask this machine's CPU about the
other's.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

NET, BLOCK = "2", "0"  # osdev_type of lstopo's XML
CPU_INFOS = ("CPUModel", "CPUVendor", "CPUFamilyNumber", "CPUModelNumber", "CPUStepping")
CACHE_TYPES = {"0": "unified", "1": "data", "2": "instruction"}


def cpu_list(text):
    """The numbers of "0-3,8"."""
    numbers = set()
    for part in filter(None, (text or "").split(",")):
        first, _, last = part.partition("-")
        numbers.update(range(int(first), int(last or first) + 1))
    return frozenset(numbers)


def cpu_mask(text):
    """The numbers of hwloc's "0x00000001,,0x0000ffff"; words of 32 bits, the highest first."""
    words = (text or "0x0").split(",")
    value = 0
    for word in words:
        value = value << 32 | (int(word, 16) if word and word != "0xf...f" else 0)
    return frozenset(bit for bit in range(value.bit_length()) if value >> bit & 1)


def words(numbers):
    """{0, 1, 2, 8} as "0-2,8"."""
    parts, ordered = [], sorted(numbers)
    while ordered:
        end = 0
        while end + 1 < len(ordered) and ordered[end + 1] == ordered[end] + 1:
            end += 1
        parts.append(str(ordered[0]) if end == 0 else f"{ordered[0]}-{ordered[end]}")
        ordered = ordered[end + 1:]
    return ",".join(parts)


def infos(element):
    return {info.get("name"): info.get("value") for info in element.findall("info")}


class Theirs:
    """What lstopo says, as field → value; a field that it does not tell is left out."""

    def __init__(self, xml):
        self.root = ElementTree.fromstring(xml)
        self.objects = {}
        self.parents = {}
        for parent in self.root.iter("object"):
            self.objects.setdefault(parent.get("type"), []).append(parent)
            for child in parent.findall("object"):
                self.parents[child] = parent

    def of(self, kind):
        return self.objects.get(kind, [])

    def sets(self, kind):
        return sorted(words(cpu_mask(o.get("cpuset"))) for o in self.of(kind))

    def pci_of(self, element):
        while element is not None and element.get("type") != "PCIDev":
            element = self.parents.get(element)
        return element.get("pci_busid") if element is not None else ""

    def locality(self, element):
        """The nodes of the object that a device hangs at."""
        while element is not None and element.get("nodeset") is None:
            element = self.parents.get(element)
        return cpu_mask(element.get("nodeset")) if element is not None else frozenset()

    def caches(self):
        found = []
        for level in range(1, 6):
            for kind in (f"L{level}Cache", f"L{level}iCache"):
                for o in self.of(kind):
                    found.append((level, CACHE_TYPES[o.get("cache_type")], int(o.get("cache_size")),
                                  int(o.get("cache_linesize")), max(0, int(o.get("cache_associativity"))),
                                  words(cpu_mask(o.get("cpuset")))))
        return sorted(found)

    def distances(self):
        for table in self.root.findall("distances2"):
            if table.get("type") != "NUMANode" or table.get("name", "NUMALatency") != "NUMALatency":
                continue
            nodes = [int(n) for n in " ".join(e.text for e in table.findall("indexes")).split()]
            values = [int(n) for n in " ".join(e.text for e in table.findall("u64values")).split()]
            size = len(nodes)
            return {nodes[i]: tuple(values[i * size:(i + 1) * size]) for i in range(size)}
        return None

    def kinds(self):
        """Groups of CPUs whose core type the kernel names."""
        found = {}
        for kind in self.root.findall("cpukind"):
            name = infos(kind).get("CoreType")
            if name:
                found[{"IntelCore": "performance", "IntelAtom": "efficiency"}[name]] = words(
                    cpu_mask(kind.get("cpuset")))
        return found

    def fields(self):
        machine = self.of("Machine")[0]
        yield "cpus", words(n for o in self.of("PU") for n in cpu_mask(o.get("cpuset")))
        yield "allowed", words(cpu_mask(machine.get("allowed_cpuset")))
        yield "cores", self.sets("Core")
        if self.of("Package"):
            yield "packages", self.sets("Package")
        if self.of("Die"):
            yield "dies", self.sets("Die")
        yield "caches", self.caches()
        for o in self.of("NUMANode"):
            node = f"node {o.get('os_index')}"
            yield node + " memory", int(o.get("local_memory") or 0)
            yield node + " cpus", words(cpu_mask(o.get("cpuset")))
            pages = {int(p.get("size")): int(p.get("count")) for p in o.findall("page_type")}
            yield node + " huge pages", pages
        yield "nodes", words(int(o.get("os_index")) for o in self.of("NUMANode"))
        yield "allowed nodes", words(cpu_mask(machine.get("allowed_nodeset")))
        if self.distances():
            yield "distances", self.distances()
        if self.kinds():
            yield "kinds", self.kinds()
        for o in self.of("Package")[:1]:
            yield from ((name, value.strip()) for name, value in infos(o).items() if name in CPU_INFOS)
        facts = {name: value.strip() for name, value in infos(machine).items()}
        for name in ("DMIProductName", "DMIBIOSVersion"):
            if name in facts:
                yield name, facts[name]
        if facts.get("DMISysVendor") or facts.get("DMIBoardVendor"):
            yield "vendor of the board", facts.get("DMISysVendor") or facts["DMIBoardVendor"]
        yield from self.devices()

    def devices(self):
        functions = self.of("PCIDev") + [o for o in self.of("Bridge") if o.get("pci_busid")]
        yield "pci", sorted((o.get("pci_busid"), o.get("pci_type")[:4]) for o in functions)
        for o in functions:
            kind, ids = o.get("pci_type").split(" ")[:2]
            yield "pci " + o.get("pci_busid"), (kind, ids)
            yield "pci node " + o.get("pci_busid"), words(self.locality(o))
            if float(o.get("pci_link_speed")) > 0:
                yield "pci link " + o.get("pci_busid"), float(o.get("pci_link_speed"))
        for o in self.of("OSDev"):
            name, facts = o.get("name"), infos(o)
            if o.get("osdev_type") == NET:
                yield "nic " + name, self.pci_of(o)
            if o.get("osdev_type") == BLOCK and not name.startswith("dax"):
                yield "block " + name, self.pci_of(o)
                for key in ("Size", "SectorSize", "Model", "Revision"):
                    if key in facts:
                        yield f"block {name} {key}", facts[key]


class Ours:
    """The same fields out of assay's document."""

    def __init__(self, document):
        self.document = document
        self.topology = document["topology"]
        self.nodes = {n["id"]: n for n in self.topology["nodes"]}

    def group(self, key):
        groups = {}
        for cpu in self.topology["cpus"]:
            if cpu["online"]:
                groups.setdefault(key(cpu), set()).add(cpu["id"])
        return groups

    def kinds(self):
        return {kind: words(cpus) for kind, cpus in self.group(lambda c: c["kind"]).items() if kind}

    def fields(self):
        top, environment = self.topology, self.document["environment"]
        yield "cpus", words(cpu_list(top["online"]))
        yield "allowed", words(cpu_list(top["allowed"]))
        yield "cores", sorted({words(cpu_list(c["siblings"])) for c in top["cpus"] if c["online"]})
        yield "packages", sorted(map(words, self.group(lambda c: c["package"]).values()))
        yield "dies", sorted(map(words, self.group(lambda c: (c["package"], c["die"])).values()))
        yield "caches", sorted((c["level"], c["type"], c["size_bytes"], c["line_bytes"], c["ways"], c["shared_by"])
                               for c in top["caches"])
        for number, node in self.nodes.items():
            yield f"node {number} memory", node["memory_bytes"]
            yield f"node {number} cpus", node["cpus"]
            yield f"node {number} huge pages", {p["size_bytes"]: p["total"] for p in node["huge_pages"]}
        yield "nodes", words(self.nodes)
        yield "allowed nodes", words(n for n, node in self.nodes.items() if node["allowed"])
        yield "distances", {n: tuple(node["distances"]) for n, node in self.nodes.items()}
        yield "kinds", self.kinds()
        yield "CPUModel", top["model_name"]
        yield "CPUVendor", top["vendor"]
        yield "CPUFamilyNumber", top["family"]
        yield "CPUModelNumber", top["model"]
        yield "CPUStepping", top["stepping"]
        yield "vendor of the board", environment["board_vendor"]
        yield "DMIProductName", environment["product_name"]
        yield "DMIBIOSVersion", environment["bios_version"]
        yield from self.devices()

    def devices(self):
        yield "pci", sorted((d["address"], d["class_id"][2:6]) for d in self.document["pci"])
        for d in self.document["pci"]:
            yield "pci " + d["address"], (d["class_id"][2:6],
                                          f"[{d['vendor_id'][2:]}:{d['device_id'][2:]}]")
            yield "pci node " + d["address"], "" if d["node"] is None else str(d["node"])
            if d["link"]:
                coding = 0.8 if d["link"]["speed_gts"] <= 5 else 128 / 130
                yield "pci link " + d["address"], d["link"]["speed_gts"] * d["link"]["width"] * coding / 8
        for nic in self.document["net"]:
            yield "nic " + nic["name"], nic["pci_address"]
        for device in self.document["block"]:
            name = device["name"]
            yield "block " + name, device["pci_address"]
            yield f"block {name} Size", str(device["size_bytes"] >> 10)
            yield f"block {name} SectorSize", str(device["logical_block_bytes"])
            yield f"block {name} Model", device["model"]
            yield f"block {name} Revision", device["firmware"]


# Where the two differ and the kernel's files were looked at: who is right, and why. `tree` and `field` are whole
# regular expressions; `holds` says what exactly is understood. One row serves every tree where it can.
UNDERSTOOD = [
    (".*", r"node \d+ cpus", lambda ours, theirs: ours == "",
     "a node without CPUs: the kernel's cpumap is empty; hwloc writes the CPUs that are nearest"),
    (".*", r"pci node .*", lambda ours, theirs: ours == "",
     "the kernel names no node (numa_node is -1, or local_cpus is everyone); hwloc hangs it at the machine"),
    (".*", r"pci node .*", lambda ours, theirs: int(ours) in cpu_list(theirs),
     "hwloc adds the nodes without CPUs that it hangs at the same place, and does not look at numa_node"),
    (".*", r"pci link .*", lambda ours, theirs: ours is None,
     "links are read for storage, network, GPUs and accelerators only: asking a device costs time"),
    (".*", r"pci .*", lambda ours, theirs: isinstance(ours, tuple) and ours[1] == "[:]",
     "there is no vendor and device file; hwloc writes zeros"),
    (".*", r"pci [\d:.a-f]+", lambda ours, theirs: theirs == ("0000", "[0000:0000]"),
     "a capture of ours has the uevent file alone, which holds class and ids; hwloc reads their own files"),
    (".*", r"block nvme\d+c\d+n\d+", lambda ours, theirs: ours is None,
     "one path of a multipath drive, hidden by the kernel; the drive is the head"),
    (".*", "allowed", lambda ours, theirs: ours and set(cpu_list(ours)) < set(cpu_list(theirs)),
     "the process's own affinity leaves isolated CPUs out; hwloc looks at control groups alone"),
    (".*", "cores", lambda ours, theirs: theirs == [],
     "the kernel has no core ids; here each CPU is then a core of its own, hwloc makes none"),
    (".*", "pci", lambda ours, theirs: only_wide_domains_and_dead_bridges(ours, theirs),
     "hwloc is built without PCI domains of more than 16 bits, and drops bridges with no bus behind them"),
    (".*", r"block \S+", lambda ours, theirs: theirs == "" and is_wide(ours or ""),
     "the drive hangs at such a PCI domain"),
    (".*", r"block \S+ (Model|Revision)", lambda ours, theirs: True,
     "hwloc asks udev's data base, which has blanks as '_', longer revisions, and in one tree another drive; the "
     "kernel's own attribute is what a drive says today"),
    ("40intel64-4n10c.pci-conflicts", "(packages|caches)", lambda ours, theirs: not set(theirs) - set(ours),
     "core_siblings and shared_cpu_map of CPU 3 were changed by hand to overlap the others; package ids and every "
     "other CPU's map contradict them, and hwloc drops the whole object"),
]


def is_wide(address):
    return len(address) > len("0000:00:00.0")


def only_wide_domains_and_dead_bridges(ours, theirs):
    extra = {address for address, _ in ours} - {address for address, _ in theirs}
    kinds = dict(ours)
    return not set(dict(theirs)) - set(kinds) and all(is_wide(a) or kinds[a] == "0604" for a in extra)


def reason(tree, field, ours, theirs):
    for tree_pattern, pattern, holds, why in UNDERSTOOD:
        if re.fullmatch(tree_pattern, tree) and re.fullmatch(pattern, field) and holds(ours, theirs):
            return why
    return None


def same(field, ours, theirs):
    if field.startswith("pci link") and ours is not None:
        return abs(ours - theirs) < 0.01 * theirs
    if field.endswith("huge pages") and ours is not None:
        # hwloc's smallest is the ordinary page.
        return all(ours.get(size) == count for size, count in theirs.items() if size != min(theirs))
    return ours == theirs


def run(command, **variables):
    return subprocess.run(command, env={**os.environ, **variables}, capture_output=True, text=True)


def compare(assay, root):
    """The fields that differ, as (field, assay's value, lstopo's value)."""
    xml = run(["lstopo-no-graphics", "--disallowed", "--whole-io", "--of", "xml"], HWLOC_FSROOT=str(root),
              HWLOC_THISSYSTEM="0", HWLOC_COMPONENTS="-x86", HWLOC_HIDE_ERRORS="2",
              HWLOC_KEEP_NVIDIA_GPU_NUMA_NODES="1")
    if xml.returncode != 0:
        return [("lstopo", "", xml.stderr)]
    probe = run([assay, "probe", "--root", str(root), "--format", "json"])
    if probe.returncode != 0:
        return [("assay", probe.stderr, "")]
    ours = dict(Ours(json.loads(probe.stdout)).fields())
    return [(field, ours.get(field), value) for field, value in Theirs(xml.stdout).fields()
            if not same(field, ours.get(field), value)]


def check(assay, name, root, verbose):
    """Prints what is not understood; answers how many differences there are of that kind."""
    wrong = 0
    if not (root / "sys/devices/system/cpu").exists() and not (root / "proc/cpuinfo").exists():
        print(f"ok   {name} (tells nothing of CPUs: lstopo would show this machine's)")
        return 0
    for field, ours, theirs in compare(assay, root):
        why = reason(name, field, ours, theirs)
        wrong += why is None
        if why and not verbose:
            continue
        if isinstance(ours, list) and isinstance(theirs, list):
            ours, theirs = [x for x in ours if x not in theirs], [x for x in theirs if x not in ours]
        print(f"  {field}: assay {str(ours)[:200]} | lstopo {str(theirs)[:200]}{' (' + why + ')' if why else ''}")
    print(f"{'FAIL' if wrong else 'ok  '} {name}", flush=True)
    return wrong


def unpack(archive, folder):
    """The tree of a capture; without memory blocks and power files, which neither side looks at."""
    done = run(["tar", "--no-same-owner", "--delay-directory-restore", "--wildcards",
                "--exclude=*/node*/memory[0-9]*", "--exclude=*/pci[0-9]*/power/*", "-xaf", str(archive), "-C", folder])
    if done.returncode != 0:
        skip(f"tar, bzip2 or zstd is not installed: {done.stderr}")
    if (Path(folder) / "sys").exists():
        return Path(folder)
    root = next(Path(folder).iterdir())
    return root / "fsroot" if (root / "fsroot").exists() else root  # beside a dump of CPUID


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--verbose", action="store_true", help="show the differences that are understood as well")
    parser.add_argument("assay")
    parser.add_argument("place", nargs="+", help="a folder of captures, or an unpacked tree")
    arguments = parser.parse_args()
    if not shutil.which("lstopo-no-graphics"):
        skip("lstopo-no-graphics (package hwloc-nox) is not installed")
    wrong = seen = 0
    for place in map(Path, arguments.place):
        if (place / "sys").exists() or (place / "proc").exists():
            seen += 1
            wrong += check(arguments.assay, place.name, place, arguments.verbose)
        for archive in sorted([*place.glob("*.tar.bz2"), *place.glob("*.tar.zst")]):
            seen += 1
            with tempfile.TemporaryDirectory() as folder:
                root = unpack(archive, folder)
                wrong += check(arguments.assay, archive.name.partition(".tar.")[0], root, arguments.verbose)
                run(["chmod", "-R", "u+rwX", folder])
    if seen == 0:
        skip(f"no captures in {', '.join(arguments.place)}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
