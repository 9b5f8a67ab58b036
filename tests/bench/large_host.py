# SPDX-License-Identifier: LGPL-2.1-or-later
"""The host that is measured, made of files (see tests/fakes/made-host), and the parts around it.

Of FUNCTIONS functions three quarters are ports of a card with SR-IOV, each a PF with 31 VFs, a bus and an IOMMU group
of its own for every function, on both NUMA nodes by turns; the rest are cards of two functions in one IOMMU group. It
is the host that decide.c makes in memory.
"""

import contextlib
import importlib.machinery
import importlib.util
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "daemon"), str(HERE.parent / "lint")]

import world  # noqa: the path comes first
from world import MANAGER, ROOT, wait_for  # noqa

PORT_FUNCTIONS = 32
FLOOR = "org.hostdev1.Floor"

CONFIGURATION = """\
[Pool all]
Match=vendor_id=8086 tag.rack=1
Match=vendor_id=10de tag.rack=1

[Alias a1]
Match=vendor_id=8086 product_id=0002 device_type=type-VF
NumaPolicy=preferred

[Alias b]
Match=vendor_id=8086 device_type=type-VF bus=.[0-7]
NumaPolicy=preferred

[Alias gpu]
Match=vendor_id=10de product_id=0101
NumaPolicy=preferred
Unit=slot
"""

# The bus lets root take the floor's name, and everybody call it.
FLOOR_POLICY = f"""\
<busconfig><policy user="root"><allow own="{FLOOR}"/></policy>
<policy context="default"><allow send_destination="{FLOOR}"/></policy></busconfig>
"""


def load_made_host():
    loader = importlib.machinery.SourceFileLoader("made_host", str(world.FAKES / "made-host"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("made_host", loader))
    loader.exec_module(module)
    return module


made_host = load_made_host()


def address_of(domain, bus, slot, function):
    return f"{domain:04x}:{bus:02x}:{slot:02x}.{function}"


def add_port(tree, number, virtual=True):
    """A PF and, where wanted, its VFs; returns the addresses of the VFs."""
    node, physical = str(number % 2), address_of(0, number, 0, 0)
    tree.add(physical, device="0001", node=node, group=str(number * PORT_FUNCTIONS), driver="ixgbe",
             totalvfs=str(PORT_FUNCTIONS - 1), interface=f"enp{number}s0")
    others = [address_of(0, number, function // 8, function % 8) for function in range(1, PORT_FUNCTIONS)]
    for function, address in enumerate(others if virtual else [], 1):
        tree.add(address, device="0002", node=node, group=str(number * PORT_FUNCTIONS + function), driver="ixgbevf",
                 physfn=physical, reset="flr")
    return others


def add_cards(tree, first, last):
    for number in range(first, last):
        bus = number // 64
        tree.add(address_of(1, bus, number % 64 // 2, number % 2), vendor="10de", device=f"{0x101 + number % 2:04x}",
                 **{"class": "030000" if number % 2 == 0 else "040300"}, node=str(bus % 2),
                 group=str(100000 + number // 2), reset="bus", subsystem_vendor="10de")


def make(directory, functions):
    tree = made_host.Tree(directory)
    made_host.add_surroundings(tree)
    ports = functions * 3 // 4 // PORT_FUNCTIONS
    for number in range(ports):
        add_port(tree, number)
    add_cards(tree, ports * PORT_FUNCTIONS, functions)
    return tree


def make_ports(directory, ports, virtual):
    """A host of ports alone; returns the tree and the addresses of all VFs, which are there only where wanted."""
    tree = made_host.Tree(directory)
    made_host.add_surroundings(tree)
    return tree, [address for number in range(ports) for address in add_port(tree, number, virtual)]


class Large(world.World):
    """A world with such a host, a libvirtd that also knows node devices, and whatever is measured."""

    def __init__(self, build):
        super().__init__(build)
        policy = self.directory / "etc-dbus-1" / "system.d" / "floor.conf"
        policy.write_text(FLOOR_POLICY)
        self.bench = self.build / "tests" / "bench"
        world.mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", self.empty("trees"))

    def close(self):
        super().close()
        subprocess.run(["umount", "--lazy", self.directory / "trees"], check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def empty(self, name):
        path = self.directory / name
        path.mkdir()
        return path

    def show(self, tree):
        """Makes a tree the host's /sys, above what was there."""
        world.mount("--bind", tree.root, "/sys")
        self.sys = pathlib.Path(tree.root)

    def hide(self):
        """What was there before is the host's /sys again."""
        subprocess.run(["umount", "/sys"], check=True)

    def large_host(self, functions):
        self.show(make(self.empty("trees/sys"), functions))

    def start_all(self, functions):
        self.large_host(functions)
        self.bus()
        self.polkit()
        self.libvirtd()
        self.configure(CONFIGURATION)

    def libvirtd(self):
        """Its socket is also where everybody looks for it."""
        uri = super().libvirtd()
        os.symlink(self.directory / "libvirt-sockets" / "libvirt-sock", "/run/libvirt/libvirt-sock")
        return uri

    def restart_libvirtd(self, functions):
        """Starts it once more; seconds until it has listed so many devices."""
        self.stop("keeper")
        self.stop("libvirtd")
        began = time.monotonic()
        self.start("libvirtd", ["libvirtd", "-f", self.directory / "libvirt" / "libvirtd.conf", "-p",
                                self.directory / "libvirt" / "pid"])
        wait_for(lambda: len(self.node_devices(check=False)) == functions, "libvirtd's devices")
        took = time.monotonic() - began
        self.start("keeper", ["virsh", "-c", self.uri, "event", "--loop", "--all", "--domain", "test"])
        return took

    def libvirt_dbus(self):
        """As its unit runs it, by its own user."""
        self.start("libvirt-dbus", ["setpriv", "--reuid=libvirtdbus", "--regid=libvirtdbus", "--init-groups",
                                    "libvirt-dbus", "--system"])
        self.wait_name("org.libvirt")

    def node_devices(self, check=True):
        """Names of libvirtd's PCI node devices; it answers when it has looked at all of them."""
        return self.run(["virsh", "-q", "-c", "qemu:///system", "nodedev-list", "--cap", "pci"], check=check).stdout.split()

    def define(self, *names):
        """Domains of the test driver that do not run."""
        commands = []
        for name in names:
            path = self.open_file(f"{name}.xml")
            path.write_text(f"<domain type='test'><name>{name}</name><memory>1024</memory>"
                            "<os><type>hvm</type></os></domain>")
            commands.append(f"define {path}\n")
        self.virsh(text="".join(commands))

    def open_file(self, name):
        """An empty file that everybody may write."""
        path = self.directory / name
        path.touch()
        path.chmod(0o666)
        return path

    @contextlib.contextmanager
    def traced(self, pid, calls):
        """Meanwhile strace watches a process; afterwards the trace has its lines."""
        trace, name = Trace(self.open_file(f"trace-{pid}")), f"strace-{pid}"
        process = self.start(name, ["strace", "-f", "-q", "-ttt", "-T", "-e", f"trace={calls}", "-e", "signal=none", "-o", trace.path,
                                        "-p", pid])
        wait_for(lambda: all("TracerPid:\t0" not in status.read_text(encoding="ascii")
                             for status in pathlib.Path(f"/proc/{pid}/task").glob("*/status")), "strace")
        yield trace
        assert process.poll() is None, self.log(name)
        self.stop(name, signal.SIGINT)

    def start_daemon(self, more=None):
        """It runs, knows libvirt, and has nothing left to do."""
        # What it would say in detail is no part of what is measured.
        settings = {"STATE_DIRECTORY": str(self.state), "CONFIGURATION_DIRECTORY": str(self.configuration),
                    "LIBVIRT_DEFAULT_URI": self.uri}
        process = self.start("daemon", [self.program("service/hostdevd")], user="hostdevd",
                             environment={**settings, **(more or {})})
        self.wait_name(world.NAME, process)
        wait_for(lambda: self.property(ROOT, MANAGER, "LibvirtConnected"), "libvirt")
        self.wait_idle(process.pid)
        return process

    def wait_idle(self, pid, quiet=0.2, seconds=120):
        """Until the main thread of a process has used no processor time for so many seconds."""
        used = []

        def is_idle():
            used.append(pathlib.Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0])
            wanted = round(quiet / 0.02)
            return len(used) > wanted and len(set(used[-wanted:])) == 1
        wait_for(is_idle, f"process {pid} to be idle", seconds)


class Trace:
    """What strace wrote."""

    def __init__(self, path):
        self.path = path

    def lines(self):
        """The calls that began while it watched."""
        return [line for line in self.path.read_text(encoding="utf-8").splitlines()
                if "resumed>" not in line and "detached" not in line and "exited with" not in line]

    def wakes(self, pid):
        """How often the main thread, and how often others, came back from a call that waits; what comes in one go is one."""
        counts, last = [0, 0], {}
        for line in self.path.read_text(encoding="utf-8").splitlines():
            thread, when, call = line.split(None, 2)
            took = re.search(r"\) += .*<([\d.]+)>$", call)
            if not took:
                continue  # it waits still
            # A call that was written in one line has the time of its begin.
            back = float(when) + (0 if call.startswith("<...") else float(took.group(1)))
            if back - last.get(thread, 0) > 0.05:
                counts[int(thread) != pid] += 1
            last[thread] = back
        return counts


def memory_of(pid):
    """KiB: resident, and its proportional share of that."""
    lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
    values = {line.split(":")[0]: int(line.split()[1]) for line in lines}
    return values["Rss"], values["Pss"]
