# SPDX-License-Identifier: LGPL-2.1-or-later
"""A made host whose tree changes, by chance that a seed repeats, while events rain on the daemon."""

import ctypes
import importlib.machinery
import importlib.util
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import time

import host_model
from trial import ROOT, WEB, world

LIMIT = 30  # seconds; settled takes a fraction of one
PIDFD_OPEN, PIDFD_GETFD = 434, 438  # system calls, the same everywhere

CONFIGURATION = world.CONFIGURATION + "\n[Alias only]\nMatch=address=0000:21:00.0\n"

# Where devices come and go: below bridges and beside them, functions of one card, virtual functions.
PLACES = ["0000:21:00.0", "0000:22:00.0", "0000:23:00.0", "0000:41:00.0", "0000:41:00.1", "0000:c1:00.0", "0000:c1:00.1",
          "0000:42:00.0", "0000:42:00.1", "0000:42:00.7", "0000:50:1f.6", "0001:00:00.0"]
VIRTUAL = {f"0000:41:10.{number}": f"0000:41:00.{number % 2}" for number in range(8)}
BRIDGE = "0000:40:01.0"
KINDS = [("8086", "10d3", "020000"), ("8086", "10d3", "020000"), ("10de", "2204", "030000"), ("10de", "1aef", "040300"),
         ("8086", "0a54", "010802"), ("8086", "2030", "060400"), ("1af4", "1041", "020000")]
DRIVERS = ["", "e1000e", "vfio-pci", "nouveau"]


def load_made_host():
    loader = importlib.machinery.SourceFileLoader("made_host", str(world.FAKES / "made-host"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("made_host", loader))
    loader.exec_module(module)
    return module


made_host = load_made_host()


def plain(value):
    """What the bus gave, in words of Python."""
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, str) else int(value)


class Rain:
    def __init__(self, build, seed):
        self.random = random.Random(seed)
        self.w = world.with_fake(build, CONFIGURATION)
        self.pid = self.w.processes["daemon"].pid
        self.sender = self.w.program("tests/reliability/send-events")
        self.holds = {}  # address -> who has what was there
        self.moved = set()  # addresses where something has changed in this round
        self.settled = []  # seconds, of each time

    def tree(self):
        return made_host.Tree("/sys")

    # What is looked at.

    def queues(self):
        """The daemon's own sockets for events, as the kernel lists them: inode -> row."""
        rows = [line.split() for line in open("/proc/net/netlink", encoding="ascii").read().splitlines()[1:]]
        rows = {row[9]: row for row in rows if row[1] == "15"}
        return {fd: rows[inode] for fd, inode in self.descriptors() if inode in rows}

    def descriptors(self):
        directory = f"/proc/{self.pid}/fd"
        for fd in os.listdir(directory):
            try:
                found = re.match(r"socket:\[(\d+)\]", os.readlink(f"{directory}/{fd}"))
            except FileNotFoundError:
                continue  # it was open for a moment
            if found:
                yield int(fd), found.group(1)

    def sockets(self):
        """Bytes that wait for the daemon, and how many events were lost so far."""
        rows = self.queues().values()
        return sum(int(row[4]) for row in rows), sum(int(row[8]) for row in rows)

    def first_queue(self):
        """Descriptor and row of the queue for functions, which is the one that an event of one reaches."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            self.tell([("change", "0000:00:00.0")])
            return next((fd, row) for fd, row in self.queues().items() if int(row[4]) > 0)
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def port_of_functions(self):
        return int(self.first_queue()[1][2]) & 0xffffffff

    def queue_of_functions(self):
        """The daemon's own socket, in our hands: to make its queue longer or shorter."""
        libc = ctypes.CDLL(None, use_errno=True)
        fd = self.first_queue()[0]
        process = libc.syscall(PIDFD_OPEN, self.pid, 0)
        copy = libc.syscall(PIDFD_GETFD, process, fd, 0)
        assert process >= 0 and copy >= 0, os.strerror(ctypes.get_errno())
        os.close(process)
        return socket.socket(fileno=copy)

    def scans(self):
        return self.w.log("daemon").count("Reading all devices again")

    def differences(self):
        answer, error = self.w.call_raw(ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", "", seconds=LIMIT)
        assert not error, f"{error}, it ended: {self.w.processes['daemon'].poll()}\n{self.w.log('daemon')[-3000:]}"
        return host_model.differences(plain(answer), host_model.read_host(), self.holds)

    def check_settled(self, quiet):
        """Until all events are taken and every object is right, since it has been quiet."""
        while True:
            taken = self.sockets()[0] == 0
            problems = self.differences()
            took = time.monotonic() - quiet
            if taken and not problems:
                self.settled.append(took)
                return
            assert took < LIMIT, "\n".join([f"after {took:.0f} s of quiet, all events taken: {taken}", *problems])
            time.sleep(0.002)

    def memory(self):
        """KiB that are resident, and open descriptors, while it stands still between two turns of its loop."""
        assert self.w.call_raw(ROOT, "org.freedesktop.DBus.Peer", "Ping", "")[1] is None
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)), len(os.listdir(f"/proc/{self.pid}/fd"))

    def is_sanitized(self):
        return "libasan" in pathlib.Path(f"/proc/{self.pid}/maps").read_text(encoding="ascii", errors="replace")

    # What is sent.

    def lies(self, about):
        """Lines for the sender: everything that is, was, or never will be at an address."""
        tree, lines = self.tree(), []
        for address in about:
            path = (tree.function(address) or tree.place(address))[len(tree.root):]
            lines += [f"pci {path}", f"net {path}/net/lan0", f"block {path}/nvme/nvme0/nvme0n1", f"vdpa {path}/vdpa0"]
        lines += ["net /devices/virtual/net/tap7", "block /devices/virtual/block/dm-0", "input /devices/virtual/input/input3",
                  "pci /devices/pci0000:00", "pci /", "pci /devices/pci0000:00/0000:zz:00.0"]
        return "\n".join(lines) + "\n"

    def flood(self, count, *port, about=None, user=None, wrap=()):
        """Starts a sender; its process."""
        about = [about] if about else [*PLACES, *VIRTUAL, BRIDGE, "0000:00:00.0", "0000:77:00.0", "ffff:ff:1f.7"]
        who = {"user": world.USERS[user], "group": world.USERS[user], "extra_groups": []} if user else {}
        lines = self.lies(about)
        process = subprocess.Popen([*wrap, self.sender, str(count), str(self.random.randrange(1 << 30)), *map(str, port)],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **who)
        process.stdin.write(lines)
        process.stdin.close()
        process.stdin = None
        return process

    def sent(self, process):
        """How many events a sender has sent, how many were refused, and how long it took."""
        text = process.communicate(timeout=600)[0]
        found = re.fullmatch(r"(\d+) sent, (\d+) refused, ([\d.]+) s\n", text)
        assert process.returncode == 0 and found, f"the sender ended with {process.returncode}: {text}"
        return int(found.group(1)), int(found.group(2)), float(found.group(3))

    def tell(self, events):
        tree = self.tree()
        for action, address in events:
            tree.notify(action, address)

    # What changes in the tree.

    def put(self, address, *words):
        """That function, whatever was there."""
        verb = "swap" if self.tree().function(address) else "add"
        self.tell(made_host.change(self.tree(), verb, address, list(words)))
        self.check_settled(time.monotonic())

    def draw_function(self):
        draw = self.random.choice
        vendor, device, kind = draw(KINDS)
        values = {"vendor": vendor, "device": device, "class": kind, "driver": draw(DRIVERS),
                  "node": draw(["-1", "0", "1"]), "group": draw(["", "20", "40", "41", "50", "51", "52"]),
                  "power": draw(["D0", "D3hot", "unknown"]), "reset": draw(["", "flr", "flr bus"]),
                  "subsystem_vendor": draw(["0000", "8086"]), "subsystem_device": draw(["0000", "0001", "0002"])}
        if vendor == "1af4":
            values["totalvfs"] = "7"
        return values

    def draw_virtual(self, address, values):
        """As far as there is a physical function; else None."""
        parent = self.tree().function(VIRTUAL[address])
        if not parent:
            return None
        return {**values, "class": "020000", "device": "10ed", "totalvfs": "", "physfn": VIRTUAL[address]}

    def draw_change(self):
        """One change of the tree: verb, address and words, as made-host takes them; None: nothing can be done there."""
        address = self.random.choice([*PLACES, *VIRTUAL, BRIDGE])
        there = self.tree().function(address)
        if address == BRIDGE:
            return ("remove", address, []) if there else ("add", address, ["class=060400", "bus=41", "group=4"])
        values = self.draw_function()
        if address in VIRTUAL:
            values = self.draw_virtual(address, values)
            if not values:
                return None
        verb = self.random.choice(["remove", "swap", "swap", "bind", "set"]) if there else "add"
        if verb == "bind":
            return verb, address, [values["driver"]]
        return verb, address, [f"{key}={value}" for key, value in values.items()]

    def touched_by(self, verb, address):
        """With what is below it, and its virtual functions."""
        tree, found = self.tree(), {address}
        path = tree.function(address)
        if path and verb in ("remove", "swap"):
            found |= {other for other in [*PLACES, *VIRTUAL] if (tree.function(other) or "").startswith(path + "/")}
            found |= {other for other in VIRTUAL if VIRTUAL[other] in found and tree.function(other)}
        return found

    def change(self):
        """Changes the tree once; the events that belong to it."""
        drawn = self.draw_change()
        if not drawn:
            return []
        verb, address, words = drawn
        touched = self.touched_by(verb, address)
        if touched & self.moved & self.holds.keys():
            return []  # what a held one was just before it left must be certain
        self.moved |= touched
        if verb != "set":
            return made_host.change(self.tree(), verb, address, words)
        name, value = self.random.choice([("power_state", "D3cold"), ("numa_node", "1"), ("reset_method", "bus")])
        made_host.write(os.path.join(self.tree().function(address), name), value + "\n")
        return [("change", address)]

    # Who holds what.

    def change_holder(self):
        """Somebody takes a device, or gives it back: the daemon for a caller, or another tool in libvirt."""
        if self.holds and self.random.random() < 0.4:
            self.release(self.random.choice(sorted(self.holds)))
        elif self.random.random() < 0.7:
            self.attach(self.random.choice(["nic", "vf", "gpu"]))
        else:
            self.take()

    def attach(self, request):
        path, error = self.w.attach("web", request)
        if error:
            assert "asked" in error or "IOMMU" in error, error
            return
        host = host_model.read_host()
        for device in self.w.property(path, "org.hostdev1.Attachment", "Devices"):
            address = re.sub("_(..)_(..)_", r":\1:\2.", device.rsplit("pci_", 1)[1])
            assert address in host and address not in self.holds, f"{address} was given, and is not free"
            self.holds[address] = host_model.Hold("attachment:" + path.rsplit("/", 1)[1], host[address])

    def take(self):
        """With another tool: the definition of a domain names it."""
        host = host_model.read_host()
        address = self.random.choice(sorted(host))
        if address not in self.holds and not host_model.is_bridge(host[address]):
            self.w.truth.ask("foreign-attach", uuid=WEB, address=address, config=True)
            self.holds[address] = host_model.Hold("domain:web", host[address])

    def release(self, address):
        holder = self.holds[address].holder
        if holder == "domain:web":
            self.w.truth.ask("foreign-detach", uuid=WEB, address=address, live=True, config=True)
            del self.holds[address]
            return
        error = self.w.detach(self.holds[address].attachment)
        assert not error, error
        self.holds = {other: hold for other, hold in self.holds.items() if hold.holder != holder}

    def release_all(self):
        while self.holds:
            self.release(min(self.holds))

    def refresh_records(self):
        """A held device that is still there is known as it is now."""
        host = host_model.read_host()
        for address, hold in self.holds.items():
            if address in host and host_model.same_device(host[address], hold.record):
                hold.record = host[address]
