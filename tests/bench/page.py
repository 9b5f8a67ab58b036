# SPDX-License-Identifier: LGPL-2.1-or-later
"""The page docs/bench.md, and on what was measured."""

import pathlib
import platform
import re
import subprocess

import rows
from table import HEADING, lines_of
from targets import judge

PACKAGES = ("libvirt-daemon", "libvirt-dbus", "python3-nova", "pciutils", "libsystemd0", "dbus-daemon")


def describe_machine():
    cpu = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    name = re.search(r"model name\s*: (.*)", cpu)
    text = subprocess.run(["dpkg-query", "-W", "-f", "${Package} ${Version}\\n", *PACKAGES], capture_output=True, text=True).stdout
    return {"processor": re.sub(r"\s+", " ", name.group(1)) if name else platform.machine(),
            "processors": cpu.count("processor\t"), "kernel": platform.release().split("-")[0],
            "packages": dict(line.split() for line in text.splitlines())}


def machine(figures):
    about = figures.machine
    return f"{about['processors']} × {about['processor']}, Linux {about['kernel']}, Debian 12"


INTRODUCTION = """\
# How fast it is

![The medians as bars](bench.png)

Written by `tests/bench/run --docs`. On each of the made hosts (files in the place of `/sys`) everybody does the same work,
one after the other in turns, in one run. Ratios are between medians of that run; the spread is from the tenth to the ninetieth
of a hundred. {machine}; {packages}. {reached}

What is measured how: `tests/bench/README.md`.

"""


def text(figures):
    judged = judge(figures)
    missed = [judgement for judgement in judged if not judgement.reached]
    packages = ", ".join(f"{name} {version}" for name, version in figures.machine["packages"].items())
    reached = f"{len(judged) - len(missed)} of {len(judged)} targets are reached."
    lines = [INTRODUCTION.format(machine=machine(figures), packages=packages, reached=reached)]
    row = None
    for line in lines_of(figures):
        if line[0] != row:
            row = line[0]
            lines.append(f"{chr(10) if len(lines) > 1 else ''}## {row}\n\n{about(row)}\n\n| " + " | ".join(HEADING[1:]) + " |\n"
                         "| ---: | --- | ---: | --- | --- | --- |\n")
        words = [f"**{word}**" if line[2].startswith("=") and word else word for word in line[1:]]
        words[1] = words[1].replace("= ", "")
        lines.append("| " + " | ".join(words) + " |\n")
    notes = [f"{note['row']}, {note['functions']:,} functions: {note['note']}." for note in figures.notes]
    return "".join(lines) + ("\n" + "\n".join(notes) + "\n" if notes else "")


def about(row):
    """What the row is, as its function says."""
    name = row.split(" ")[0]
    return " ".join(rows.ROWS[{"detach": "attach"}.get(name, name)].__doc__.split())
