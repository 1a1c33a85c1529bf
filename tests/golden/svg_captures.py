#!/usr/bin/env python3
"""The drawing of every captured host: well-formed XML, plain SVG, every CPU and device exactly once.

usage: svg_captures.py ASSAY FOLDER

Two small hosts are compared with what a person looked at: their elements, classes, texts and tooltips in order,
without coordinates. Set ASSAY_UPDATE_GOLDEN=1 to write those files anew. Exit code 77 (skipped) says why.
"""
import json
import os
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from lstopo_agreement import run, skip, unpack

SVG = "{http://www.w3.org/2000/svg}"
PLAIN = {SVG + tag for tag in ("svg", "title", "style", "rect", "line", "text", "g")}
GOLDEN = ("2i386-2c-nohugepage", "offline-cpu0-node0")


def structure(root):
    lines = []

    def visit(element, depth):
        tag = element.tag.removeprefix(SVG)
        if tag == "style":
            return
        text = (element.text or "").strip()
        words = [tag, *(f"{k}={element.get(k)}" for k in ("class", "id") if element.get(k)), text]
        lines.append("  " * depth + " ".join(filter(None, words)))
        for child in element:
            visit(child, depth + 1)

    visit(root, 0)
    return "\n".join(lines) + "\n"


def expected_ids(document):
    """What must be drawn, by the names that probes/inventory_svg.hpp gives."""
    ids = [f"cpu-{c['id']}" for c in document["topology"]["cpus"]]
    ids += [f"node-{n['id']}" for n in document["topology"]["nodes"]]
    ids += [f"nic-{i}" for i, n in enumerate(document["net"]) if n["kind"] == "physical"]
    ids += [f"drive-{i}" for i, d in enumerate(document["block"]) if d["physical"]]
    drives = {d["name"] for d in document["block"] if d["physical"]}
    ids += [f"nvme-{i}" for i, c in enumerate(document["nvme"]) if not drives & set(c["namespaces"])]
    return sorted(ids)


def check(assay, name, tree):
    svg = run([assay, "probe", "--root", str(tree), "--format", "svg"])
    document = run([assay, "probe", "--root", str(tree), "--format", "json"])
    if svg.returncode or document.returncode:
        return [svg.stderr + document.stderr]
    root = ElementTree.fromstring(svg.stdout)
    faults = []
    strange = {e.tag for e in root.iter()} - PLAIN
    if strange:
        faults.append(f"elements that are not plain: {strange}")
    drawn = sorted(e.get("id") for e in root.iter() if e.get("id"))
    wanted = expected_ids(json.loads(document.stdout))
    if drawn != wanted:
        faults.append(f"missing {sorted(set(wanted) - set(drawn))}, too many {sorted(set(drawn) - set(wanted))}, "
                      f"{len(drawn)} drawn for {len(wanted)}")
    width, height = float(root.get("width")), float(root.get("height"))
    for rect in root.iter(SVG + "rect"):
        x, y, w, h = (float(rect.get(k)) for k in ("x", "y", "width", "height"))
        if x < 0 or y < 0 or w < 0 or h < 0 or x + w > width or y + h > height:
            faults.append(f"a box of class {rect.get('class')} leaves the page: {rect.attrib}")
    if name in GOLDEN:
        faults += compare(Path(__file__).parent / f"{name}.svg.txt", structure(root))
    return faults


def compare(golden, now):
    if os.environ.get("ASSAY_UPDATE_GOLDEN"):
        golden.write_text(now)
    before = golden.read_text() if golden.exists() else ""
    different = [(a, b) for a, b in zip(before.splitlines(), now.splitlines()) if a != b]
    if before == now:
        return []
    return [f"{golden.name} differs: {different[:3] or 'in length'}"]


def main():
    assay, folder = sys.argv[1], Path(sys.argv[2])
    captures = sorted(folder.glob("*.tar.bz2"))
    if not captures:
        skip(f"no captures in {folder}")
    wrong = 0
    for archive in captures:
        name = archive.name.removesuffix(".tar.bz2")
        with tempfile.TemporaryDirectory() as place:
            faults = check(assay, name, unpack(archive, place))
            run(["chmod", "-R", "u+rwX", place])
        wrong += len(faults)
        print(f"{'FAIL' if faults else 'ok  '} {name}", *faults, sep="\n  " if faults else " ", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
