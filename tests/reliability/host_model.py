# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads the host's functions from /sys, and says what the daemon must show when all is quiet.

It shares no code with the daemon and asks it nothing. Who holds what is given by the test, which knows
because it asked for it: address -> Hold. `differences` names every property that is not as it must be.
"""

import os

DEVICES = "/sys/bus/pci/devices"
ROOT = "/org/hostdev1"
IDS = ("VendorId", "ProductId", "SubsystemVendorId", "SubsystemProductId", "ClassCode")

# As CONFIGURATION of world.py says: the first pool that matches.
POOLS = (("nics", lambda d: (d["VendorId"], d["ProductId"]) == ("8086", "10d3") or d["Address"].startswith("0000:41:")),
         ("gpus", lambda d: d["VendorId"] == "10de"))


class Hold:
    """Somebody has what was at an address at that time; the record of it outlives the device."""

    def __init__(self, holder, record):
        self.holder, self.record = holder, record

    @property
    def attachment(self):
        return f"{ROOT}/{self.holder.replace(':', '/')}" if self.holder.startswith("attachment:") else "/"


def text_of(address, name):
    try:
        with open(f"{DEVICES}/{address}/{name}", encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return ""


def end_of_link(address, name):
    try:
        return os.path.basename(os.readlink(f"{DEVICES}/{address}/{name}"))
    except OSError:
        return ""


def read_function(address):
    """What /sys says of one function that is there, in the words of the Device interface."""
    subsystem = [text_of(address, name)[2:] for name in ("subsystem_vendor", "subsystem_device")]
    if subsystem[0] in ("0000", "ffff"):
        subsystem = ["", ""]
    physical = end_of_link(address, "physfn")
    virtual = sorted(end_of_link(address, name) for name in os.listdir(f"{DEVICES}/{address}") if name.startswith("virtfn"))
    most = 0 if physical else int(text_of(address, "sriov_totalvfs") or 0)
    return {
        "Address": address,
        "VendorId": text_of(address, "vendor")[2:], "ProductId": text_of(address, "device")[2:],
        "SubsystemVendorId": subsystem[0], "SubsystemProductId": subsystem[1],
        "ClassCode": text_of(address, "class")[2:],
        "Driver": end_of_link(address, "driver"),
        "NumaNode": int(text_of(address, "numa_node")),
        "IommuGroup": int(end_of_link(address, "iommu_group") or -1),
        "DeviceType": "type-VF" if physical else "type-PF" if most else "type-PCI",
        "PhysicalFunction": physical, "VirtualFunctions": virtual, "MaxVirtualFunctions": most,
        "ResetMethods": text_of(address, "reset_method").split(),
        "PowerState": text_of(address, "power_state"),
    }


def read_host():
    return {address: read_function(address) for address in sorted(os.listdir(DEVICES))}


def is_bridge(function):
    return function["ClassCode"].startswith("06")


def same_device(a, b):
    """Another identity at the same address is another device."""
    return all(a[name] == b[name] for name in IDS) and (a["DeviceType"] == "type-VF") == (b["DeviceType"] == "type-VF")


def reasons(function, host, holds):
    """Why it cannot be given, by who holds what; the pool's reason is the caller's."""
    address, found = function["Address"], set()
    if address in holds:
        found.add("attached" if holds[address].holder.startswith("attachment:") else "held-by-domain")
    if function["IommuGroup"] < 0:
        found.add("no-iommu")
    elif any(other != address and other in holds and not is_bridge(host[other])
             for other in host if host[other]["IommuGroup"] == function["IommuGroup"]):
        found.add("group-in-use")
    if function["PhysicalFunction"] in holds:
        found.add("pf-in-use")
    if any(holds[other].record["PhysicalFunction"] == address for other in holds):
        found.add("vf-in-use")
    return found


def pool_of(function):
    return next((name for name, means in POOLS if means(function)), None)


def expect_present(function, host, holds):
    """All that is shown of a function which is in the host."""
    pool, found = pool_of(function), reasons(function, host, holds)
    hold = holds.get(function["Address"])
    if not pool:
        found.add("not-in-pool")
    state = "attached" if "attached" in found else "unavailable" if found else "available"
    group = sorted(other for other in host if function["IommuGroup"] >= 0 and host[other]["IommuGroup"] == function["IommuGroup"])
    return {**function, "GroupAddresses": group, "Pool": f"{ROOT}/pool/{pool}" if pool else "/", "State": state,
            "Reasons": sorted(found), "Holder": hold.holder if hold else "", "Attachment": hold.attachment if hold else "/"}


def expect_gone(hold):
    """A held device that left shows what it was: of its surroundings nothing is certain any more."""
    kept = {name: hold.record[name] for name in ("Address", *IDS)}
    return {**kept, "State": "gone", "Holder": hold.holder, "Attachment": hold.attachment}


def expect(host, holds):
    """address -> property -> value, for every object of a device that there must be."""
    gone = {address for address, hold in holds.items() if address not in host or not same_device(host[address], hold.record)}
    shown = {address: function for address, function in host.items() if address not in gone}
    found = {address: expect_gone(holds[address]) for address in gone}
    for address, function in shown.items():
        if not is_bridge(function):
            found[address] = expect_present(function, shown, holds)
    return found, gone


def settled_lists(name, value, gone):
    """A device that is gone may still be named by its relatives, or not: it was the last to be seen of them."""
    if name in ("GroupAddresses", "VirtualFunctions"):
        return sorted(set(value) - gone)
    return sorted(value) if name == "Reasons" else value


def differences(objects, host, holds):
    """What the daemon shows and must not, or must show and does not; none when its state is right."""
    expected, gone = expect(host, holds)
    shown = {path.rsplit("/", 1)[1]: interfaces[f"{interface}"] for path, interfaces in objects.items()
             for interface in interfaces if interface == "org.hostdev1.Device"}
    shown = {device["Address"]: device for device in shown.values()}
    problems = [f"{address} is shown, and is not there" for address in shown.keys() - expected.keys()]
    problems += [f"{address} is there, and not shown" for address in expected.keys() - shown.keys()]
    lost_groups = {holds[address].record["IommuGroup"] for address in gone}
    for address in expected.keys() & shown.keys():
        for name, value in expected[address].items():
            is_so, must = settled_lists(name, shown[address][name], gone), settled_lists(name, value, gone)
            if expected[address].get("IommuGroup") in lost_groups and name in ("Reasons", "State"):
                is_so, must = set(shown[address]["Reasons"]) - {"group-in-use"}, set(expected[address]["Reasons"]) - {"group-in-use"}
            if is_so != must:
                problems.append(f"{address}: {name} is {is_so}, must be {must}")
    return problems + wrong_pools(objects, shown)


def wrong_pools(objects, shown):
    """Pools must say the same as their devices."""
    problems = []
    for path, interfaces in objects.items():
        pool = interfaces.get("org.hostdev1.Pool")
        if not pool:
            continue
        members = {address: device for address, device in shown.items() if device["Pool"] == path}
        free = sum(device["State"] == "available" for device in members.values())
        if (pool["Total"], pool["Free"], len(pool["Devices"])) != (len(members), free, len(members)):
            problems.append(f"{path} has {pool['Free']} of {pool['Total']} free, its devices {free} of {len(members)}")
    return problems
