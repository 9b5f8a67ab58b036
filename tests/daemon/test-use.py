#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the host itself uses is not given away, and it is seen when that begins and ends."""

import signal
import subprocess
import sys

import world
from tap import test

NIC0, NIC1 = "0000:21:00.0", "0000:22:00.0"


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


@test
def what_begins_before_a_call_counts_for_it():
    """The daemon finds the event and the call at once, and takes the event first."""
    import dbus.lowlevel

    ip("tuntap", "add", "dev", "enp34s0", "mode", "tap")
    ip("link", "set", "enp34s0", "up")
    daemon, answers = w.processes["daemon"], []
    for _ in range(20):
        world.wait_for(lambda: w.device(NIC1)["State"] == "available", "the device")
        daemon.send_signal(signal.SIGSTOP)
        ip("address", "add", "192.0.2.2/24", "dev", "enp34s0")
        message = dbus.lowlevel.MethodCallMessage(world.NAME, world.ROOT, world.MANAGER, "Attach")
        message.append("test", "nic", {"dry-run": True}, signature="ssa{sv}")
        call = w.connection().send_message_with_reply(message, answers.append, 60)
        w.connection().flush()
        daemon.send_signal(signal.SIGCONT)
        call.block()
        ip("address", "delete", "192.0.2.2/24", "dev", "enp34s0")
    names = [answer.get_error_name() for answer in answers]
    assert names == ["org.hostdev1.Error.InUseByHost"] * 20, names
    ip("link", "delete", "enp34s0")


@test
def and_is_lent_again_when_the_host_no_longer_uses_it():
    ip("link", "delete", "enp33s0")
    world.wait_for(lambda: w.device(NIC0)["State"] == "available", "the device")


if __name__ == "__main__":
    world.enter()
    world.main(sys.modules[__name__], sys.argv[1])
