# SPDX-License-Identifier: LGPL-2.1-or-later
"""The figures as a picture: a panel for each kind of work, a bar for each who does it, drawn by gnuplot."""

import dataclasses
import subprocess

from table import quantity, sentence
from targets import judge

OURS, FLOOR, PEER = "#0b7285", "#adb5bd", "#e8590c"
BARS = 4  # room in a panel
INK, FAINT, GOOD, BAD = "#212529", "#868e96", "#2b8a3e", "#c92a2a"


@dataclasses.dataclass
class Panel:
    title: str
    row: str
    bars: list  # (who, what the picture calls them, colour)
    targets: tuple = ()  # texts of those that are told below the title


PANELS = [
    Panel("Everything about all devices, from call to parsed", "managed-objects", [
        ("hostdevd", "hostdevd", OURS), ("floor", "bare sd-bus service", FLOOR),
        ("libvirt-dbus", "libvirt-dbus", PEER), ("virsh, one process for all", "virsh", PEER)],
          ("times the floor", "times faster than libvirt-dbus")),
    Panel("Deciding a1:8,b:4, NUMA preferred", "decide a1:8,b:4", [
        ("hostdevd", "hostdevd", OURS), ("hostdevd, after a change", "…first after a change", OURS),
        ("Nova's consume_requests", "Nova: claim", PEER), ("Nova's support_requests", "Nova: may it fit?", PEER)],
          ("µs, the median", "times faster than Nova")),
    Panel("Deciding a1:2", "decide a1:2", [
        ("hostdevd", "hostdevd", OURS), ("hostdevd, after a change", "…first after a change", OURS),
        ("Nova's consume_requests", "Nova: claim", PEER), ("Nova's support_requests", "Nova: may it fit?", PEER)],
          ("µs, the median", "times faster than Nova")),
    Panel("Explain over the bus", "explain", [
        ("hostdevd", "hostdevd", OURS), ("floor", "a reply ready made", FLOOR)], ("times a ready reply",)),
    Panel("Start to READY", "start", [
        ("hostdevd", "hostdevd", OURS), ("lspci -n", "lspci -n", FLOOR),
        ("libvirtd, until it has listed the devices", "libvirtd's scan", PEER)], ("times lspci -n",)),
    Panel("Memory, resident", "memory", [
        ("hostdevd", "hostdevd", OURS), ("hostdevd, when all was read", "…when all was read", OURS),
        ("a bare client of libvirt", "bare client of libvirt", FLOOR),
        ("libvirt-dbus", "libvirt-dbus", PEER), ("libvirtd", "libvirtd", PEER)],
          ("MiB, after the start", "MiB, when all was read")),
    Panel("Event of udev to signal received", "event", [
        ("hostdevd", "hostdevd", OURS), ("libudev", "bare libudev monitor", FLOOR)], ("ms over libudev",)),
    Panel("100 clients attach and detach at once", "clients", [
        ("many, pairs a second", "100 clients", OURS), ("one, pairs a second", "one client alone", OURS)],
          ("of one client's throughput",)),
    Panel("{functions} VFs added at once, until the last is announced", "added", [
        ("hostdevd", "hostdevd", OURS), ("floor", "bare sd-bus service", FLOOR)], ("ms until all are announced",)),
    Panel("Attach in the definition of a domain", "attach", [
        ("hostdevd", "hostdevd", OURS), ("libvirt alone", "of it libvirt", FLOOR),
        ("one fdatasync of this disk", "one fdatasync", FLOOR)], ("ms of our own", "fsyncs of a pair")),
]

HEAD = f"""\
set terminal pngcairo size 1500,1130 enhanced font 'DejaVu Sans,12' background '#ffffff'
set encoding utf8
set output OUTPUT
set multiplot
unset key
unset xtics
set border 0
set style fill solid noborder
"""


def escape(text):
    return text.replace("\\", "\\\\").replace("'", "''").replace("_", "\\\\_")


def label(text, place, colour=INK, size=12, justify="left"):
    return f"set label '{escape(text)}' at {place} {justify} noenhanced textcolor rgb '{colour}' font 'DejaVu Sans,{size}'\n"


def draw_panel(panel, figures, functions, judged, left, top, width, height):
    """Lines of gnuplot: the title, what was to be reached, the bars."""
    bars = [(figures.median(panel.row, functions, who), name, colour) for who, name, colour in panel.bars]
    bars = [(value, name, colour) for value, name, colour in bars if value is not None]
    if not bars:
        return ""
    most, unit = max(value for value, _, _ in bars), figures.units[panel.row, functions, panel.bars[0][0]]
    text = "unset label\nunset arrow\nunset object\n"
    text += f"set lmargin at screen {left + 0.155:.4f}\nset rmargin at screen {left + width:.4f}\n"
    text += f"set tmargin at screen {top - 0.055:.4f}\nset bmargin at screen {top - height:.4f}\n"
    text += f"set xrange [0:{most * 1.3}]\nset yrange [{max(BARS, len(bars)) - 0.4}:-0.6]\n"
    text += label(panel.title.format(functions=f"{functions:,}"), f"screen {left}, screen {top - 0.008}", size=14)
    place = left
    for judgement in judged:
        if judgement.target.row == panel.row and judgement.functions == functions and judgement.target.text in panel.targets:
            words = sentence(judgement)
            text += label(("✔ " if judgement.reached else "✘ ") + words, f"screen {place:.4f}, screen {top - 0.033}",
                          GOOD if judgement.reached else BAD, 11)
            place += 0.0062 * (len(words) + 4)
    text += "unset ytics\n"
    for number, (value, name, colour) in enumerate(bars):
        text += label(name, f"screen {left + 0.147:.4f}, first {number}", size=12, justify="right")
        text += f"set object rectangle from first 0, first {number - 0.36} to first {value}, first {number + 0.36} " \
                f"fillcolor rgb '{colour}' fillstyle solid noborder\n"
        text += label(" " + quantity(value, unit), f"first {value}, first {number}", FAINT if colour == FLOOR else colour, 12)
    return text + "plot NaN notitle\n"


def draw(figures, functions, machine, path):
    judged = judge(figures)
    reached = sum(judgement.reached for judgement in judged)
    text = HEAD.replace("OUTPUT", f"'{path}'")
    text += "set lmargin at screen 0\nset rmargin at screen 1\nset tmargin at screen 1\nset bmargin at screen 0\n"
    text += "set xrange [0:1]\nset yrange [0:1]\nunset ytics\n"
    text += label(f"hostdevd on a host of {functions:,} PCI functions", "screen 0.03, screen 0.968", size=22)
    text += label("Medians. Everybody did the same work on the same made host, in turns, in one run. "
                  f"{machine}.", "screen 0.03, screen 0.938", FAINT, 12)
    text += label(f"{reached} of {len(judged)} targets reached, all sizes counted", "screen 0.97, screen 0.968", FAINT, 12, "right")
    text += "plot NaN notitle\n"
    for number, panel in enumerate(PANELS):
        text += draw_panel(panel, figures, functions, judged, 0.03 + 0.49 * (number % 2), 0.9 - 0.178 * (number // 2),
                           0.45, 0.16)
    subprocess.run(["gnuplot"], input=text + "unset multiplot\n", text=True, check=True)
