#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the host itself uses is not given away, and it is seen when that begins and ends."""

import os
import pathlib
import signal
import subprocess
import sys

import tap
import world
from tap import test

NIC0, NIC1, NVME = "0000:21:00.0", "0000:22:00.0", "0000:23:00.0"
PF, VF, SIBLING = "0000:41:00.0", "0000:41:10.0", "0000:41:10.2"


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


@test
def an_interface_with_an_address_is_the_hosts():
    device = w.device(NIC0)
    assert device["State"] == "available", device
    ip("tuntap", "add", "dev", "enp33s0", "mode", "tap")
    ip("link", "set", "enp33s0", "up")
    ip("address", "add", "192.0.2.1/24", "dev", "enp33s0")
    world.wait_for(lambda: w.device(NIC0)["Holder"] == "host:enp33s0", "the holder")
    device = w.device(NIC0)
    assert device["State"] == "unavailable" and "in-use-by-host" in device["Reasons"], device

    answer, error = w.call_raw(world.ROOT, world.MANAGER, "Attach", "ssa{sv}", "test", "nic:2", {})
    assert error == "org.hostdev1.Error.InUseByHost", error
    path, error = w.attach("test", "nic:2", "force", "b", "true")
    assert not error, error
    assert w.detach(path) is None


def answer_to_a_call_with(begin):
    """What begins while the daemon stands still, and a call: it finds both at once. Gives the error of the call."""
    import dbus.lowlevel

    daemon, answers = w.processes["daemon"], []
    daemon.send_signal(signal.SIGSTOP)
    begin()
    message = dbus.lowlevel.MethodCallMessage(world.NAME, world.ROOT, world.MANAGER, "Attach")
    message.append("test", "nic:2", {"dry-run": True}, signature="ssa{sv}")
    call = w.connection().send_message_with_reply(message, answers.append, 60)
    w.connection().flush()
    daemon.send_signal(signal.SIGCONT)
    call.block()
    return answers[0].get_error_name()


@test
def and_is_lent_again_when_the_host_no_longer_uses_it():
    ip("link", "delete", "enp33s0")
    world.wait_for(lambda: w.device(NIC0)["State"] == "available", "the device")


def held(address, name):
    world.wait_for(lambda: w.device(address)["Holder"] == f"host:{name}", f"{address} to be held by {name}")
    return w.device(address)


def let_go(address):
    world.wait_for(lambda: w.device(address)["Holder"] == "", f"{address} to be let go")


@test
def a_port_of_a_bridge_and_a_route_are_uses_too():
    ip("tuntap", "add", "dev", "enp33s0", "mode", "tap")
    ip("link", "add", "bridge0", "type", "bridge")
    ip("link", "set", "enp33s0", "master", "bridge0")
    held(NIC0, "enp33s0")
    ip("link", "set", "enp33s0", "nomaster")
    let_go(NIC0)
    # A tap is up when somebody is at its other end; the route is set all the same.
    ip("link", "set", "enp33s0", "up")
    ip("route", "add", "203.0.113.0/24", "dev", "enp33s0")
    held(NIC0, "enp33s0")
    ip("route", "delete", "203.0.113.0/24", "dev", "enp33s0")
    let_go(NIC0)
    ip("link", "delete", "enp33s0")
    ip("link", "delete", "bridge0")


@test
def who_uses_a_virtual_function_uses_its_physical_one():
    ip("tuntap", "add", "dev", "enp65s0f0v0", "mode", "tap")
    ip("address", "add", "192.0.2.3/24", "dev", "enp65s0f0v0")
    ip("link", "set", "enp65s0f0v0", "up")
    assert "in-use-by-host" in held(VF, "enp65s0f0v0")["Reasons"]
    assert "in-use-by-host" in held(PF, "enp65s0f0v0")["Reasons"]
    assert w.device(SIBLING)["Reasons"] == [], "the other virtual functions can be had"
    ip("link", "delete", "enp65s0f0v0")
    let_go(VF)
    let_go(PF)


def mounted_disk():
    """A mount point on a disk of this machine, and the number of the disk."""
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        if not fields[2].startswith("0:") and os.path.isdir(fields[4]):
            return fields[4], fields[2]
    return None, None


@test
def what_began_before_a_call_counts_for_it():
    ip("tuntap", "add", "dev", "enp34s0", "mode", "tap")
    ip("link", "set", "enp34s0", "up")
    for _ in range(10):
        error = answer_to_a_call_with(lambda: ip("address", "add", "192.0.2.2/24", "dev", "enp34s0"))
        assert error == "org.hostdev1.Error.InUseByHost", error
        ip("address", "delete", "192.0.2.2/24", "dev", "enp34s0")
        let_go(NIC1)
    ip("link", "delete", "enp34s0")


class Disk:
    """A disk of this machine, made to be on a card of the made host: a mount makes the daemon look."""

    def __init__(self, below):
        self.point, number = mounted_disk()
        if not number:
            raise tap.Skip("no file system of this machine is on a disk")
        self.link, self.below, self.place = w.sys / "dev" / "block" / number, below, w.directory / "place"
        self.link.parent.mkdir(parents=True, exist_ok=True)
        self.place.mkdir(exist_ok=True)

    def begin(self):
        self.link.symlink_to(f"../../devices/pci0000:20/0000:20:02.0/{self.below}/block/sda")
        world.mount("--bind", self.place, self.place)

    def end(self):
        self.link.unlink()
        subprocess.run(["umount", self.place], check=True)


@test
def a_mount_is_seen_when_the_kernel_tells_of_it():
    disk = Disk(NVME)
    assert w.device(NVME)["Holder"] == ""
    disk.begin()
    device = held(NVME, disk.point)
    assert device["State"] == "unavailable" and "in-use-by-host" in device["Reasons"], device
    disk.end()
    let_go(NVME)


@test
def a_mount_before_a_call_counts_for_it():
    disk = Disk(NIC1)
    for _ in range(10):
        error = answer_to_a_call_with(disk.begin)
        assert error == "org.hostdev1.Error.InUseByHost", error
        disk.end()
        let_go(NIC1)


if __name__ == "__main__":
    world.enter()
    world.main(sys.modules[__name__], sys.argv[1])
