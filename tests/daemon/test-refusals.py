#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What libvirt cannot be made to do: refuse half-way, never answer, a guest that refuses or is deaf;
and the daemon killed around its answer. The fake hypervisor keeps the truth in a process of its own."""

import signal
import sys
import time

import world
from tap import test
from world import DATABASE, WEB, wait_for

NIC0, NIC1 = "0000:21:00.0", "0000:22:00.0"


def clean():
    """Nothing is held: not in the objects, not in the truth."""
    wait_for(lambda: not w.attachments(), "no attachment")
    for side in ("live", "config"):
        assert w.truth.held(WEB, side) == [] and w.truth.held(DATABASE, side) == []
    assert [w.device(address)["State"] for address in (NIC0, NIC1)] == ["available"] * 2


def calling(*arguments, name="calling"):
    return w.start(name, ["busctl", "--system", "--timeout=100", "call", world.NAME, *arguments])


def attaching(domain="web", request="nic:2"):
    return calling(world.ROOT, world.MANAGER, "Attach", "ssa{sv}", domain, request, "0")


def only():
    return list(w.attachments())[0]


@test
def live_and_config_by_default_and_back():
    path, error = w.attach("web", "nic:2")
    assert not error, error
    assert w.truth.held(WEB, "live") == w.truth.held(WEB, "config") == [NIC0, NIC1]
    attachment = w.attachments()[path]
    assert attachment["Live"] and attachment["Config"]
    assert w.detach(path) is None
    jobs = [(job["call"], job["live"], job["config"]) for job in w.truth.ask("truth")["log"]]
    assert jobs[-3:] == [("attach", True, True), ("detach", True, False), ("detach", False, True)], jobs
    clean()


@test
def the_second_device_refused_gives_the_first_back():
    neighbour, error = w.attach("database", "vf")
    assert not error, error
    w.truth.ask("next", kind="attach", refuse_at=1, text="No more available PCI slots")
    path, error = w.attach("web", "nic:2")
    assert path is None and "No more available PCI slots" in error, error
    assert len(w.attachments()) == 1 and w.truth.held(WEB, "live") == w.truth.held(WEB, "config") == []
    assert len(w.truth.held(DATABASE, "config")) == 1, "another's device was taken"
    assert w.detach(neighbour) is None
    clean()


@test
def a_guest_that_refuses_keeps_both():
    path, error = w.attach("web", "nic:2")
    assert not error, error
    w.truth.ask("guest", uuid=WEB, mode="refuses")
    error = w.detach(path)
    assert error, "it was refused"
    answer, name = w.call_raw(path, "org.hostdev1.Attachment", "Detach", "a{sv}", {})
    assert name == "org.hostdev1.Error.DetachRefused", name
    assert w.attachments()[path]["State"] == "attached"
    assert w.truth.held(WEB, "live") == w.truth.held(WEB, "config") == [NIC0, NIC1]
    w.truth.ask("guest", uuid=WEB, mode="accepts")
    assert w.detach(path) is None
    clean()


@test
def a_deaf_guest_is_pending_and_holds_until_it_stops():
    path, error = w.attach("web", "nic:2", "config", "b", "false")
    assert not error, error
    w.truth.ask("guest", uuid=WEB, mode="ignores")
    answer, name = w.call_raw(path, "org.hostdev1.Attachment", "Detach", "a{sv}", {"wait-seconds": dbus_u(1)})
    assert name == "org.hostdev1.Error.Pending", name
    assert w.attachments()[path]["State"] == "detaching"
    assert w.device(NIC0)["State"] == "attached"
    path2, error = w.attach("database", "nic")
    assert path2 is None, "it is still held"
    w.truth.ask("stop", uuid=WEB)
    clean()
    w.truth.ask("guest", uuid=WEB, mode="accepts")
    w.truth.ask("start", uuid=WEB)


def dbus_u(number):
    import dbus
    return dbus.UInt32(number)


@test
def a_guest_that_lets_go_late_ends_the_wait():
    path, error = w.attach("web", "nic:2")
    assert not error, error
    w.truth.ask("guest", uuid=WEB, mode="ignores")
    call = calling(path, "org.hostdev1.Attachment", "Detach", "a{sv}", "0")
    wait_for(lambda: w.attachments()[path]["State"] == "detaching", "the state")
    assert w.truth.held(WEB, "config") == [NIC0, NIC1], "the definition comes last"
    w.truth.ask("let-go", uuid=WEB)
    assert call.wait(60) == 0, w.log("calling")
    w.truth.ask("guest", uuid=WEB, mode="accepts")
    clean()


@test
def an_answer_that_is_late_is_pending_and_then_attached():
    w.truth.ask("next", kind="attach", hold="after")
    began = time.monotonic()
    call = attaching()
    wait_for(lambda: w.attachments(), "the attachment")
    assert call.wait(60) != 0 and only() in w.log("calling"), w.log("calling")
    assert time.monotonic() - began > 15, "it is due after 20 s"
    path = only()
    assert w.attachments()[path]["State"] == "attaching" and w.device(NIC0)["State"] == "reserved"
    w.truth.ask("release")
    wait_for(lambda: w.attachments()[path]["State"] == "attached", "the outcome")
    assert w.detach(path) is None
    clean()


def kill_and_restart():
    w.stop("daemon", signal.SIGKILL)
    w.fake_daemon()


@test
def killed_before_the_answer_it_completes_what_libvirt_did():
    w.truth.ask("next", kind="attach", hold="after")
    attaching()
    path = wait_for(lambda: w.attachments() and only(), "the attachment")
    wait_for(lambda: w.truth.held(WEB, "live"), "libvirt to act")
    w.stop("daemon", signal.SIGKILL)
    w.truth.ask("release")
    w.fake_daemon()
    wait_for(lambda: w.attachments()[path]["State"] == "attached", "the attachment")
    assert w.detach(path) is None
    clean()


@test
def killed_before_libvirt_acts_it_gives_nothing_away_twice():
    w.truth.ask("next", kind="attach", hold="before")
    attaching()
    path = wait_for(lambda: w.attachments() and only(), "the attachment")
    wait_for(lambda: w.truth.ask("truth")["held"] == 1, "the job to be with libvirt")
    kill_and_restart()
    assert path in w.attachments()
    assert w.device(NIC0)["State"] == "reserved"
    assert w.attach("database", "nic")[0] is None, "it may still be given to the first"
    w.truth.ask("release")
    clean()


@test
def killed_half_way_it_takes_back_what_was_given():
    w.truth.ask("next", kind="attach", refuse_at=1, hold="after")
    attaching()
    wait_for(lambda: w.truth.held(WEB, "live") == [NIC0], "the first device")
    w.stop("daemon", signal.SIGKILL)
    w.truth.ask("release")
    w.fake_daemon()
    clean()


@test
def killed_during_a_detach_it_goes_on():
    path, error = w.attach("web", "nic:2")
    assert not error, error
    w.truth.ask("guest", uuid=WEB, mode="ignores")
    calling(path, "org.hostdev1.Attachment", "Detach", "a{sv}", "0")
    wait_for(lambda: w.attachments()[path]["State"] == "detaching", "the state")
    kill_and_restart()
    assert w.attachments()[path]["State"] == "detaching"
    w.truth.ask("guest", uuid=WEB, mode="accepts")
    w.truth.ask("let-go", uuid=WEB)
    clean()


@test
def a_connection_that_is_lost_frees_nothing():
    path, error = w.attach("web", "nic")
    assert not error, error
    w.truth.ask("drop", down=True)
    wait_for(lambda: w.property(world.ROOT, world.MANAGER, "LibvirtConnected") is False, "the loss to be told")
    assert w.device(NIC0)["State"] == "attached"
    answer, name = w.call_raw(world.ROOT, world.MANAGER, "Attach", "ssa{sv}", "web", "nic", {})
    assert name == "org.hostdev1.Error.HypervisorUnavailable", name
    w.truth.ask("foreign_detach", uuid=WEB, address=NIC0, live=True, config=True)
    assert w.device(NIC0)["State"] == "attached", "nothing is known of that"
    w.truth.ask("up")
    wait_for(lambda: w.property(world.ROOT, world.MANAGER, "LibvirtConnected"), "the connection")
    clean()


@test
def a_renamed_domain_is_the_same_one():
    path, error = w.attach("web", "nic")
    assert not error, error
    w.truth.ask("rename", uuid=WEB, name="www")
    wait_for(lambda: w.attachments()[path]["Domain"] == "www", "the name")
    w.truth.ask("rename", uuid=WEB, name="web")
    assert w.detach(path) is None
    clean()


@test
def sixty_four_callers_want_one_device():
    before, error = w.attach("web", "nic")
    assert not error, error
    for index in range(64):
        w.start(f"caller{index}", ["busctl", "--system", "call", world.NAME, world.ROOT, world.MANAGER, "Attach",
                                   "ssa{sv}", "database", "nic", "0"])
    won = [index for index in range(64) if w.processes.pop(f"caller{index}").wait(60) == 0]
    assert len(won) == 1, won
    assert w.truth.held(DATABASE, "config") == [NIC1]
    for path in w.attachments():
        assert w.detach(path) is None
    clean()


if __name__ == "__main__":
    world.enter()
    world.main(sys.modules[__name__], sys.argv[1], world.with_fake)
