#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Sentences of the contract that no other test of this directory takes at their word."""

import signal
import sys

import world
from tap import test
from world import WEB, wait_for

NIC0, NIC1 = "0000:21:00.0", "0000:22:00.0"


def calling(*arguments, name="calling"):
    """A call that is answered later; its answer stands in the log of that name."""
    return w.start(name, ["busctl", "--system", "--timeout=100", "call", world.NAME, *arguments])


def attaching(domain="web", request="nic"):
    return calling(world.ROOT, world.MANAGER, "Attach", "ssa{sv}", domain, request, "0")


def add(method, name, match, **options):
    """Gives the name of the error, or None."""
    import dbus

    return w.call_raw(world.ROOT, world.MANAGER, method, "saa{ss}a{sv}", name, dbus.Array(match, signature="a{ss}"),
                      dbus.Dictionary(options, signature="sv"))[1]


@test
def what_is_kept_in_the_state_directory_has_a_limit():
    for method, match, options in (("AddPool", [{"driver": "x" * 70000}], {}),
                                   ("AddAlias", [{"driver": "x" * 1000}] * 70, {}),
                                   ("AddPool", [], {"description": "x" * 70000})):
        before = [path.read_bytes() for path in w.state.iterdir()], w.objects()
        assert add(method, "long", match, **options) == "org.hostdev1.Error.LimitExceeded"
        assert ([path.read_bytes() for path in w.state.iterdir()], w.objects()) == before


@test
def a_call_that_is_under_way_at_the_end_of_the_service_is_answered():
    w.truth.ask("next", kind="attach", hold="after")
    call = attaching()
    path = wait_for(lambda: list(w.attachments()), "the attachment")[0]
    wait_for(lambda: w.truth.held(WEB, "live"), "the hypervisor to act")
    assert w.stop("daemon", signal.SIGTERM) == 0
    assert call.wait(60) != 0
    assert path in w.log("calling"), w.log("calling")
    w.truth.ask("release")
    w.fake_daemon()
    wait_for(lambda: w.attachments()[path]["State"] == "attached", "the outcome")
    assert w.detach(path) is None


if __name__ == "__main__":
    world.enter()
    world.main(sys.modules[__name__], sys.argv[1], world.with_fake)
