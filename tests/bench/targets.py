# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is to be reached, as ratios within one run or as limits that were promised; and whether it was."""

import dataclasses
from typing import Callable

from turns import median, percentile

MIB = 1024


class Figures:
    """All that was measured: (row, functions, who) -> values."""

    def __init__(self):
        self.values, self.units, self.notes = {}, {}, []

    def add(self, figure):
        key = figure["row"], figure["functions"], figure["who"]
        self.values[key], self.units[key] = figure["values"], figure["unit"]

    def sizes(self, row):
        return sorted({functions for name, functions, _ in self.values if name == row})

    def who(self, row, functions):
        return [who for name, size, who in self.values if (name, size) == (row, functions)]

    def median(self, row, functions, who):
        """None when it was not measured."""
        values = self.values.get((row, functions, who))
        return median(values) if values else None

    def ratio(self, row, functions, who, base):
        value, other = self.median(row, functions, who), self.median(row, functions, base)
        return value / other if value is not None and other else None


@dataclasses.dataclass
class Target:
    """The value is to be at most, or at least, the limit; of these sizes only, when any are named."""
    row: str
    text: str
    value: Callable  # (figures, functions) -> number, or None when it was not measured
    limit: float
    at_least: bool = False
    sizes: tuple = ()

    def reached(self, value):
        return value >= self.limit if self.at_least else value <= self.limit


def ratio(row, who, base):
    return lambda figures, functions: figures.ratio(row, functions, who, base)


def plain(row, who):
    return lambda figures, functions: figures.median(row, functions, who)


def own_time(row):
    """Beyond what libvirt takes."""
    def value(figures, functions):
        whole, libvirt = (figures.median(row, functions, who) for who in ("hostdevd", "libvirt alone"))
        return whole - libvirt if whole is not None else None
    return value


def growth(row, who):
    """From 512 functions to 4,096."""
    def value(figures, functions):
        small, large = figures.median(row, 512, who), figures.median(row, 4096, who)
        return large / small if small and large is not None else None
    return value


# Attach: the domain is looked up, the device is attached, which the test driver cannot, the definition is read and
# defined anew: 4. Detach: the same, with the element looked for before, and asked for by alias and by element: 6.
# After each one look at what came of it: the domain, whether it is persistent, what runs and what is defined: 4.
CALLS_NEEDED = 4 + 6 + 2 * 4

DECIDE = ("decide a1:2", "decide a1:8,b:4")

TARGETS = [
    Target("managed-objects", "times the floor", ratio("managed-objects", "hostdevd", "floor"), 1.3),
    Target("managed-objects", "times faster than libvirt-dbus",
           ratio("managed-objects", "libvirt-dbus", "hostdevd, beside these"), 40, at_least=True, sizes=(4096,)),
    *[Target(row, "us, the median", plain(row, "hostdevd"), 20, sizes=(4096,)) for row in DECIDE],
    *[Target(row, "times faster than Nova", ratio(row, "Nova's consume_requests", "hostdevd"), 1000, at_least=True,
             sizes=(4096,)) for row in DECIDE],
    *[Target("search", f"us {when}", plain("search", f"hostdevd, {when}"), 5000) for when in ("when it fits", "when not")],
    Target("explain", "times a ready reply", ratio("explain", "hostdevd", "floor"), 3),
    Target("attach", "us of our own", own_time("attach"), 1500),
    Target("detach", "us of our own", own_time("detach"), 1500),
    Target("attach", "fsyncs of a pair", plain("attach", "fsyncs of a pair"), 2),
    Target("attach", "calls of libvirt of a pair", plain("attach", "calls of libvirt of a pair"), CALLS_NEEDED),
    Target("clients", "of one client's throughput", ratio("clients", "many, pairs a second", "one, pairs a second"), 0.8,
           at_least=True),
    Target("clients", "times the median, 99th of 100", ratio("clients", "many, Attach, 99th of 100", "many, Attach"), 20),
    *[Target("idle", "system calls", plain("idle", f"system calls in {seconds} s"), 0) for seconds in (5, 60)],
    Target("event", "us over libudev", plain("event", "hostdevd over libudev"), 1000),
    Target("start", "times lspci -n", ratio("start", "hostdevd", "lspci -n"), 1.5),
    Target("added", "us until all are announced", plain("added", "hostdevd"), 150_000, sizes=(4096,)),
    Target("added", "signals for each PF, pool and alias",
           ratio("added", "signals beside one for each", "PFs, pools and aliases concerned"), 2),
    Target("memory", "KiB at 4,096", plain("memory", "hostdevd"), 12 * MIB, sizes=(4096,)),
    Target("memory", "KiB at 64", plain("memory", "hostdevd"), 6 * MIB, sizes=(64,)),
]


@dataclasses.dataclass
class Judgement:
    target: Target
    functions: int
    value: float
    reached: bool


def judge(figures):
    found = []
    for target in TARGETS:
        for functions in figures.sizes(target.row):
            if target.sizes and functions not in target.sizes:
                continue
            value = target.value(figures, functions)
            if value is not None:
                found.append(Judgement(target, functions, value, target.reached(value)))
    return found


def spread(values):
    """From the tenth to the ninetieth of a hundred."""
    return percentile(values, 10), percentile(values, 90)
