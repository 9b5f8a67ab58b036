#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Decisions cost no more instructions than they did: callgrind counts them, and each count has a ceiling.

usage: test-decide-cost.py DECIDE
"""

import os
import re
import subprocess
import sys

import tap
from tap import test

DECIDE = sys.argv[1]

# Functions of the host, request -> instructions of one decision; a quarter above what it costs now.
# What counts is the core, built with optimization; the C library has a part in it.
QUICK = {
    (64, "a1:2"): 14_000,
    (512, "a1:2"): 20_000,
    (4096, "a1:2"): 21_000,
    (64, "a1:8,b:4"): 94_000,
    (512, "a1:8,b:4"): 153_000,
    (4096, "a1:8,b:4"): 163_000,
}
# One attachment has come or gone: settling that counts, too.
AFTER_CHANGE = {
    (512, "a1:2"): 48_000,
    (4096, "a1:2"): 58_000,
    (512, "a1:8,b:4"): 335_000,
    (4096, "a1:8,b:4"): 283_000,
}
WHOLE = {
    (4096, "a1:2,pf:3"): 19_800_000,
    (4096, "pf:2,gpu:4,any:3"): 14_900_000,
    (4096, "pf:40,first:24"): 20_500_000,
}
REFUSED = {
    (64, "none"): 102_000,
    (4096, "none"): 5_300_000,
    (4096, "gpu:2,none:3"): 10_500_000,
}


def count(functions, request, *options):
    """The answer, and the instructions that it took."""
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=bench_decide",
         "--toggle-collect=bench_settle", DECIDE, str(functions), request, "--count", *options],
        check=True, capture_output=True, text=True,
        # meson lets malloc() fill its memory, which would count.
        env=dict(os.environ, MALLOC_PERTURB_="0"))
    collected = re.search(r"Collected : (\d+)", done.stderr)
    assert collected and int(collected.group(1)) > 1000, done.stderr
    return done.stdout.strip(), int(collected.group(1))


def stays_below(ceilings, fits, *options):
    over = []
    for (functions, request), ceiling in ceilings.items():
        answer, instructions = count(functions, request, *options)
        print(f"# {functions} functions, {request}: {instructions:,} instructions, at most {ceiling:,}", flush=True)
        assert (answer == "fits") == fits, f"{functions}, {request}: {answer}"
        if instructions > ceiling:
            over.append(f"{functions} functions, {request}: {instructions:,} instructions, more than {ceiling:,}")
    assert not over, "\n".join(over)


@test
def a_plain_request_costs_few_instructions():
    stays_below(QUICK, True)


@test
def a_request_after_a_change_costs_few_instructions_more():
    stays_below(AFTER_CHANGE, True, "--after-change")


@test
def a_request_for_cards_costs_one_look_at_the_host():
    stays_below(WHOLE, True)


@test
def a_refusal_with_its_reasons_costs_few_looks_at_the_host():
    stays_below(REFUSED, False)


tap.run(tap.tests_of(sys.modules[__name__]))
