#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""udev's events reach the bus; what counts is what sysfs says."""

import json
import signal
import sys

import world
from tap import test

NEW, NIC0, NIC1 = "0000:42:00.0", "0000:21:00.0", "0000:22:00.0"


def path_of(address):
    return f"{world.ROOT}/device/pci_" + address.replace(":", "_").replace(".", "_")


class Signals:
    """What the daemon sends while this is open."""

    def __enter__(self):
        self.process = w.start("monitor", ["busctl", "--system", "--json=short", "monitor", "--match",
                                           f"type='signal',sender='{world.NAME}'"])
        self.begin = len(w.log("monitor"))
        world.wait_for(lambda: "Monitoring" in w.log("monitor")[self.begin:] or self.probe(), "the monitor")
        return self

    def probe(self):
        """busctl says that it listens only to a terminal: a property that changes and back tells."""
        import dbus
        w.call_raw(world.ROOT, world.MANAGER, "AddPool", "saa{ss}a{sv}", "probe",
                   dbus.Array([{"vendor_id": "ffff"}], signature="a{ss}"), dbus.Dictionary({}, signature="sv"))
        w.call_raw(world.ROOT, world.MANAGER, "RemovePool", "sa{sv}", "probe", {})
        return "pool/probe" in w.log("monitor")[self.begin:]

    def __exit__(self, *ignored):
        w.stop("monitor")

    def all(self):
        found = []
        for line in w.log("monitor")[self.begin:].splitlines():
            try:
                found.append(json.loads(line))
            except ValueError:
                pass
        return found

    def has(self, member, text):
        return any(message.get("member") == member and text in json.dumps(message) for message in self.all())


@test
def a_plugged_device_becomes_an_object_of_its_pool():
    with Signals() as signals:
        w.made_host("add", NEW, "vendor=8086", "device=10d3", "class=020000", "group=50", "driver=e1000e", "node=0",
                    "--notify")
        device = world.wait_for(lambda: w.device(NEW), "the device")
        assert device["State"] == "available" and device["Pool"].endswith("/nics"), device
        assert device["Driver"] == "e1000e" and device["NumaNode"] == 0 and device["IommuGroup"] == 50
        assert path_of(NEW) in w.objects()[world.ROOT + "/pool/nics"]["org.hostdev1.Pool"]["Devices"]
        world.wait_for(lambda: signals.has("InterfacesAdded", path_of(NEW)), "InterfacesAdded")


@test
def a_driver_that_binds_is_told():
    with Signals() as signals:
        w.made_host("bind", NEW, "vfio-pci", "--notify")
        world.wait_for(lambda: w.device(NEW)["Driver"] == "vfio-pci", "the driver")
        world.wait_for(lambda: signals.has("PropertiesChanged", "vfio-pci"), "PropertiesChanged")


@test
def another_device_in_its_place_is_another_device():
    w.made_host("swap", NEW, "vendor=10de", "device=2204", "class=030000", "group=51", "--notify")
    world.wait_for(lambda: (w.device(NEW) or {}).get("VendorId") == "10de", "the other device")
    assert w.device(NEW)["Pool"].endswith("/gpus")


@test
def a_pulled_device_is_no_object():
    with Signals() as signals:
        w.made_host("remove", NEW, "--notify")
        world.wait_for(lambda: not w.device(NEW), "its end")
        world.wait_for(lambda: signals.has("InterfacesRemoved", path_of(NEW)), "InterfacesRemoved")


@test
def a_held_device_that_is_pulled_is_gone_until_it_is_given_back():
    path, error = w.attach("test", "nic:2")
    assert not error, error
    w.made_host("remove", NIC0, "--notify")
    world.wait_for(lambda: w.device(NIC0)["State"] == "gone", "the state gone")
    assert w.attachments()[path]["State"] == "lost"
    assert w.detach(path) is None
    assert not w.device(NIC0) and w.device(NIC1)["State"] == "available"
    w.made_host("add", NIC0, "vendor=8086", "device=10d3", "class=020000", "group=22", "driver=e1000e", "--notify")
    world.wait_for(lambda: w.device(NIC0), "it to be back")


@test
def an_event_that_says_nothing_true_changes_nothing():
    before = w.objects()
    w.made_host("event", "remove", NIC1)
    w.made_host("event", "add", "0000:77:00.0")
    w.made_host("event", "change", NIC1, "100")
    # The events before this one have been seen when it has.
    w.made_host("add", NEW, "vendor=8086", "device=10d3", "class=020000", "group=50", "--notify")
    world.wait_for(lambda: w.device(NEW), "the last event")
    w.made_host("remove", NEW, "--notify")
    world.wait_for(lambda: not w.device(NEW), "its end")
    assert w.objects() == before


@test
def lost_events_are_made_up_for():
    daemon = w.processes["daemon"]
    daemon.send_signal(signal.SIGSTOP)
    w.made_host("event", "change", NIC1, "20000")
    w.made_host("add", NEW, "vendor=8086", "device=10d3", "class=020000", "group=50")
    daemon.send_signal(signal.SIGCONT)
    world.wait_for(lambda: w.device(NEW), "the device whose event was never sent")
    w.made_host("remove", NEW, "--notify")
    world.wait_for(lambda: not w.device(NEW), "its end")


if __name__ == "__main__":
    world.enter()
    world.main(sys.modules[__name__], sys.argv[1])
