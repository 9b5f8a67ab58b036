# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of what was measured: a line for each figure, and beside it what was to be reached."""

from targets import judge, median, spread

HEADING = ["work", "functions", "who", "median", "10 % – 90 %", "to reach", "reached"]
UNITS = {"us": ((1e6, "s"), (1e3, "ms"), (1, "µs"), (1e-3, "ns")), "KiB": ((1024, "MiB"), (1, "KiB"))}


def quantity(value, unit):
    """Three digits, in the unit that suits: 2.31 ms. What is counted is told as it is."""
    if unit not in UNITS:
        return f"{value:,.4g}{unit}"
    factor, name = next(((factor, name) for factor, name in UNITS[unit] if abs(value) >= factor), UNITS[unit][-1])
    value /= factor
    return f"{value:,.{max(0, 3 - len(str(int(abs(value)))))}f} {name}"


def number(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def sentence(judgement):
    """1.21 times the floor (≤ 1.3)"""
    target = judgement.target
    return f"{number(judgement.value / target.scale)} {target.text} ({limit(target)})"


def limit(target):
    return ("≥ " if target.at_least else "≤ ") + number(target.limit / target.scale)


def rows_of(figures):
    """Each row with each of its sizes, row by row."""
    for row in dict.fromkeys(row for row, _, _ in figures.values):
        for functions in figures.sizes(row):
            yield row, functions


def measured(figures, row, functions):
    """Who, median, spread."""
    for who in figures.who(row, functions):
        values, unit = figures.values[row, functions, who], figures.units[row, functions, who]
        low, high = (quantity(value, unit) for value in spread(values))
        yield who, quantity(median(values), unit), f"{low} – {high}" if len(values) > 1 else ""


def reached(judged, row, functions):
    """What is to be reached: value, limit, whether it is."""
    for judgement in judged:
        if (judgement.target.row, judgement.functions) == (row, functions):
            yield (f"{number(judgement.value / judgement.target.scale)} {judgement.target.text}", limit(judgement.target),
                   "yes" if judgement.reached else "NO")


def lines_of(figures):
    judged = judge(figures)
    for row, functions in rows_of(figures):
        for line in measured(figures, row, functions):
            yield [row, f"{functions:,}", *line, "", ""]
        for value, to_reach, answer in reached(judged, row, functions):
            yield [row, f"{functions:,}", "= " + value, "", "", to_reach, answer]


def text(figures):
    lines = [HEADING, *lines_of(figures)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  ".join(cell.rjust(width) if i in (1, 3) else cell.ljust(width)
                               for i, (cell, width) in enumerate(zip(line, widths))).rstrip() for line in lines
                     ) + "".join(f"\n{told['row']}, {told['functions']:,} functions: {told['note']}" for told in figures.notes)
