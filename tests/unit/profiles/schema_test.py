#!/usr/bin/env python3
"""Checks profile.schema.json against the profiles that we ship and against broken ones.

Usage: schema_test.py FOLDER; exits 77 (skipped) when a Python package is missing.
"""

import copy
import json
import pathlib
import re
import sys

SKIPPED = 77

try:
    import jsonschema
    import yaml
except ImportError as error:
    print(f"skipped: {error}; install python3-jsonschema and python3-yaml")
    sys.exit(SKIPPED)


class Yaml12Loader(yaml.SafeLoader):
    """PyYAML reads YAML 1.1; profiles are YAML 1.2, where `on` and 2027-01-31 are text."""


Yaml12Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers
            if tag not in ("tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp",
                           "tag:yaml.org,2002:int")]
    for first, resolvers in copy.deepcopy(yaml.SafeLoader.yaml_implicit_resolvers).items()
}
Yaml12Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|false)$"), list("tf"))
Yaml12Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^[-+]?[0-9]+$"), list("-+0123456789"))

HEAD = "schema: assay.profile\nversion: 1\nname: mine\n"

GOOD = {
    "smallest": HEAD,
    "empty sections": HEAD + "settings:\nbudgets:\nextends:\n",
    "lists": HEAD + "extends: [default, ./x.yaml]\ncpus: {a: [0-3, 8], b: 4, c: null}\n"
                    "settings: {boot.isolcpus: [managed_irq, 2-5], cpu.boost: on, x: null}\n",
    "waiver": HEAD + "waivers: [{setting: s, owner: o, reason: r, expires: 2027-01-31}]\n",
    "dropped": HEAD + "budgets: [{technique: t, limits: null}]\nmeasure: {load_limit: null}\n",
}

BAD = {
    "no name": "schema: assay.profile\nversion: 1\n",
    "other version": "schema: assay.profile\nversion: 2\nname: a\n",
    "bad name": "schema: assay.profile\nversion: 1\nname: ../a\n",
    "unknown key": HEAD + "setings: {}\n",
    "two matches": HEAD + "settings: {a: {at_least: 1, at_most: 2}}\n",
    "no match": HEAD + "settings: {a: {required: true}}\n",
    "keep false": HEAD + "settings: {a: {keep: false}}\n",
    "reserved role": HEAD + "cpus: {rest: 0-3}\n",
    "no limits": HEAD + "budgets: [{technique: t}]\n",
    "empty limits": HEAD + "budgets: [{technique: t, limits: {}}]\n",
    "unknown quantile": HEAD + "budgets: [{technique: t, limits: {p95: 1us}}]\n",
    "no unit": HEAD + "budgets: [{technique: t, limits: {p99: 10}}]\n",
    "unknown parameter": HEAD + "budgets: [{technique: t, limits: {p99: 1us}, "
                                "parameters: {dept: 1}}]\n",
    "depth of zero": HEAD + "budgets: [{technique: t, limits: {p99: 1us}, "
                            "parameters: {depth: 0}}]\n",
    "unknown target": HEAD + "budgets: [{technique: t, limits: {p99: 1us}, target: all}]\n",
    "negative ratio": HEAD + "budgets: [{technique: t, limits: {p99: {against_baseline: -1}}}]\n",
    "bad date": HEAD + "waivers: [{setting: s, owner: o, reason: r, expires: 31.01.2027}]\n",
    "no owner": HEAD + "waivers: [{setting: s, reason: r, expires: 2027-01-31}]\n",
    "few rounds": HEAD + "measure: {rounds: 29}\n",
    "confidence of one": HEAD + "measure: {confidence: 1}\n",
    "no load": HEAD + "measure: {load_limit: 0}\n",
}


def main() -> int:
    folder = pathlib.Path(sys.argv[1])
    schema = json.loads((folder / "profile.schema.json").read_text(encoding="utf-8"))
    validator_class = jsonschema.validators.validator_for(schema)
    validator_class.check_schema(schema)
    validator = validator_class(schema)
    failures = []

    def errors_of(text: str) -> list:
        # S506: the loader is a SafeLoader.
        return list(validator.iter_errors(yaml.load(text, Loader=Yaml12Loader)))

    files = sorted(folder.glob("*.yaml"))
    if len(files) < 4:
        failures.append(f"only {len(files)} profiles in {folder}")
    for path in files:
        for error in errors_of(path.read_text(encoding="utf-8")):
            failures.append(f"{path.name}: {error.json_path}: {error.message}")
    for what, text in GOOD.items():
        for error in errors_of(text):
            failures.append(f"good profile '{what}': {error.json_path}: {error.message}")
    for what, text in BAD.items():
        if not errors_of(text):
            failures.append(f"bad profile '{what}' was accepted")
    for failure in failures:
        print(failure)
    print(f"{len(files)} profiles, {len(GOOD)} good and {len(BAD)} bad texts, "
          f"{len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
