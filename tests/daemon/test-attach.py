#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Attach and detach: real bus, real polkit, real libvirt (its test driver), made devices."""

import re
import signal
import sys
import time

import world
from tap import test

NIC0, NIC1 = "0000:21:00.0", "0000:22:00.0"
SECOND = """<domain type='test'><name>second</name><uuid>5c2b9a3e-0d8f-4f0e-9a57-3a8d0f5f7c11</uuid>
<memory>8192</memory><os><type>hvm</type></os><devices>{}</devices></domain>"""
FOREIGN = """<hostdev mode='subsystem' type='pci' managed='yes'><source>
<address domain='0x0000' bus='0x21' slot='0x00' function='0x0'/></source></hostdev>"""


def hostdevs(domain="test"):
    return re.findall(r"<hostdev.*?</hostdev>", w.virsh("dumpxml", "--inactive", domain).stdout, re.S)


def states(*addresses):
    return [w.device(address)["State"] for address in addresses]


@test
def a_request_chooses_gives_and_gives_back():
    path, error = w.attach("test", "nic:2,vf", "reason", "s", "a test")
    assert not error, error
    found = hostdevs()
    assert len(found) == 3 and all("managed='yes'" in element for element in found), found
    number = path.split("/")[-1]
    for index in range(3):
        assert any(f"ua-hostdev1-{number}-{index}" in element for element in found), found
    attachment = w.attachments()[path]
    assert attachment["State"] == "attached" and attachment["Config"] and not attachment["Live"]
    assert attachment["Domain"] == "test" and attachment["Request"] == "nic:2,vf"
    assert attachment["OwnerUid"] == 0 and attachment["Reason"] == "a test" and len(attachment["Devices"]) == 3
    assert states(NIC0, NIC1) == ["attached", "attached"]
    assert w.device(NIC0)["Holder"] == f"attachment:{number}" and w.device(NIC0)["Attachment"] == path

    assert w.detach(path) is None
    assert hostdevs() == [] and not w.attachments()
    assert states(NIC0, NIC1) == ["available", "available"]


@test
def all_or_none():
    before = w.everything()
    path, error = w.attach("test", "vf:1,nic:3")
    assert path is None and "2 of 3 asked" in error, error
    assert w.everything() == before


@test
def a_live_attach_is_refused_by_the_test_driver_and_leaves_nothing():
    before = w.everything()[1:]
    path, error = w.attach("test", "nic:2", "live", "b", "true", "config", "b", "false")
    assert path is None and error, error
    assert w.everything()[1:] == before


@test
def a_dry_run_answers_without_doing():
    before = w.everything()
    path, error = w.attach("test", "nic:2", "dry-run", "b", "true")
    assert (path, error) == ("/", None), error
    path, error = w.attach("test", "nic:3", "dry-run", "b", "true")
    assert "asked" in error, error
    assert w.everything() == before


@test
def a_domain_goes_by_name_or_uuid():
    w.virsh("define", "/dev/stdin", text=SECOND.format(""))
    world.wait_for(lambda: not w.attach("second", "nic", "dry-run", "b", "true")[1], "the new domain")
    path, error = w.attach("5c2b9a3e-0d8f-4f0e-9a57-3a8d0f5f7c11", "nic")
    assert not error, error
    assert w.attachments()[path]["Domain"] == "second"
    assert len(hostdevs("second")) == 1
    assert w.detach(path) is None


@test
def what_another_tool_gave_away_is_held_by_its_domain():
    w.virsh("define", "/dev/stdin", text=SECOND.format(FOREIGN))
    world.wait_for(lambda: w.device(NIC0)["Holder"] == "domain:second", "the holder")
    device = w.device(NIC0)
    assert device["State"] == "unavailable" and "held-by-domain" in device["Reasons"], device
    path, error = w.attach("test", "nic:2")
    assert "held-by-domain" in error, error
    w.virsh("define", "/dev/stdin", text=SECOND.format(""))
    world.wait_for(lambda: w.device(NIC0)["State"] == "available", "the device")


@test
def an_attachment_ends_when_another_tool_takes_its_devices_out():
    path, error = w.attach("second", "nic")
    assert not error, error
    w.virsh("define", "/dev/stdin", text=SECOND.format(""))
    world.wait_for(lambda: not w.attachments(), "the end of the attachment")
    assert states(NIC0, NIC1) == ["available", "available"]


@test
def an_attachment_ends_with_its_domain():
    path, error = w.attach("second", "nic:2")
    assert not error, error
    w.virsh("undefine", "second")
    world.wait_for(lambda: not w.attachments(), "the end of the attachment")
    assert states(NIC0, NIC1) == ["available", "available"]


@test
def a_call_that_waits_gets_what_becomes_free():
    path, error = w.attach("test", "nic:2")
    assert not error, error
    waiting = w.start("waiting", ["busctl", "--system", "call", world.NAME, world.ROOT, world.MANAGER, "Attach",
                                  "ssa{sv}", "test", "nic", "1", "wait-seconds", "u", "20"])
    early, error = w.attach("test", "nic", "wait-seconds", "u", "0")
    assert early is None, "it must not wait"
    assert waiting.poll() is None
    assert w.detach(path) is None
    assert waiting.wait(30) == 0, w.log("waiting")
    w.processes.pop("waiting")
    for left in w.attachments():
        assert w.detach(left) is None


@test
def a_killed_daemon_comes_back_with_the_same_objects():
    first, error = w.attach("test", "nic")
    assert not error, error
    before = w.attachments()
    w.stop("daemon", signal.SIGKILL)
    w.daemon()
    world.wait_for(lambda: w.property(first, "org.hostdev1.Attachment", "State") == "attached", "the attachment")
    assert w.attachments() == before
    assert w.detach(first) is None
    second, error = w.attach("test", "nic")
    assert not error and second != first, "a number was used again"
    assert w.detach(second) is None


@test
def the_bus_is_answered_while_libvirt_hangs():
    w.processes["libvirtd"].send_signal(signal.SIGSTOP)
    try:
        calling = w.start("calling", ["busctl", "--system", "--timeout=60", "call", world.NAME, world.ROOT,
                                      world.MANAGER, "Attach", "ssa{sv}", "test", "nic", "0"])
        world.wait_for(lambda: w.attachments(), "the attachment to show")
        assert list(w.attachments().values())[0]["State"] == "attaching"
        assert "reserved" in states(NIC0, NIC1)
        slowest = 0
        for _ in range(50):
            began = time.monotonic()
            answer, error = w.call_raw(world.ROOT, "org.freedesktop.DBus.Peer", "Ping", "")
            assert not error, error
            slowest = max(slowest, time.monotonic() - began)
        # Far below what libvirt takes to answer, which is for ever; how fast it is, a benchmark tells.
        assert slowest < 5, slowest
        assert calling.poll() is None
    finally:
        w.processes["libvirtd"].send_signal(signal.SIGCONT)
    assert calling.wait(60) == 0, w.log("calling")
    w.processes.pop("calling")
    assert w.detach(list(w.attachments())[0]) is None


@test
def it_ends_with_status_0_when_told_to():
    assert w.stop("daemon", signal.SIGTERM) == 0
    w.daemon()


if __name__ == "__main__":
    world.enter()
    world.main(sys.modules[__name__], sys.argv[1])
