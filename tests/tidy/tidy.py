#!/usr/bin/env python3
"""Style as a test: what the house rules forbid, found in the sources. Prints one line a finding.

Each rule is a function from a file's name and text to findings; RULES lists them. `--self-test` gives
every rule a text that breaks it, and fails when the rule stays silent.
"""
import re
import subprocess
import sys
from pathlib import Path

LAYERS = ["core", "stats", "probes", "profiles", "tuner", "engine", "certify", "report", "cli"]
# What a folder may include besides itself. tuner and engine never include each other.
MAY_INCLUDE = {
    "core": [],
    "stats": ["core"],
    "probes": ["core"],
    "profiles": ["core", "probes"],
    "tuner": ["core", "stats", "probes", "profiles"],
    "engine": ["core", "stats", "probes"],
    "certify": ["core", "stats", "probes", "profiles", "tuner", "engine"],
    "report": ["core", "stats", "probes", "profiles", "tuner", "engine", "certify"],
    "cli": LAYERS,
}
FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
COLUMNS_MAX = 100


def layer_of(name):
    top = name.split("/")[0]
    return top if top in LAYERS else None


def without_literals(text):
    """The text with comments and string contents blanked, line breaks kept."""
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^()\s]*)\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)

    def blank(match):
        found = match.group(0)
        keep = '""' if found[0] in 'R"' else ""
        return keep + "\n" * found.count("\n")

    # A digit separator (1'000) is no character literal.
    return pattern.sub(blank, re.sub(r"(?<=\d)'(?=\d)", "", text))


def includes_climb(name, text):
    layer = layer_of(name)
    if layer is None:
        return
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+"(\w+)/', line)
        if match and match[1] in LAYERS and match[1] != layer and match[1] not in MAY_INCLUDE[layer]:
            yield number, f"{layer} may not include {match[1]}: includes go down only"


def opens_host_paths(name, text):
    if layer_of(name) in (None, "core"):
        return
    call = re.compile(r'\b(open|openat|fopen|ifstream|ofstream|fstream|opendir|UniqueFd::open)\s*[({]\s*"?/?(proc|sys|etc|dev)\b')
    for number, line in enumerate(text.splitlines(), 1):
        if call.search(line) or re.search(r'\b(ifstream|ofstream|fopen|opendir)\b', line.split("//")[0]):
            yield number, "only core/ opens the host's files: use Host"


def spawns_a_shell(name, text):
    for number, line in enumerate(without_literals(text).splitlines(), 1):
        if re.search(r"(?<![\w.:>])(?:std::)?(system|popen)\s*\(", line):
            yield number, "nothing is handed to a shell: use Host::run"


def file_too_long(name, text):
    count = text.count("\n")
    if count > FILE_LINES_MAX:
        yield count, f"{count} lines; a file has at most {FILE_LINES_MAX}"


def line_too_long(name, text):
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > COLUMNS_MAX and "http" not in line:
            yield number, f"{len(line)} columns; a line has at most {COLUMNS_MAX}"


def function_too_long(name, text):
    """A body is a brace that opens at the end of a line which holds a parameter list."""
    lines = without_literals(text).splitlines()
    stack = []
    for number, line in enumerate(lines, 1):
        for at, char in enumerate(line):
            if char == "{":
                head = " ".join(lines[max(0, number - 4):number - 1] + [line[:at]])
                head = re.split(r"[;{}]", head)[-1]
                is_function = ")" in head and not re.search(r"\b(namespace|class|struct|enum)\b[^()]*$", head)
                stack.append((number, is_function))
            elif char == "}" and stack:
                start, is_function = stack.pop()
                if is_function and number - start + 1 > FUNCTION_LINES_MAX:
                    yield start, f"a function of {number - start + 1} lines; at most {FUNCTION_LINES_MAX}"


def left_open(name, text):
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b|DISABLED_", line):
            yield number, "work left open"


def header_without_guard_or_word(name, text):
    if not name.endswith(".hpp"):
        return
    if "#pragma once" not in text:
        yield 1, "a header starts with its purpose and #pragma once"
    elif not text.lstrip().startswith("//"):
        yield 1, "a header opens with a comment that says what it is"


RULES = [includes_climb, opens_host_paths, spawns_a_shell, file_too_long, line_too_long,
         function_too_long, left_open, header_without_guard_or_word]

CANARIES = {
    includes_climb: ("core/a.cpp", '#include "probes/inventory.hpp"\n'),
    opens_host_paths: ("tuner/a.cpp", 'int f() { return open("/sys/kernel/x", 0); }\n'),
    spawns_a_shell: ("cli/a.cpp", 'int f() { return system("ls"); }\n'),
    file_too_long: ("core/a.cpp", "\n" * (FILE_LINES_MAX + 1)),
    line_too_long: ("core/a.cpp", "x" * (COLUMNS_MAX + 1) + "\n"),
    function_too_long: ("core/a.cpp", "int f(int a) {\n" + "  ++a;\n" * FUNCTION_LINES_MAX + "}\n"),
    left_open: ("core/a.cpp", "// TO" "DO: later\n"),
    header_without_guard_or_word: ("core/a.hpp", "int f();\n"),
}


def self_test():
    silent = [rule.__name__ for rule in RULES if not list(rule(*CANARIES[rule]))]
    engine_tuner = list(includes_climb("engine/a.cpp", '#include "tuner/setting.hpp"\n'))
    if silent or not engine_tuner:
        print("rules that did not fire on their canary:", ", ".join(silent) or "includes_climb")
        return 1
    print(f"{len(RULES)} rules fire on what breaks them")
    return 0


def sources(root):
    listed = subprocess.run(["git", "-C", str(root), "ls-files", "-co", "--exclude-standard", "*.cpp", "*.hpp"],
                            capture_output=True, text=True)
    if listed.returncode == 0:
        return sorted(listed.stdout.split())
    return sorted(str(p.relative_to(root)) for p in root.rglob("*.[ch]pp") if "build" not in p.parts)


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    findings = 0
    names = [name for name in sources(root) if (root / name).exists()]
    for name in names:
        text = (root / name).read_text(encoding="utf-8")
        for rule in RULES:
            for number, finding in rule(name, text):
                print(f"{name}:{number}: {finding}")
                findings += 1
    print(f"{len(names)} files, {findings} findings")
    return 1 if findings or not names else 0


if __name__ == "__main__":
    sys.exit(main())
