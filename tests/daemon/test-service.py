#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The service as a process: how it starts, what it says of itself, what it refuses to start on."""

import os
import pathlib
import re
import signal
import socket
import sys

import tap
import world
from tap import test
from world import MANAGER, NAME, ROOT, wait_for

NOWHERE = "test+unix:///default?socket=/nonexistent"


def connected():
    return w.property(ROOT, MANAGER, "LibvirtConnected")


def restart(environment=None):
    w.stop("daemon")
    w.daemon(environment=environment)


class Notifications:
    """What the service manager would be told."""

    def __enter__(self):
        self.path = str(w.directory / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(60)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o777)
        return self

    def __exit__(self, *ignored):
        self.socket.close()
        os.unlink(self.path)

    def until(self, text):
        while text not in self.socket.recv(4096).decode():
            pass


@test
def it_is_ready_when_libvirt_is_not():
    with Notifications() as notifications:
        restart({"NOTIFY_SOCKET": notifications.path, "LIBVIRT_DEFAULT_URI": NOWHERE})
        notifications.until("READY=1")
        assert connected() is False
        assert w.device("0000:21:00.0")["State"] == "available"
        answer, error = w.call_raw(ROOT, MANAGER, "Attach", "ssa{sv}", "test", "nic", {})
        assert error == "org.hostdev1.Error.HypervisorUnavailable", error
        assert w.stop("daemon", signal.SIGTERM) == 0
        notifications.until("STOPPING=1")
    w.daemon()
    wait_for(connected, "libvirt")


@test
def what_it_finds_at_its_start_is_not_announced():
    listening = w.start("listening", ["dbus-monitor", "--system", "type='signal',interface='org.freedesktop.DBus.ObjectManager'"])
    wait_for(lambda: "NameAcquired" in w.log("listening"), "the listener")
    restart()
    _, error = w.call(ROOT, MANAGER, "AddAlias", "saa{ss}a{sv}", "told", "1", "1", "vendor_id", "8086", "0")
    assert not error, error
    wait_for(lambda: f"{ROOT}/alias/told" in w.log("listening"), "the alias that comes later")
    listening.kill()
    assert w.log("listening").count("member=InterfacesAdded") == 1, w.log("listening")
    assert w.call(ROOT, MANAGER, "RemoveAlias", "sa{sv}", "told", "0")[1] is None


@test
def what_only_the_start_needed_is_given_back():
    def kilobytes(name):
        status = pathlib.Path(f"/proc/{w.processes['daemon'].pid}/status").read_text(encoding="ascii")
        return int(re.search(rf"{name}:\s+(\d+)", status).group(1))

    restart()
    if "libasan" in pathlib.Path(f"/proc/{w.processes['daemon'].pid}/maps").read_text(encoding="ascii"):
        raise tap.Skip("a sanitizer has memory of its own")
    wait_for(connected, "libvirt")
    wait_for(lambda: 2 * kilobytes("VmRSS") < kilobytes("VmHWM"), "memory that is given back")
    print(f"# {kilobytes('VmRSS')} KiB resident, {kilobytes('VmHWM')} KiB at the most", flush=True)


@test
def a_call_before_the_first_reconcile_waits_for_it():
    w.processes["libvirtd"].send_signal(signal.SIGSTOP)
    try:
        restart()
        calling = w.start("calling", ["busctl", "--system", "--timeout=60", "call", NAME, ROOT, MANAGER, "Attach",
                                      "ssa{sv}", "test", "nic", "0"])
        # It has been received when a call that came after it is answered.
        for _ in range(20):
            w.call_raw(ROOT, "org.freedesktop.DBus.Peer", "Ping", "")
        assert calling.poll() is None and not w.attachments()
    finally:
        w.processes["libvirtd"].send_signal(signal.SIGCONT)
    assert calling.wait(60) == 0, w.log("calling")
    w.processes.pop("calling")
    for path in w.attachments():
        assert w.detach(path) is None


@test
def the_uri_of_the_environment_wins_and_an_empty_one_is_none():
    w.configure(world.CONFIGURATION + f"[Service]\nLibvirtUri={NOWHERE}\n")
    restart()
    wait_for(connected, "libvirt")
    assert w.property(ROOT, MANAGER, "LibvirtUri") == w.uri
    restart({"LIBVIRT_DEFAULT_URI": ""})
    assert w.property(ROOT, MANAGER, "LibvirtUri") == NOWHERE


@test
def a_uri_that_is_reloaded_waits_for_the_next_start_and_says_so():
    w.configure(world.CONFIGURATION + f"[Service]\nLibvirtUri={w.uri}\n")
    answer, error = w.call_raw(ROOT, MANAGER, "Reload", "")
    assert not error, error
    assert w.property(ROOT, MANAGER, "LibvirtUri") == NOWHERE
    assert "is used from the next start on" in w.log("daemon")
    w.configure(world.CONFIGURATION)
    restart()
    wait_for(connected, "libvirt")


@test
def a_hangup_is_a_reload():
    def pools():
        return sorted(path for path in w.objects() if "/pool/" in path)

    before = pools()
    daemon = w.processes["daemon"]
    w.configure("[Pool more\n", "hostdevd.conf.d/50-more.conf")
    daemon.send_signal(signal.SIGHUP)
    wait_for(lambda: "50-more.conf:1:" in w.log("daemon"), "the error in the log")
    assert pools() == before and daemon.poll() is None
    w.configure("[Pool more]\n", "hostdevd.conf.d/50-more.conf")
    daemon.send_signal(signal.SIGHUP)
    wait_for(lambda: pools() == sorted([*before, ROOT + "/pool/more"]), "the pool")
    (w.configuration / "hostdevd.conf.d" / "50-more.conf").unlink()
    daemon.send_signal(signal.SIGHUP)
    wait_for(lambda: pools() == before, "its end")


@test
def another_service_on_the_same_state_is_refused():
    second = w.start("second", [w.program("service/hostdevd")], user="hostdevd",
                     environment={"STATE_DIRECTORY": str(w.state), "CONFIGURATION_DIRECTORY": str(w.configuration)})
    assert second.wait(60) == 1
    assert str(w.state) in w.log("second"), w.log("second")
    w.processes.pop("second")


@test
def a_configuration_with_an_error_is_no_start():
    w.configure("[Pool nics]\nMach=vendor_id=8086\n")
    w.stop("daemon")
    process = w.daemon(wait=False)
    assert process.wait(60) == 78
    assert "hostdevd.conf:2:" in w.log("daemon")
    w.configure(world.CONFIGURATION)
    w.daemon()
    wait_for(connected, "libvirt")


@test
def with_a_damaged_journal_it_is_read_but_nothing_is_changed():
    import dbus

    path, error = w.attach("test", "nic:2")
    assert not error, error
    w.stop("daemon")
    journal = w.state / "journal"
    good = journal.read_bytes()
    journal.write_bytes(good.replace(b'"request":"nic:2"', b'"request":"nic:3"', 1))
    damaged = journal.read_bytes()
    assert damaged != good
    w.daemon()
    wait_for(connected, "libvirt")
    domains = w.everything()[1]
    for arguments in (("Attach", "ssa{sv}", "test", "vf", {}),
                      ("AddPool", "saa{ss}a{sv}", "new", dbus.Array([], signature="a{ss}"), {})):
        answer, error = w.call_raw(ROOT, MANAGER, *arguments)
        assert error, arguments
    # What libvirt has is not given away, though it is not known whose it was.
    assert w.device("0000:21:00.0")["State"] in ("attached", "unavailable")
    assert journal.read_bytes() == damaged and w.everything()[1] == domains
    w.stop("daemon")
    journal.write_bytes(good)
    w.daemon()
    wait_for(lambda: w.property(path, "org.hostdev1.Attachment", "State") == "attached", "the attachment")
    assert w.detach(path) is None


@test
def host_ready_says_what_the_checks_say():
    def ready_by_checks():
        answer, error = w.call(ROOT, MANAGER, "CheckHost")
        assert not error, error
        return all(result != "fail" for _, result, _, _ in answer[0])

    switch = w.sys / "module" / "vfio_iommu_type1" / "parameters" / "allow_unsafe_interrupts"
    switch.parent.mkdir(parents=True, exist_ok=True)
    # In a made host no interrupt is remapped.
    for value, ready in (("N", False), ("Y", True), ("N", False)):
        switch.write_text(value + "\n")
        assert ready_by_checks() is ready
        assert w.property(ROOT, MANAGER, "HostReady") is ready
    switch.write_text("Y\n")
    w.made_host("event", "change", "0000:21:00.0")
    wait_for(lambda: w.property(ROOT, MANAGER, "HostReady"), "the property to follow")
    switch.unlink()


@test
def nobody_else_may_be_the_service():
    for user in (None, "lab"):
        done = w.run(["busctl", "--system", "call", "org.freedesktop.DBus", "/org/freedesktop/DBus",
                      "org.freedesktop.DBus", "RequestName", "su", NAME, "0"], user)
        assert done.returncode != 0 and "denied" in done.stderr.lower(), done.stderr


@test
def a_signal_to_the_service_alone_does_not_arrive():
    import dbus
    import dbus.lowlevel

    signal_message = dbus.lowlevel.SignalMessage("/org/freedesktop/DBus", "org.freedesktop.DBus", "NameOwnerChanged")
    signal_message.append(":1.1", ":1.1", "")
    signal_message.set_destination(NAME)
    # A monitor is shown what the bus refuses, and what it says to the sender.
    watching = w.start("watching", ["dbus-monitor", "--system", "type=error"])

    def is_refused():
        w.connection().send_message(signal_message)
        w.connection().flush()
        return "Rejected send message" in w.log("watching")

    wait_for(is_refused, "the bus to refuse the signal")
    assert 'member="NameOwnerChanged"' in w.log("watching"), w.log("watching")
    assert watching.poll() is None


@test
def it_says_what_it_is_without_a_bus():
    for option, text in (("--version", "hostdevd "), ("--help", "--version")):
        done = w.run([w.program("service/hostdevd"), option], "lab")
        assert done.returncode == 0 and text in done.stdout, done
    done = w.run([w.program("service/hostdevd"), "--frobnicate"], "lab")
    assert done.returncode == 64 and done.stderr.strip(), done


@test
def without_its_bus_it_ends_and_says_why():
    process = w.processes["daemon"]
    w.stop("bus", signal.SIGKILL)
    assert process.wait(60) == 1
    assert "the bus closed the connection" in w.log("daemon")


if __name__ == "__main__":
    world.enter()
    world.main(sys.modules[__name__], sys.argv[1])
