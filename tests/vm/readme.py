# SPDX-License-Identifier: LGPL-2.1-or-later
"""What README.md has a person write and type, for tests that do it."""

import os
import re

README = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../README.md")


def read():
    with open(README, encoding="utf-8") as f:
        return f.read()


def section(name):
    """The text below a heading of the second level."""
    return read().split(f"\n## {name}\n", 1)[1].split("\n## ", 1)[0]


def blocks(name):
    """The blocks of a section, without their fences."""
    return [re.sub(r"^ {3}", "", block, flags=re.M) if block.startswith("   ") else block for block in re.findall(r"^ *```\n(.*?)^ *```$", section(name), re.M | re.S)]


def commands(name):
    """What a person types there, one after the other: a block whose lines have a prompt, each with those that it goes on in."""
    found = []
    for block in blocks(name):
        lines = re.findall(r"(?:.*\\\n)*.+", block)
        if all(re.match("[#$] ", line) for line in lines):
            found += [line[2:] for line in lines]
    return found


def inline(name, pattern):
    """A command within the section's text."""
    return re.search(f"`({pattern}[^`]*)`", section(name)).group(1).replace("\n", " ")
