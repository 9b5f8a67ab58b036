# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is to come of a request, worked out by trying everything.

The semantics once more, written from the documents and not from the service, in the plainest way: all
assignments are tried, so hosts and requests must be small. Devices, options and aliases are as in the
input of a case.
"""

import itertools
import re

NAMES = ("domain", "bus", "slot", "function")
MATCH_KEYS = ("vendor_id", "product_id", "address", "devname")
BOOLEAN_TAGS = ("managed", "live_migratable")
HIGHEST_DOMAIN = 0xFFFF


def order(address):
    """Of the numbers of an address."""
    return tuple(int(field, 16) for field in re.split("[:.]", address))


def is_virtual(device):
    return device["dev_type"] in ("type-VF", "vdpa")


class Glob:
    """[[[domain:]bus:]slot][.function]"""

    def __init__(self, text):
        before, dot, function = text.partition(".")
        fields = before.split(":")
        fields = [""] * (3 - len(fields)) + fields + [function]
        self.fields = [None if field.strip() in ("", "*") else int(field, 16) for field in fields]
        self.is_single = None not in self.fields

    def means(self, address):
        return all(wanted in (None, actual) for wanted, actual in zip(self.fields, order(address)))


class Regexes:
    def __init__(self, fields):
        self.fields = [fields.get(name, ".*") for name in NAMES]
        self.is_single = all(re.fullmatch("[0-9a-fA-F]+", field) for field in self.fields)

    def means(self, address):
        return all(re.fullmatch(field, text) for field, text in zip(self.fields, re.split("[:.]", address)))


class Host:
    """The devices, which of them are in the pool with which tags, and which are held."""

    def __init__(self, devices, specs, held=()):
        self.devices = {device["address"]: device for device in devices}
        self.held = dict(held)
        self.tags = {}
        for address, device in self.devices.items():
            line = next((spec for spec in specs if self.allows(spec, device)), None)
            if line is not None:
                self.tags[address] = {key: tag_text(key, value) for key, value in line.items()
                                      if key not in MATCH_KEYS}

    def physical(self, device):
        """The PF that may stand for the device."""
        parent = self.devices.get(device.get("parent_addr"))
        return parent if parent and parent.get("sriov_totalvfs", 8) > 0 else None

    def allows(self, spec, device):
        if order(device["address"])[0] > HIGHEST_DOMAIN:
            return False
        if any(spec.get(key, "*") != "*" and int(spec[key], 16) != int(device[key], 16)
               for key in ("vendor_id", "product_id")):
            return False

        physical = self.physical(device)
        if spec.get("address"):
            where = Glob(spec["address"]) if isinstance(spec["address"], str) else Regexes(spec["address"])
            if not where.means(device["address"]) and \
                    not (physical and where.is_single and where.means(physical["address"])):
                return False
        if spec.get("devname"):
            if spec["devname"] not in (device.get("ifname"), physical and physical.get("ifname")):
                return False
        return True

    def available(self):
        """In address order. PF and VF shut each other out."""
        parents = {device.get("parent_addr") for device in self.held.values()}
        return sorted((address for address in self.tags
                       if address not in self.held and address not in parents
                       and self.devices[address].get("parent_addr") not in self.held), key=order)

    def beside(self, address, available):
        """How many are free with it: VFs of its PF, else functions of its card."""
        device = self.devices[address]
        others = (self.devices[other] for other in available)
        if is_virtual(device):
            return sum(is_virtual(other) and other["parent_addr"] == device["parent_addr"] for other in others)
        return sum(not is_virtual(other) and order(other["address"])[:3] == order(address)[:3]
                   for other in others)


def tag_text(key, value):
    return {"yes": "true", "no": "false"}[value] if key in BOOLEAN_TAGS else value


def is_meant(alternative, device, tags):
    if device["dev_type"] == "vdpa":
        return False
    if any(key in alternative and int(alternative[key], 16) != int(device[key], 16)
           for key in ("vendor_id", "product_id")):
        return False
    if "device_type" in alternative:
        if alternative["device_type"] != device["dev_type"]:
            return False
    elif device["dev_type"] == "type-PF":
        return False
    wanted = alternative.get("live_migratable")
    return wanted is None or tags.get("live_migratable") == tag_text("live_migratable", wanted)


def numa_class(policy, node, cells, sockets):
    """0 near, 1 unknown, 2 elsewhere; None: not allowed."""
    if not cells or node in cells:
        return 0
    if policy == "required":
        return None
    if policy == "socket":
        known = sockets and None not in sockets.values()
        return 2 if known and node in sockets and sockets[node] in {sockets.get(cell) for cell in cells} else None
    if node is None:
        return 1
    return 2 if policy == "preferred" else None


def policy_of(aliases, name):
    return next(alias for alias in aliases if alias["name"] == name).get("numa_policy", "legacy")


def candidates(host, aliases, name, policy, cells, sockets):
    """Which devices may serve the alias, with what each costs."""
    available, found = host.available(), {}
    for address in available:
        device, tags = host.devices[address], host.tags[address]
        meant = [alias for alias in aliases if alias["name"] == name and is_meant(alias, device, tags)]
        where = numa_class(policy, device["numa_node"], cells, sockets)
        if not meant or where is None:
            continue
        unasked = min(len(tags) - ("live_migratable" in alias) for alias in meant)
        found[address] = (where == 2, where == 1, unasked, host.beside(address, available))
    return found


def exclude_each_other(host, addresses):
    return any(host.devices[address].get("parent_addr") in addresses for address in addresses)


def is_better(mine, other):
    """Less cost; of equals who has the lowest address that only one has."""
    if mine[0] != other[0]:
        return mine[0] < other[0]
    differing = set(mine[1]) ^ set(other[1])
    return bool(differing) and min(differing, key=order) in mine[1]


def choose(host, aliases, items, cells=(), override=None, sockets=None):
    """The addresses of the best choice for [(alias, count)], or None."""
    counts = {}
    for name, count in items:
        counts[name] = counts.get(name, 0) + count
    serving = [candidates(host, aliases, name, override or policy_of(aliases, name), cells, sockets)
               for name in counts]

    best = None
    for chosen in itertools.product(*(itertools.combinations(found, count)
                                      for found, count in zip(serving, counts.values()))):
        addresses = [address for part in chosen for address in part]
        if len(set(addresses)) < len(addresses) or exclude_each_other(host, addresses):
            continue
        costs = [serving[i][address] for i, part in enumerate(chosen) for address in part]
        plan = (tuple(map(sum, zip(*costs))), addresses)
        if best is None or is_better(plan, best):
            best = plan
    return best and sorted(best[1], key=order)
