#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who else holds a device: whatever element another tool has put into a definition, known from the first
look on, told as the holder, never offered, and free at once when it goes."""

import signal
import sys
import time

import world
from tap import test
from world import MANAGER, ROOT, wait_for

SECOND_UUID = "5c2b9a3e-0d8f-4f0e-9a57-3a8d0f5f7c11"
SECOND = f"""<domain type='test'><name>second</name><uuid>{SECOND_UUID}</uuid>%s
<memory>8192</memory><os><type>hvm</type></os><devices>%s</devices></domain>"""
NIC0, NIC1, NVME, GPU, VF = "0000:21:00.0", "0000:22:00.0", "0000:23:00.0", "0000:c1:00.0", "0000:41:10.0"
MEDIATED = "a1c3d4e5-1111-2222-3333-444444444444"
LOOK_SECONDS = 15  # between two looks at all domains, which would find out too


def address(bus, slot=0):
    return f"<address type='pci' domain='0x0000' bus='0x{bus:02x}' slot='0x{slot:02x}' function='0x0'/>"


ELEMENTS = {
    NIC0: f"<hostdev mode='subsystem' type='pci' managed='yes'><source>{address(0x21)}</source></hostdev>",
    VF: f"<interface type='hostdev' managed='yes'><source>{address(0x41, 0x10)}</source></interface>",
    NVME: f"<disk type='nvme' device='disk'><driver name='qemu' type='raw'/><source type='pci' managed='yes' "
          f"namespace='1'>{address(0x23)}</source><target dev='vda' bus='virtio'/></disk>",
    GPU: f"<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source><address uuid='{MEDIATED}'/></source>"
         "</hostdev>",
}


def define(devices="", description=""):
    done = w.virsh("define", "/dev/stdin", text=SECOND % (description, devices), check=False)
    assert done.returncode == 0, done.stderr


def undefine():
    w.virsh("undefine", "second")
    wait_for(lambda: w.property(ROOT, MANAGER, "LibvirtConnected") and
             not any("held-by-domain" in w.device(held)["Reasons"] for held in ELEMENTS), "the end of the domain")


def held():
    return [device for device in ELEMENTS if w.device(device)["Holder"] == "domain:second"]


def again():
    """A daemon that knows nothing but the journal."""
    w.stop("daemon", signal.SIGKILL)
    w.daemon()
    wait_for(lambda: w.property(ROOT, MANAGER, "LibvirtConnected"), "libvirt")


@test
def every_element_that_holds_a_device_is_known():
    w.made_host("mediate", GPU, MEDIATED, "--notify")
    for device, element in ELEMENTS.items():
        define(element)
        wait_for(lambda: held() == [device], f"the holder of {device}")
        assert w.device(device)["State"] == "unavailable" and "held-by-domain" in w.device(device)["Reasons"]
        undefine()


@test
def a_daemon_that_starts_knows_them_before_it_offers_anything():
    define("".join(ELEMENTS.values()))
    wait_for(lambda: len(held()) == len(ELEMENTS), "all holders")
    w.stop("daemon", signal.SIGKILL)
    w.daemon()
    # The call waits for the first look at the domains, and never gets what one of them has.
    path, error = w.attach("test", "nic:2")
    assert path is None and "held-by-domain" in error, error
    path, error = w.attach("test", "gpu")
    assert path is None and "held-by-domain" in error, error
    assert len(held()) == len(ELEMENTS)
    undefine()


@test
def a_mediated_device_that_comes_later_makes_its_parent_held():
    other = "b2c3d4e5-1111-2222-3333-444444444444"
    define(ELEMENTS[GPU].replace(MEDIATED, other))
    wait_for(lambda: "second" in w.virsh("list", "--all", "--name").stdout, "the domain")
    path, error = w.attach("test", "gpu", "dry-run", "b", "true")
    assert not error, error
    w.made_host("mediate", GPU, other, "--notify")
    wait_for(lambda: held() == [GPU], "the holder")
    undefine()


@test
def what_comes_and_goes_is_known_by_its_event_and_not_at_the_next_look():
    began = time.monotonic()
    rounds = 5
    for _ in range(rounds):
        define(ELEMENTS[NIC0])
        wait_for(lambda: held() == [NIC0], "the holder")
        w.virsh("undefine", "second")
        wait_for(lambda: w.device(NIC0)["State"] == "available", "the device")
    took = time.monotonic() - began
    print(f"# {rounds} comings and goings in {took:.1f} s")
    # Each of the two would take half a look on average.
    assert took < rounds * LOOK_SECONDS / 2, took


@test
def what_a_stranger_gives_up_goes_to_the_caller_who_waits():
    define(ELEMENTS[NIC0] + ELEMENTS[NIC0].replace("0x21", "0x22"))
    wait_for(lambda: w.device(NIC0)["Holder"] == w.device(NIC1)["Holder"] == "domain:second", "the holder")
    call = w.start("calling", ["busctl", "--system", "--timeout=60", "call", world.NAME, ROOT, MANAGER, "Attach",
                               "ssa{sv}", "test", "nic", "1", "wait-seconds", "u", "20"])
    assert w.attach("test", "nic")[0] is None and call.poll() is None
    w.virsh("undefine", "second")
    assert call.wait(60) == 0, w.log("calling")
    for path in w.attachments():
        assert w.detach(path) is None


@test
def a_domain_that_cannot_be_read_holds_up_every_grant_and_is_told_once():
    # Small as it was written; with every quote escaped it does not fit into a message of libvirt.
    define(ELEMENTS[NIC0], description="<description>" + "'" * 1024 * 1024 + "</description>")
    told = "until then no device is given away"
    for starts in (1, 2):
        wait_for(lambda: told in w.log("daemon"), "the log")
        before = {path.name: path.read_bytes() for path in w.state.iterdir()}, w.objects()
        path, error = w.attach("test", "nic")
        assert path is None and "second" in error and SECOND_UUID in error, error
        answer, name = w.call_raw(ROOT, MANAGER, "Attach", "ssa{sv}", "test", "nic", {})
        assert name == "org.hostdev1.Error.HypervisorUnavailable", name
        assert before == ({path.name: path.read_bytes() for path in w.state.iterdir()}, w.objects())
        # It is looked at again by every event, and told once by each daemon.
        w.virsh("desc", "test", "--config", "looked at")
        assert w.log("daemon").count(told) == starts, w.log("daemon")
        if starts == 1:
            again()
    w.virsh("undefine", "second")
    wait_for(lambda: w.attach("test", "nic", "dry-run", "b", "true")[1] is None, "grants again")


@test
def an_alias_with_the_last_number_is_refused_in_clear_words():
    alias = "<alias name='ua-hostdev1-4294967295-0'/></hostdev>"
    define(ELEMENTS[NIC0].replace("</hostdev>", alias))
    wait_for(lambda: held() == [NIC0], "the holder")
    path, error = w.attach("test", "nic")
    assert path is None and "ua-hostdev1-4294967295-0" in error and "second" in error, error
    answer, name = w.call_raw(ROOT, MANAGER, "Attach", "ssa{sv}", "test", "nic", {})
    assert name == "org.hostdev1.Error.LimitExceeded", name
    assert not w.attachments()
    undefine()
    again()
    path, error = w.attach("test", "nic")
    assert not error and int(path.split("/")[-1]) < 1000, error or path
    assert w.detach(path) is None


if __name__ == "__main__":
    world.enter()
    world.main(sys.modules[__name__], sys.argv[1])
