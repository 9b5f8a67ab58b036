# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of what was measured: a line for each figure, and beside it what was to be reached."""

from targets import judge, median, spread

HEADING = ["work", "functions", "who", "median", "10 % – 90 %", "to reach", "reached"]
UNITS = {"us": ((1e6, "s"), (1e3, "ms"), (1, "µs"), (1e-3, "ns")), "KiB": ((1024, "MiB"), (1, "KiB")),
         "ms": ((1, "ms"),)}


def quantity(value, unit):
    """Three digits, in the unit that suits: 2.31 ms."""
    for factor, name in UNITS.get(unit, ((1, unit),)):
        if abs(value) >= factor or factor == UNITS.get(unit, ((1, unit),))[-1][0]:
            value /= factor
            return f"{value:,.{max(0, 3 - len(str(int(abs(value)))))}f} {name}".strip()
    return f"{value} {unit}"


def number(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def sentence(judgement):
    """1.21 times the floor (≤ 1.3)"""
    target = judgement.target
    return f"{number(judgement.value / target.scale)} {target.text} ({limit(target)})"


def limit(target):
    return ("≥ " if target.at_least else "≤ ") + number(target.limit / target.scale)


def lines_of(figures):
    """Row, functions, who, median, spread, target, reached; row by row, the sizes of each together."""
    judged = judge(figures)
    rows = list(dict.fromkeys(row for row, _, _ in figures.values))
    for row in rows:
        for functions in figures.sizes(row):
            for who in figures.who(row, functions):
                values, unit = figures.values[row, functions, who], figures.units[row, functions, who]
                low, high = (quantity(value, unit) for value in spread(values))
                yield [row, f"{functions:,}", who, quantity(median(values), unit), f"{low} – {high}" if len(values) > 1 else "",
                       "", ""]
            for judgement in judged:
                if (judgement.target.row, judgement.functions) == (row, functions):
                    value = f"{number(judgement.value / judgement.target.scale)} {judgement.target.text}"
                    yield [row, f"{functions:,}", "= " + value, "", "", limit(judgement.target),
                           "yes" if judgement.reached else "NO"]


def text(figures):
    lines = [HEADING, *lines_of(figures)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  ".join(cell.rjust(width) if i in (1, 3) else cell.ljust(width)
                               for i, (cell, width) in enumerate(zip(line, widths))).rstrip() for line in lines
                     ) + "".join(f"\n{told['row']}, {told['functions']:,} functions: {told['note']}" for told in figures.notes)
