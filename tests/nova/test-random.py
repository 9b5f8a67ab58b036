#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Random cases, whose expectations the model works out, run as those of the files are.

usage: test-random.py NOVA-CASES [SEED [COUNT]]
"""

import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import model

SOCKETS = ({}, {0: 0, 1: 0, 2: 1}, {0: 0, 1: None, 2: 0})
OWNERS = ("x", "y", "z")


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.pick = self.random.choice

    def maybe(self, probability):
        return self.random.random() < probability

    # --- the host

    def devices(self):
        found = {}

        def add(bus, slots, **device):
            address = f"{self.pick((0, 0, 0, 1)):04x}:{bus:02x}:{self.pick(slots):02x}.{self.pick((0, 0, 1))}"
            if address in found:
                return None
            found[address] = {"address": address, **device}
            return address

        for _ in range(self.random.randint(1, 6)):
            node = self.pick((None, 0, 1, 2))
            if self.maybe(0.6):
                vendor, product = self.pick((("10de", "1db4"), ("10de", "1db4"), ("10de", "1db5"), ("144d", "a808")))
                add(self.pick((0x3B, 0x3C, 0x5E)), (0, 1), vendor_id=vendor, product_id=product, dev_type="type-PCI",
                    numa_node=node)
                continue
            bus = self.pick((0x5E, 0x86))
            card = add(bus, (0,), vendor_id="15b3", product_id="1019", dev_type="type-PF", numa_node=node)
            for _ in range(self.random.randint(0, 3) if card else 0):
                add(bus, (2, 3), vendor_id="15b3", product_id=self.pick(("101a", "101a", "1019")), numa_node=node,
                    dev_type="vdpa" if self.maybe(0.07) else "type-VF", parent_addr=card)

        devices = list(found.values())
        self.random.shuffle(devices)
        for number, device in enumerate(devices):
            if not model.is_virtual(device) and self.maybe(0.2):
                device["ifname"] = f"ens{number}"
        return devices

    # --- its configuration

    def address(self, device):
        fields = re.split("[:.]", device["address"])
        starred = [self.pick((field, field, field, "*")) for field in fields]
        domain, bus, slot, function = fields
        return self.pick((
            "{}:{}:{}.{}".format(*starred), device["address"], device["address"].upper(),
            f"{starred[1]}:{starred[2]}.{starred[3]}", f".{function}", f"{bus}:", slot,
            dict(zip(model.NAMES, fields)),
            {"bus": bus[0] + self.pick((".", "?", "[0-9a-f]", ".*", "")), "slot": self.pick((".*", "0[0-2]", "0."))},
            {"bus": f"{bus}|" + self.pick(("3", "3c", "8."))},
            {"function": "[0-1]", "domain": self.pick(("0+", "0000|0001", "000"))}))

    def spec(self, devices):
        device, spec = self.pick(devices), {}
        kind = self.random.random()
        if kind < 0.25:
            vendor = device["vendor_id"]
            spec["vendor_id"] = self.pick((vendor, vendor.upper(), "0x" + vendor, "*"))
        elif kind < 0.7:
            spec["address"] = self.address(device)
        elif kind < 0.8:
            spec["devname"] = device.get("ifname", "ens99")
        if self.maybe(0.25):
            spec["product_id"] = self.pick(devices)["product_id"]
        for tag, values in (("physical_network", "ab"), ("trusted", ("true",)), ("live_migratable", ("yes", "no"))):
            if self.maybe(0.2):
                spec[tag] = self.pick(values)
        return spec

    def specs(self, devices):
        return [self.spec(devices) for _ in range(self.random.randint(1, 3))]

    def aliases(self, devices):
        aliases = []
        for name in "abc":
            policy = self.pick((None, None, "legacy", "preferred", "required", "socket"))
            kind = self.pick((None, None, "type-PCI", "type-VF", "type-PF"))
            for _ in range(self.pick((1, 1, 2))):
                device, alias = self.pick(devices), {"name": name}
                if self.maybe(0.85):
                    alias["vendor_id"] = self.pick((device["vendor_id"], device["vendor_id"].upper()))
                if self.maybe(0.5):
                    alias["product_id"] = device["product_id"]
                if kind and self.maybe(0.8):
                    alias["device_type"] = kind
                if policy:
                    alias["numa_policy"] = policy
                if self.maybe(0.12):
                    alias["live_migratable"] = self.pick(("yes", "no"))
                aliases.append(alias)
        self.random.shuffle(aliases)
        return aliases

    # --- what is asked

    def items(self):
        return [(self.pick("abc"), self.pick((1, 1, 1, 2))) for _ in range(self.random.randint(1, 3))]

    def text(self, items):
        return ",".join(name if count == 1 and self.maybe(0.3) else f"{name}:{count}" for name, count in items)

    def requests(self, given, devices, expected):
        sockets, held = self.pick(SOCKETS), {}
        given["host_numa"] = [{"id": node} if socket is None else {"id": node, "socket": socket}
                              for node, socket in sockets.items()]
        given["sequential"] = self.maybe(0.5)
        given["requests"], expected["results"] = [], []
        for _ in range(3):
            host = model.Host(devices, given["device_spec"], held if given["sequential"] else {})
            items, cells = self.items(), self.pick(([], [0], [1], [0, 1], [2]))
            override = self.pick((None, None, "legacy", "preferred", "required", "socket"))
            chosen = model.choose(host, given["alias"], items, cells, override, sockets)
            request = {"alias": self.text(items), "numa_cells": cells}
            if override:
                request["policy"] = override
            result = {"fits": chosen is not None,
                      "items": [{"alias": name, "count": count,
                                 "numa_policy": override or model.policy_of(given["alias"], name)}
                                for name, count in items]}
            if chosen:
                host.held.update((address, host.devices[address]) for address in chosen)
                result["chosen"] = chosen
            else:
                result["error"] = "insufficient"
            result["left"] = host.available()
            held = host.held
            given["requests"].append(request)
            expected["results"].append(result)

    # --- and what happens

    def steps(self, given, devices, expected):
        life = Life(self, given, devices)
        given["steps"], expected["steps"] = [], []
        for _ in range(self.random.randint(3, 8)):
            step, outcome = getattr(life, self.pick(("claim", "claim", "allocate", "free", "probe", "restart", "rescan")))()
            outcome["available"], outcome["states"] = life.host().available(), life.states()
            given["steps"].append(step)
            expected["steps"].append(outcome)

    def case(self, number):
        devices = self.devices()
        given = {"devices": devices, "device_spec": self.specs(devices), "alias": self.aliases(devices)}
        tags = model.Host(devices, given["device_spec"]).tags
        expected = {"pooled": list(tags), "tags": tags}
        self.pick((self.requests, self.steps))(given, devices, expected)
        return {"id": f"random-{number}", "title": "random", "input": given, "expect": expected}


class Life:
    def __init__(self, maker, given, devices):
        self.maker, self.aliases, self.all = maker, given["alias"], devices
        self.specs, self.present = given["device_spec"], devices
        self.held, self.owner, self.given = {}, {}, set()

    def host(self):
        return model.Host(self.present, self.specs, self.held)

    def release(self, owner):
        for address in [address for address in self.held if self.owner[address] == owner]:
            del self.held[address]
            self.given.discard(address)

    def states(self):
        available, present = self.host().available(), {device["address"] for device in self.present}

        def state(address):
            if address in self.held:
                return "attached" if address in self.given else "reserved"
            if address not in present:
                return "absent"
            return "available" if address in available else "unavailable"

        return {device["address"]: state(device["address"]) for device in self.all}

    def decide(self):
        items, host = self.maker.items(), self.host()
        chosen = model.choose(host, self.aliases, items)
        return self.maker.text(items), chosen, host

    def claim(self):
        owner = self.maker.pick(OWNERS)
        text, chosen, host = self.decide()
        for address in chosen or ():
            self.held[address], self.owner[address] = host.devices[address], owner
        return {"op": "claim", "owner": owner, "alias": text}, \
            {"ok": True} if chosen else {"ok": False, "error": "insufficient"}

    def probe(self):
        text, chosen, _ = self.decide()
        return {"op": "probe", "alias": text}, {"fits": chosen is not None}

    def allocate(self):
        owner = self.maker.pick(OWNERS)
        self.given |= {address for address in self.held if self.owner[address] == owner}
        return {"op": "allocate", "owner": owner}, {"ok": True}

    def free(self):
        owner = self.maker.pick(OWNERS)
        self.release(owner)
        return {"op": "free", "owner": owner}, {"ok": True}

    def restart(self):
        if self.maker.maybe(0.5):
            self.specs = self.maker.specs(self.all)
        step = {"op": "restart", "device_spec": self.specs, "devices": self.present}
        if self.maker.maybe(0.3):
            step["gone"] = [self.maker.pick(OWNERS)]
            self.release(step["gone"][0])
        return step, {"ok": True}

    def rescan(self):
        """What is not held may leave and come back. A PF takes its VFs with it."""
        kept = set(self.held) | {device.get("parent_addr") for device in self.held.values()}
        leaving = {device["address"] for device in self.all if self.maker.maybe(0.25)} - kept
        self.present = [device for device in self.all if device["address"] not in leaving and
                        (device["address"] in kept or device.get("parent_addr") not in leaving)]
        return {"op": "rescan", "devices": self.present}, {"ok": True}


def run(program, seed, count):
    maker = Maker(seed)
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "cases.json"
        path.write_text(json.dumps({"cases": [maker.case(number) for number in range(count)]}))
        done = subprocess.run([program, path], capture_output=True, text=True)
    lines = done.stdout.splitlines()
    failed = [line for line in lines if line.startswith("not ok")]
    # A step that holds only with devices in each other's place would be one of the order, which the model knows.
    failed += [line for line in done.stderr.splitlines()]
    return done.returncode == 0 and lines[-1] == f"{count} passed, 0 failed", failed


def main():
    program, seeds, count = sys.argv[1], [int(sys.argv[2])] if len(sys.argv) > 2 else [1, 2, 3], \
        int(sys.argv[3]) if len(sys.argv) > 3 else 500
    print(f"1..{len(seeds)}")
    for number, seed in enumerate(seeds, 1):
        passed, failed = run(program, seed, count)
        for line in failed[:10]:
            print(f"# {line}")
        print(f"{'ok' if passed and not failed else 'not ok'} {number} - {count} random cases of seed {seed}",
              flush=True)


main()
