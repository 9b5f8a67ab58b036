#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Attach and detach again and again: nothing grows.

usage: test-rounds.py BUILD [ROUNDS]
"""

import os
import sys

import world
from tap import test

ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 1000

# The loop, libvirt's events, and the workers, which are made when they are first needed.
THREADS_MAX = 1 + 1 + 4


def round_of_two():
    answer, error = w.call_raw(world.ROOT, world.MANAGER, "Attach", "ssa{sv}", "test", "nic:2", {})
    assert not error, error
    answer, error = w.call_raw(str(answer), "org.hostdev1.Attachment", "Detach", "a{sv}", {})
    assert not error, error


def files():
    return len(os.listdir(f"/proc/{w.processes['daemon'].pid}/fd"))


def threads():
    return len(os.listdir(f"/proc/{w.processes['daemon'].pid}/task"))


@test
def a_thousand_rounds_leave_journal_files_and_objects_as_they_were():
    for _ in range(10):
        round_of_two()
    before = files(), w.objects(), w.virsh("dumpxml", "--inactive", "test").stdout
    for _ in range(ROUNDS):
        round_of_two()
    after = files(), w.objects(), w.virsh("dumpxml", "--inactive", "test").stdout
    for what, then, now in zip(("files", "objects", "definition"), before, after):
        assert then == now, f"{what}: {then}, now {now}"
    assert threads() <= THREADS_MAX, threads()
    size = sum(path.stat().st_size for path in w.state.iterdir())
    print(f"# {ROUNDS} rounds; the state directory has {size} bytes")
    assert size < 256 * 1024, f"the state directory has {size} bytes"


if __name__ == "__main__":
    world.enter()
    world.main(sys.modules[__name__], sys.argv[1])
