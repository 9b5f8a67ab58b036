#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Large answers, on a host of 4,096 devices with the longest names: none above 16 MiB, also with many aliases that mean all
devices; and many at once take little memory."""

import os
import pathlib
import re
import socket
import subprocess
import sys

import world
from tap import test
from world import MANAGER, ROOT

sys.path.append(str(world.SOURCE / "tests" / "security"))
from callers import ADDRESS, Caller, Gio, GLib  # noqa: the path comes first

FUNCTIONS, ANSWER_SIZE = 4096, 16 << 20
# The longest names of pci.ids.
LONGEST = ("17df", "1901")
LIMIT = "org.hostdev1.Error.LimitExceeded"

CONFIGURATION = """\
[Pool all]
Match=vendor_id=17df

[Alias vf]
Match=vendor_id=17df product_id=1901 device_type=type-VF
"""


class LargeWorld(world.World):
    """Its many files are in memory."""

    def host(self, *arguments):
        self.sys = self.directory / "sys"
        self.sys.mkdir()
        world.mount("-t", "tmpfs", "tmpfs", self.sys)
        super().host(*arguments)

    def close(self):
        subprocess.run(["umount", "--lazy", self.sys], check=True)
        super().close()


def make(build):
    w = LargeWorld(build)
    w.host("--functions", FUNCTIONS)
    made = [path for path in (w.sys / "bus" / "pci" / "devices").iterdir() if path.name[:4] != "0000"]
    assert len(made) == FUNCTIONS
    for path in made:
        for name, value in zip(("vendor", "device"), LONGEST):
            (path / name).write_text(f"0x{value}\n")
        rest = (path / "modalias").read_text().partition("sv")[2]
        (path / "modalias").write_text("pci:v0000{}d0000{}sv{}".format(*map(str.upper, LONGEST), rest))
    w.bus()
    w.polkit()
    w.configure(CONFIGURATION)
    w.truth = world.Truth(w)
    w.fake_daemon()
    return w


def answer_size(caller, path, interface, member, arguments=None):
    """Bytes of the answer on the bus, or the name of the error."""
    call = Gio.DBusMessage.new_method_call(world.NAME, path, interface, member)
    if arguments:
        call.set_body(arguments)
    answer, _ = caller.bus.send_message_with_reply_sync(call, Gio.DBusSendMessageFlags.NONE, 60000, None)
    return answer.get_error_name() or len(answer.to_blob(Gio.DBusCapabilityFlags.NONE))


def memory(word):
    """In KiB."""
    return int(re.search(rf"{word}:\s+(\d+)", (daemon() / "status").read_text(encoding="ascii")).group(1))


def daemon():
    return pathlib.Path(f"/proc/{w.processes['daemon'].pid}")


class Impatient:
    """A connection that sends calls without waiting, and takes the answers without reading them."""

    def __init__(self, user):
        uid = world.USERS[user]
        self.socket, self.serial = socket.socket(socket.AF_UNIX), 0
        os.seteuid(uid)
        try:
            self.socket.connect(ADDRESS.partition("path=")[2])
            self.socket.sendall(b"\0AUTH EXTERNAL " + str(uid).encode().hex().encode() + b"\r\n")
            assert self.socket.recv(4096).startswith(b"OK ")
        finally:
            os.seteuid(0)
        self.socket.sendall(b"BEGIN\r\n")
        bus = "org.freedesktop.DBus"
        self.send(bus, "/org/freedesktop/DBus", bus, "Hello")

    def send(self, *whom):
        call = Gio.DBusMessage.new_method_call(*whom)
        self.serial += 1
        call.set_serial(self.serial)
        self.socket.sendall(call.to_blob(Gio.DBusCapabilityFlags.NONE))

    def take(self, size):
        while size > 0:
            size -= len(self.socket.recv(1 << 16)) or size


@test
def large_answers_are_made_one_after_the_other():
    objects = ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"
    size, calls, crowd = answer_size(Caller("lab"), *objects), 40, Impatient("lab")
    (daemon() / "clear_refs").write_text("5")  # what it has at the most counts from here
    before = memory("VmHWM")
    for _ in range(calls):
        crowd.send(world.NAME, *objects)
    crowd.take(calls * size)
    more = memory("VmHWM") - before
    print(f"# {calls} answers of {size / (1 << 20):.2f} MiB each at once: {more / 1024:.1f} MiB more at the most")
    assert more << 10 <= 2.5 * size
    crowd.socket.close()


@test
def no_answer_is_above_sixteen_mebibytes():
    lab, sizes, names = Caller("lab"), [], []
    objects = ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects"
    match = [{"vendor_id": LONGEST[0], "device_type": kind} for kind in ("type-VF", "type-PF")]
    while not sizes or not isinstance(sizes[-1], str):
        assert len(names) < 200, sizes
        sizes.append(answer_size(lab, *objects))
        for _ in range(10):
            names.append(f"{len(names)}-".ljust(64, "x"))
            _, error = lab.call(ROOT, MANAGER, "AddAlias", "(saa{ss}a{sv})", (names[-1], match, {}))
            assert not error, error
    print(f"# {FUNCTIONS} devices with long names: GetManagedObjects {sizes[0] / (1 << 20):.2f} MiB, with"
          f" {10 * (len(sizes) - 2)} aliases of all of them {sizes[-2] / (1 << 20):.2f} MiB, then {sizes[-1]}")
    assert sizes.pop() == LIMIT and max(sizes) <= ANSWER_SIZE and len(sizes) > 2

    # One after the other they are to be had, and what is about all devices too.
    alias = f"{ROOT}/alias/vf"
    for path, interface, member, arguments in (
            (alias, "org.freedesktop.DBus.Properties", "GetAll", GLib.Variant("(s)", ("org.hostdev1.Alias",))),
            (f"{ROOT}/pool/all", "org.freedesktop.DBus.Properties", "GetAll", GLib.Variant("(s)", ("org.hostdev1.Pool",))),
            (ROOT, "org.freedesktop.DBus.Introspectable", "Introspect", None),
            (f"{ROOT}/device", "org.freedesktop.DBus.Introspectable", "Introspect", None),
            (ROOT, MANAGER, "Explain", GLib.Variant("(sa{sv})", ("vf", {}))),
            (ROOT, MANAGER, "Explain", GLib.Variant("(sa{sv})", (",".join(["vf"] * 16), {})))):
        size = answer_size(lab, path, interface, member, arguments)
        print(f"# {member} of {path}: {size}")
        assert size == LIMIT if isinstance(size, str) else size <= ANSWER_SIZE, size


if __name__ == "__main__":
    world.enter()
    world.main(sys.modules[__name__], sys.argv[1], make)
