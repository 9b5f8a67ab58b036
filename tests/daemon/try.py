#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shows the main job, step by step, on a host made for it. Called by tests/try.

usage: try.py BUILD
"""

import re
import sys

import world

CONFIGURATION = """\
[Pool nics]
Description=Ports for guests
Match=vendor_id=8086 product_id=10d3
Match=address=0000:41:*.*

[Pool gpus]
Description=The graphics card, with its sound
Match=vendor_id=10de

[Alias nic]
Match=product_id=10d3

[Alias vf]
Match=product_id=10ed device_type=type-VF

[Alias gpu]
Match=vendor_id=10de
Unit=slot
"""


class Guide:
    def __init__(self, w):
        self.world = w
        self.step = 0

    def say(self, text):
        self.step += 1
        print(f"\n\033[1m{self.step}. {text}\033[0m" if sys.stdout.isatty() else f"\n{self.step}. {text}", flush=True)

    def show(self, *arguments, user=None, expect=0):
        """Runs hostdevctl as a user would and shows what it prints."""
        print(f"\n   {user or 'root'}$ hostdevctl {' '.join(arguments)}", flush=True)
        done = self.world.ctl(*arguments, user=user)
        for line in (done.stdout + done.stderr).splitlines():
            print("   " + line, flush=True)
        if done.returncode != expect:
            sys.exit(f"hostdevctl ended with {done.returncode}, not {expect}\n{self.world.log('daemon')}")
        return done.stdout

    def definition(self):
        """What libvirt says, asked by another program."""
        print("\n   root$ virsh dumpxml --inactive test", flush=True)
        xml = self.world.virsh("dumpxml", "--inactive", "test").stdout
        found = re.findall(r"    <hostdev.*?</hostdev>", xml, re.S)
        for element in found:
            print("   " + element.replace("\n", "\n   "), flush=True)
        print(f"   … {len(found)} <hostdev> in all", flush=True)
        return found


def main():
    world.enter()
    w = world.World(sys.argv[1])
    try:
        walk(w)
    finally:
        w.close()


def walk(w):
    guide = Guide(w)
    guide.say("A host is made of files: a dual-port NIC with virtual functions, a GPU with its audio function, "
              "two plain NICs, an NVMe. On it run a system bus, polkit, libvirt with its test driver, and hostdevd as "
              "its own user.")
    w.host()
    w.bus()
    w.polkit()
    w.libvirtd()
    w.configure(CONFIGURATION)
    w.daemon()
    world.wait_for(lambda: w.property(world.ROOT, world.MANAGER, "LibvirtConnected"), "libvirt")
    guide.show("devices", "--all")

    guide.say("The configuration says which of them may be lent, and gives kinds of them names.")
    print("   " + CONFIGURATION.replace("\n", "\n   "))
    guide.show("status")

    guide.say("User lab, whom a polkit rule lets attach, asks for two NICs and a virtual function for the guest. They "
              "are chosen, recorded, and given through libvirt, all or none.")
    guide.show("attach", "test", "nic:2,vf", user="lab")
    guide.show("attachments")
    if len(guide.definition()) != 3:
        sys.exit("libvirt does not have the three devices")

    guide.say("Another user is not allowed to, and nothing happens.")
    guide.show("attach", "test", "gpu", user="nobody-special", expect=3)

    guide.say("Who asks for more than there is learns why.")
    guide.show("attach", "test", "nic", user="lab", expect=3)

    guide.say("The daemon is killed without warning. It comes back with the same attachments.")
    w.stop("daemon", 9)
    w.daemon()
    world.wait_for(lambda: w.property(world.ROOT, world.MANAGER, "LibvirtConnected"), "libvirt")
    guide.show("attachments")

    guide.say("A device is plugged, and one is pulled: both are seen at once.")
    w.made_host("add", "0000:42:00.0", "vendor=8086", "device=10d3", "class=020000", "group=50", "driver=e1000e",
                "--notify")
    world.wait_for(lambda: w.device("0000:42:00.0"), "the new device")
    guide.show("show", "0000:42:00.0")
    w.made_host("remove", "0000:42:00.0", "--notify")
    world.wait_for(lambda: not w.device("0000:42:00.0"), "its end")

    guide.say("The guest gives everything back.")
    guide.show("detach", "test", user="lab")
    guide.show("status")
    if guide.definition():
        sys.exit("libvirt still has devices")
    print("\nThat is the whole of it. `tests/try --machine` does the same with a real kernel, vfio and a real guest.")


main()
