# SPDX-License-Identifier: LGPL-2.1-or-later
"""The page docs/bench.md, and on what was measured."""

import pathlib
import platform
import re
import subprocess

import rows
from table import measured, reached, rows_of
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

Written by `tests/bench/run --docs`. On each of the made hosts (files in the place of `/sys`) everybody does the same
work, one after the other in turns, in one run. Ratios are between medians of that run; the spread is from the tenth to
the ninetieth of a hundred. What is measured how: `tests/bench/README.md`.

{machine}; {packages}.

## What is to be reached

{reached}

| work | functions | measured | to reach | reached |
| --- | ---: | --- | --- | --- |
"""


def text(figures):
    judged = judge(figures)
    good = sum(judgement.reached for judgement in judged)
    packages = ", ".join(f"{name} {version}" for name, version in figures.machine["packages"].items())
    parts = [INTRODUCTION.format(machine=machine(figures), packages=packages,
                                 reached=f"{good} of {len(judged)} are reached.")]
    for row, functions in rows_of(figures):
        parts += [f"| {row} | {functions:,} | {value} | {to_reach} | {answer} |\n"
                  for value, to_reach, answer in reached(judged, row, functions)]
    last = None
    for row, functions in rows_of(figures):
        if row != last:
            parts.append(f"\n## {row}\n\n{about(row)}\n\n| functions | who | median | 10 % – 90 % |\n| ---: | --- | ---: | --- |\n")
            last = row
        parts += [f"| {functions:,} | {who} | {value} | {between} |\n" for who, value, between in measured(figures, row, functions)]
    notes = [f"* {note['row']}, {note['functions']:,} functions: {note['note']}.\n" for note in figures.notes]
    return "".join(parts) + ("\n## Notes\n\n" + "".join(notes) if notes else "")


def about(row):
    """What the row is, as its function says."""
    name = row.split(" ")[0]
    return " ".join(rows.ROWS[{"detach": "attach"}.get(name, name)].__doc__.split())
