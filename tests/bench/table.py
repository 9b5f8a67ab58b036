# SPDX-License-Identifier: LGPL-2.1-or-later
"""The table of what was measured: a line for each figure, and beside it what was to be reached."""

from targets import judge, median, spread

UNITS = {"us": ((1e6, "s"), (1e3, "ms"), (1, "µs"), (1e-3, "ns")), "KiB": ((1024, "MiB"), (1, "KiB"))}


def quantity(value, unit):
    """Three digits, in the unit that suits: 2.31 ms."""
    for factor, name in UNITS.get(unit, ((1, unit),)):
        if abs(value) >= factor or factor == UNITS.get(unit, ((1, unit),))[-1][0]:
            value /= factor
            return f"{value:,.{max(0, 3 - len(str(int(abs(value)))))}f} {name}".strip()
    return f"{value} {unit}"


def number(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def lines_of(figures):
    """Row, functions, who, median, spread, target, reached."""
    judged = {}
    for judgement in judge(figures):
        judged.setdefault((judgement.target.row, judgement.functions), []).append(judgement)
    for (row, functions, who), values in figures.values.items():
        unit = figures.units[row, functions, who]
        low, high = spread(values)
        yield [row, f"{functions:,}", who, quantity(median(values), unit),
               f"{quantity(low, unit)} – {quantity(high, unit)}" if len(values) > 1 else "", "", ""]
        if who == figures.who(row, functions)[-1]:
            for judgement in judged.get((row, functions), []):
                target = judgement.target
                sign = "≥" if target.at_least else "≤"
                yield [row, f"{functions:,}", f"= {number(judgement.value)} {target.text}", "", "",
                       f"{sign} {number(target.limit)}", "yes" if judgement.reached else "NO"]


def text(figures):
    lines = [["work", "functions", "who", "median", "10 % – 90 %", "to reach", "reached"], *lines_of(figures)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  ".join(cell.rjust(width) if i in (1, 3) else cell.ljust(width)
                               for i, (cell, width) in enumerate(zip(line, widths))).rstrip() for line in lines
                     ) + "".join(f"\n{told['row']}, {told['functions']:,} functions: {told['note']}" for told in figures.notes)
