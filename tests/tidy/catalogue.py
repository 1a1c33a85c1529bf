#!/usr/bin/env python3
"""Every technique and setting has documentation and a test; every command and option has help."""
import json
import re
import subprocess
import sys
from pathlib import Path

PROGRAM, ROOT = sys.argv[1], Path(sys.argv[2])


def output(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=60).stdout


def text_of(folder, suffixes):
    return "\n".join(p.read_text(encoding="utf-8", errors="replace")
                     for p in sorted((ROOT / folder).rglob("*")) if p.suffix in suffixes)


def undocumented(ids, document, tests):
    for name in ids:
        if f"`{name}`" not in document and f"## {name}" not in document:
            yield f"{name}: not in the documents"
        if f'"{name}"' not in tests:
            yield f"{name}: named by no test"


def options_without_help():
    commands = re.findall(r"^  (\w+) {2,}\S", output("--help").split("Subcommands:")[-1], re.M)
    if not commands:
        yield "assay --help lists no commands"
    for command in commands:
        lines = output(command, "--help").splitlines()
        for at, line in enumerate(lines):
            option = re.match(r"  (-{1,2}[\w,-]+)(.*)$", line)
            if not option:
                continue
            rest = re.split(r" {2,}", line.strip())
            following = lines[at + 1] if at + 1 < len(lines) else ""
            if len(rest) < 2 and len(line.split()) < 4 and not re.match(r" {10,}\S", following):
                yield f"assay {command} {option[1]}: no help"


def main():
    tests = text_of("tests", {".cpp", ".hpp", ".py"})
    techniques = [t["id"] for t in json.loads(output("techniques", "--format", "json"))["techniques"]]
    settings = [s["id"] for s in json.loads(output("explain", "--all", "--format", "json"))["settings"]]
    problems = []
    if not techniques or not settings:
        problems.append("an empty catalogue")
    problems += undocumented(techniques, (ROOT / "docs/techniques.md").read_text(), tests)
    problems += undocumented(settings, (ROOT / "docs/settings.md").read_text(), tests)
    problems += options_without_help()
    for problem in problems:
        print(problem)
    print(f"{len(techniques)} techniques, {len(settings)} settings, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
