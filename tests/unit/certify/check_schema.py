#!/usr/bin/env python3
"""check_schema.py SCHEMA PROGRAM [ARG...]: what PROGRAM prints must be valid by the JSON schema.

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

schema = json.load(open(sys.argv[1], encoding="utf-8"))
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
document = json.loads(subprocess.run(sys.argv[2:], check=True, stdout=subprocess.PIPE).stdout)
errors = sorted(validator.iter_errors(document), key=lambda error: list(error.absolute_path))
for error in errors[:20]:
    print("/".join(map(str, error.absolute_path)) or "(document)", "-", error.message[:300])
# A schema that lets everything through would prove nothing.
for key in schema["required"]:
    broken = copy.deepcopy(document)
    del broken[key]
    if validator.is_valid(broken):
        errors.append(key)
        print(f"the schema accepts a document without '{key}'")
sys.exit(1 if errors else 0)
