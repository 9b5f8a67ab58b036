#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The benchmarks in their short form: what can be counted, and ratios to the floors of the same run, generously.

usage: test-bench.py BUILD

Hosts of 64 and of 512 functions; nobody is measured who is not needed for the tests anyway. How fast it is, beside whom,
says tests/bench/run.
"""

import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import tap  # noqa: the path comes first
from tap import test  # noqa
from targets import Figures  # noqa

SIZES = (64, 512)
ROWS = ("memory", "managed-objects", "decide", "explain", "idle", "attach", "clients", "event", "start", "added")
GROWTH = 3 * SIZES[1] / SIZES[0]  # of what needs nobody but the processor

figures = Figures({})


def measured():
    for functions in SIZES:
        process = subprocess.run([sys.executable, HERE / "measure", "--effort=0.1", sys.argv[1], str(functions), *ROWS],
                                 capture_output=True, text=True)
        assert process.returncode == 0, process.stderr
        for line in process.stdout.splitlines():
            told = json.loads(line)
            if "begins" not in told:
                figures.add(told)
    for (row, functions, who), _ in figures.values.items():
        print(f"# {row}, {functions}, {who}: {figures.median(row, functions, who):,.1f} {figures.units[row, functions, who]}")


def least(row, functions, who):
    """Of few rounds on a machine that does other things the least says most."""
    return min(figures.values[row, functions, who])


def at_most(limit, row, who, base=None):
    """For both hosts: the value, or its ratio to that of somebody else."""
    for functions in SIZES:
        value = least(row, functions, who) / (least(row, functions, base) if base else 1)
        assert value <= limit, f"{row}, {functions} functions: {value:.2f}, at most {limit}"


def grows_at_most(limit, row, who):
    small, large = (least(row, functions, who) for functions in SIZES)
    assert large <= limit * small, f"{row}: {large / small:.1f} times as much on a host that is eight times as large"


@test
def every_row_can_be_measured():
    measured()
    missing = [row for row in ROWS if row != "decide" and not figures.sizes(row)]
    assert not missing, missing


@test
def all_objects_take_little_more_than_from_a_bare_service():
    at_most(4, "managed-objects", "hostdevd", "floor")


@test
def an_explanation_takes_little_more_than_one_that_is_ready():
    at_most(6, "explain", "hostdevd", "floor")


@test
def a_decision_grows_no_faster_than_the_host():
    for request in ("a1:2", "a1:8,b:4"):
        grows_at_most(GROWTH, f"decide {request}", "hostdevd")
        grows_at_most(GROWTH, f"decide {request}", "hostdevd, after a change")


@test
def nothing_wakes_the_loop_but_the_look_at_all_domains():
    """One in fifteen seconds: the time, and the answer."""
    at_most(2, "idle", "hostdevd, main loop")


@test
def a_pair_of_attach_and_detach_syncs_and_asks_no_more_than_it_did():
    at_most(4.5, "attach", "fsyncs of a pair")  # at times the journal is written anew
    at_most(16, "attach", "calls of libvirt of a pair")


@test
def a_crowd_is_served_as_fast_as_one_and_nobody_starves():
    for functions in SIZES:
        many, one = (max(figures.values["clients", functions, f"{who}, pairs a second"]) for who in ("many", "one"))
        throughput = many / one
        assert throughput >= 0.5, f"{functions} functions: {throughput:.2f} of one client's throughput"
    at_most(20, "clients", "many, Attach, 99th of 100", "many, Attach")


@test
def an_event_is_told_at_once():
    at_most(100, "event", "hostdevd", "libudev")


@test
def functions_that_come_at_once_are_told_once_each():
    at_most(2, "added", "signals beside one for each", "PFs, pools and aliases concerned")
    at_most(20, "added", "hostdevd", "floor")


@test
def memory_hardly_grows_with_the_host():
    grows_at_most(1.5, "memory", "hostdevd")


if os.geteuid() != 0:
    print("1..0 # SKIP needs root for namespaces of its own")
    sys.exit(0)
tap.run(tap.tests_of(sys.modules[__name__]))
