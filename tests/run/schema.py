#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""usage: schema.py NAME FILE...

Says what is wrong with JSON documents: each has to be as schema/coco-NAME.json describes it, without members that the schema does not name, although a reader
has to bear with these.  The name "-" is that of the document itself.  Python tests use document()."""

import functools
import json
import os
import re
import sys

import jsonschema

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../schema")


def _close(schema):
    """No other members, in each object that names some."""
    if isinstance(schema, dict):
        for value in schema.values():
            _close(value)
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return schema


@functools.cache
def _validator(name):
    with open(os.path.join(FOLDER, f"coco-{name}.json"), encoding="utf-8") as f:
        schema = json.load(f)
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(_close(schema))


def _once(pairs):
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise ValueError(f"a member is there twice: {names}")
    return dict(pairs)


def problems(name, text):
    try:
        o = json.loads(text, object_pairs_hook=_once)
        if name == "-":
            name = re.fullmatch("coco-([a-z-]+)", o["schema"]).group(1)
    except (ValueError, TypeError, LookupError, AttributeError) as e:
        return [f"it is no JSON document: {e}"]
    return [f"{'/'.join(map(str, e.absolute_path)) or 'the document'}: {e.message}" for e in _validator(name).iter_errors(o)]


def document(name, text):
    """The document, which has to be as it should be."""
    found = problems(name, text)
    if found:
        raise ValueError(f"coco-{name}: " + "; ".join(found[:5]) + f"; in {text[:2000]!r}")
    return json.loads(text)


def main():
    bad = 0
    for path in sys.argv[2:]:
        with open(path, "rb") as f:
            for problem in problems(sys.argv[1], f.read()):
                print(f"{path}: {problem}")
                bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main())
