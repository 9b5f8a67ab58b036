# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is to be reached, as ratios within one run or as limits that were promised; and whether it was."""

import dataclasses
from typing import Callable

from turns import median, percentile

MIB, MS = 1024, 1000  # in the units of the figures: KiB and µs


class Figures:
    """All that was measured: (row, functions, who) -> values."""

    def __init__(self, machine):
        self.values, self.units, self.notes, self.machine = {}, {}, [], machine

    def add(self, figure):
        if "note" in figure:
            self.notes.append(figure)
            return
        key = figure["row"], figure["functions"], figure["who"]
        self.values[key], self.units[key] = figure["values"], figure["unit"]

    def dump(self):
        return {"machine": self.machine, "notes": self.notes,
                "figures": [{"row": row, "functions": functions, "who": who, "unit": self.units[row, functions, who],
                             "values": values} for (row, functions, who), values in self.values.items()]}

    @classmethod
    def load(cls, dumped):
        figures = cls(dumped["machine"])
        for figure in dumped["figures"] + dumped["notes"]:
            figures.add(figure)
        return figures

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
    scale: float = 1  # the value is told divided by it

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


def wakes_in_a_minute(who):
    """Five seconds are not enough to judge by."""
    def value(figures, functions):
        key = "idle", functions, f"{who}, main loop"
        return figures.median(*key) if figures.units.get(key) == " in 60 s" else None
    return value


def growth(row, who):
    """From 512 functions to 4,096."""
    def value(figures, functions):
        small, large = figures.median(row, 512, who), figures.median(row, 4096, who)
        return large / small if small and large is not None else None
    return value


# Attach: the domain is looked up, the device is attached, which the test driver cannot, the definition is read and
# defined anew: 4. Detach: the same, with the element looked for before, and asked for by alias and by element: 6.
# After each one look at what came of it: 1. libvirt's event does not say whose change it was: looked up and read, 2.
CALLS_NEEDED = 4 + 6 + 2 * 1 + 2 * 2

DECIDE = ("decide a1:2", "decide a1:8,b:4")

TARGETS = [
    Target("managed-objects", "times the floor", ratio("managed-objects", "hostdevd", "floor"), 1.3),
    Target("managed-objects", "times faster than libvirt-dbus",
           ratio("managed-objects", "libvirt-dbus", "hostdevd, beside these"), 40, at_least=True, sizes=(4096,)),
    *[Target(row, "µs, the median", plain(row, "hostdevd"), 20, sizes=(4096,)) for row in DECIDE],
    *[Target(row, "times faster than Nova", ratio(row, "Nova's consume_requests", "hostdevd"), 1000, at_least=True,
             sizes=(4096,)) for row in DECIDE],
    *[Target("search", f"ms {when}", plain("search", f"hostdevd, {when}"), 5 * MS, scale=MS) for when in ("when it fits", "when not")],
    Target("explain", "times a ready reply", ratio("explain", "hostdevd", "floor"), 3),
    Target("attach", "ms of our own", own_time("attach"), 1.5 * MS, scale=MS),
    Target("detach", "ms of our own", own_time("detach"), 1.5 * MS, scale=MS),
    Target("attach", "fsyncs of a pair", plain("attach", "fsyncs of a pair"), 2),
    Target("attach", "calls of libvirt of a pair", plain("attach", "calls of libvirt of a pair"), CALLS_NEEDED),
    Target("clients", "of one client's throughput", ratio("clients", "many, pairs a second", "one, pairs a second"), 0.8,
           at_least=True),
    Target("clients", "times the median, 99th of 100", ratio("clients", "many, Attach, 99th of 100", "many, Attach"), 20),
    *[Target("idle", f"wake-ups of the loop in a minute{when}", wakes_in_a_minute(who), 0)
      for when, who in (("", "hostdevd"), (", without libvirtd", "hostdevd without libvirtd"))],
    Target("event", "ms over libudev", plain("event", "hostdevd over libudev"), 1 * MS, scale=MS),
    Target("start", "times lspci -n", ratio("start", "hostdevd", "lspci -n"), 1.5),
    Target("added", "ms until all are announced", plain("added", "hostdevd"), 150 * MS, sizes=(4096,), scale=MS),
    Target("added", "signals for each PF, pool and alias",
           ratio("added", "signals beside one for each", "PFs, pools and aliases concerned"), 2),
    *[Target("memory", f"MiB, {when}", plain("memory", f"hostdevd{who}"), limit * MIB, sizes=(functions,), scale=MIB)
      for functions, limit in ((64, 6), (4096, 12))
      for when, who in (("after the start", ""), ("when all was read", ", when all was read"))],
]


GROWTH = [(row, "hostdevd") for row in ("managed-objects", *DECIDE, "explain", "attach", "detach", "event", "start", "added",
                                        "memory")]
TARGETS += [Target(row, "times as much as at 512", growth(row, who), 10, sizes=(4096,)) for row, who in GROWTH]
TARGETS += [Target(row, "times as much as at 512, after a change", growth(row, "hostdevd, after a change"), 10, sizes=(4096,))
            for row in DECIDE]


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
