# SPDX-License-Identifier: LGPL-2.1-or-later
"""A libvirtd with its QEMU driver, as an ordinary user has it: definitions and running guests outlive it.

What domains hold is read from its own files, so that nobody need be asked.
"""

import os
import pathlib
import re
import signal
import threading
import time
import xml.etree.ElementTree as ElementTree

from trial import wait_for, world

UUIDS = {name: f"{digit * 8}-2222-3333-4444-555555555555" for name, digit in (("one", "a"), ("two", "b"), ("runs", "c"))}
USER = "hostdevd"
EMULATOR = pathlib.Path("/usr/bin/qemu-system-x86_64")

DOMAIN = """\
<domain type='qemu'>
  <name>{name}</name><uuid>{uuid}</uuid><memory>32768</memory>
  <os><type machine='q35'>hvm</type></os>
  <devices><emulator>{emulator}</emulator><memballoon model='none'/></devices>
</domain>
"""


def reap_emulators():
    """An emulator leaves the process that started it, and comes to us: we are the first process of this world."""
    while True:
        for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                pid, name, state = re.match(r"(\d+) \((.*)\) (.)", path.read_text()).groups()
                if state == "Z" and name.startswith("qemu-system"):
                    os.waitpid(int(pid), os.WNOHANG)
            except (OSError, ChildProcessError):
                pass  # it is gone, or another's
        time.sleep(0.02)


def held(hostdev):
    source, alias = hostdev.find("source/address"), hostdev.find("alias")
    domain, bus, slot, function = (int(source.get(key), 16) for key in ("domain", "bus", "slot", "function"))
    return {"address": f"{domain:04x}:{bus:02x}:{slot:02x}.{function:x}", "alias": alias.get("name") if alias is not None else ""}


class Libvirtd:
    """All of its files are in the world's directory. Domains "one" and "two" are defined; "runs" runs, paused."""

    def __init__(self, w):
        self.w = w
        self.home = w.directory / "libvirt"
        self.socket = self.home / "libvirt" / "libvirt-sock"
        self.home.mkdir()
        os.chown(self.home, world.USERS[USER], world.USERS[USER])
        threading.Thread(target=reap_emulators, daemon=True).start()
        w.uri = f"qemu+unix:///session?socket={self.socket}&mode=direct"
        self.start()
        for name, uuid in UUIDS.items():
            w.virsh("define", "/dev/stdin", text=DOMAIN.format(name=name, uuid=uuid, emulator=EMULATOR))
        w.virsh("start", "--paused", "runs")

    def start(self):
        """Until it answers; gives when that was."""
        environment = {name: str(self.home) for name in ("HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
        self.w.start("libvirtd", ["libvirtd", "-f", "/dev/null", "-p", self.home / "pid"], user=USER,
                     environment=environment)
        wait_for(lambda: self.w.virsh("list", "--name", check=False).returncode == 0, "libvirtd")
        return time.monotonic()

    def kill(self):
        self.w.stop("libvirtd", signal.SIGKILL)

    def files(self):
        """Where each domain is written down: (UUID, side, path)."""
        for name, uuid in UUIDS.items():
            yield uuid, "live", self.home / "libvirt" / "qemu" / "run" / f"{name}.xml"
            yield uuid, "config", self.home / "libvirt" / "qemu" / f"{name}.xml"

    def versions(self):
        """Changes whenever one of the files does, which are never written in place."""
        found = []
        for _, _, path in self.files():
            try:
                status = path.stat()
                found.append((status.st_ino, status.st_mtime_ns))
            except FileNotFoundError:
                found.append(None)
        return found

    def domains(self):
        """As the checker wants them."""
        found = {uuid: {"uuid": uuid, "running": False, "live": [], "config": []} for uuid in UUIDS.values()}
        for uuid, side, path in self.files():
            try:
                tree = ElementTree.parse(path)
            except FileNotFoundError:
                continue
            found[uuid][side] = [held(hostdev) for hostdev in tree.iter("hostdev")]
            found[uuid]["running"] |= side == "live"
        return list(found.values())
