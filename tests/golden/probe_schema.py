#!/usr/bin/env python3
"""probe_schema.py SCHEMA PROGRAM: what PROGRAM prints must be valid by the JSON schema.

Exit codes: 0 valid, 1 not, 77 skipped since the jsonschema module is not installed.
"""
import copy
import json
import subprocess
import sys

try:
    import jsonschema
except ImportError:
    print("skipped: the Python module jsonschema is not installed (python3-jsonschema)")
    sys.exit(77)

with open(sys.argv[1], encoding="utf-8") as file:
    schema = json.load(file)
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
document = json.loads(subprocess.run(sys.argv[2:], check=True, stdout=subprocess.PIPE).stdout)
bad = [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:300]}"
       for e in validator.iter_errors(document)]

# A schema that lets everything through would prove nothing: each of these must be refused.
BREAKS = {
    "no version": lambda d: d.pop("version"),
    "no counts": lambda d: d["topology"].pop("counts"),
    "a negative count": lambda d: d["topology"]["counts"].update(cpus=-1),
    "a list of CPUs that is none": lambda d: d["topology"].update(online="all"),
    "an unknown key": lambda d: d["kernel"].update(surprise=1),
    "a digest that is none": lambda d: d["digests"].update(identity="sha256:0"),
}
for name, break_it in BREAKS.items():
    broken = copy.deepcopy(document)
    break_it(broken)
    if validator.is_valid(broken):
        bad.append(f"the schema accepts a document with {name}")
print("\n".join(bad[:20]))
sys.exit(1 if bad else 0)
