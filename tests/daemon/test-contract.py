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


def attach(domain, request, **options):
    """Gives the name of the error, or None."""
    return w.call_raw(world.ROOT, world.MANAGER, "Attach", "ssa{sv}", domain, request,
                      {key.replace("_", "-"): value for key, value in options.items()})[1]


@test
def what_is_wrong_is_told_in_the_order_of_the_contract():
    invalid = "org.freedesktop.DBus.Error.InvalidArgs"
    prefix = "org.hostdev1.Error."
    assert attach("none", "nic:0", surprise=True) == invalid
    assert attach("none", "nic:0", live=False, config=False) == invalid
    assert attach("none", "none,nic:0") == prefix + "InvalidRequest"
    assert attach("none", "none") == prefix + "NoSuchAlias"
    assert attach("none", "nic:60") == prefix + "NoSuchDomain"
    assert attach("database", "nic:60", live=True) == invalid
    assert attach("database", "nic:60") == prefix + "NotEnoughDevices"


@test
def what_is_no_text_is_a_wrong_argument():
    # The bus lets it through, sd-bus does not.
    invalid = "org.freedesktop.DBus.Error.InvalidArgs"
    assert attach("web\ufdd0", "nic") == invalid
    assert attach("web", "nic", reason="\ufdd0") == invalid
    assert attach("web", "nic", **{"\ufdd0": True}) == invalid
    assert add("AddPool", "new", [{"driver": "\ufdd0"}]) == invalid


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


def detach(path, **options):
    """Gives the name of the error, or None."""
    return w.call_raw(path, "org.hostdev1.Attachment", "Detach", "a{sv}",
                      {key.replace("_", "-"): value for key, value in options.items()})[1]


def seconds(number):
    import dbus

    return dbus.UInt32(number)


@test
def a_refused_detach_is_remembered_as_the_last_error():
    path, error = w.attach("web", "nic")
    assert not error, error
    assert w.attachments()[path]["LastError"] == ""
    w.truth.ask("guest", uuid=WEB, mode="refuses")
    assert detach(path) == "org.hostdev1.Error.DetachRefused"
    attachment = w.attachments()[path]
    assert attachment["State"] == "attached" and "refused" in attachment["LastError"], attachment
    w.truth.ask("guest", uuid=WEB, mode="accepts")
    assert detach(path) is None


@test
def a_second_detach_asks_the_guest_again():
    path, error = w.attach("web", "nic")
    assert not error, error
    w.truth.ask("guest", uuid=WEB, mode="ignores")
    assert detach(path, wait_seconds=seconds(0)) == "org.hostdev1.Error.Pending"
    w.truth.ask("guest", uuid=WEB, mode="accepts")
    assert detach(path, wait_seconds=seconds(15)) is None
    assert not w.attachments() and not w.truth.held(WEB, "live") and not w.truth.held(WEB, "config")


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
