# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads what is so, from the hypervisor's process and from the state directory, and says what is wrong.

It asks the daemon nothing, and shares no code with it: the format of the journal is read here once more.
"""

import json

HEADER = b"hostdevd-journal 1"
PREFIX = "ua-hostdev1-"


def table_of_crc32c():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


TABLE = table_of_crc32c()


def crc32c(data):
    value = 0xFFFFFFFF
    for byte in data:
        value = TABLE[(value ^ byte) & 0xFF] ^ value >> 8
    return value ^ 0xFFFFFFFF


class Damaged(AssertionError):
    """A journal that no crash of the daemon can have left behind."""


def records(state):
    """What stands in the journal: key -> value. A torn end is legal, any other damage is not."""
    path = state / "journal"
    if not path.exists():
        return {}
    lines = path.read_bytes().split(b"\n")
    torn = lines.pop()
    found = {}
    if lines and lines[0] != HEADER or not lines and not HEADER.startswith(torn):
        raise Damaged(f"the journal begins with {(lines or [torn])[0]!r}")
    for number, line in enumerate(lines[1:], 2):
        if len(line) < 10 or line[8:9] != b" " or f"{crc32c(line[9:]):08x}".encode() != line[:8]:
            raise Damaged(f"line {number} of the journal: {line!r}")
        record = json.loads(line[9:])
        if "put" in record:
            found[record["key"]] = record["put"]
        else:
            found.pop(record["key"], None)
    return found


def attachments(found):
    """The attachments in the journal: number -> record."""
    return {int(key.split("/", 1)[1]): value for key, value in found.items() if key.startswith("attachment/")}


def held(domains):
    """Every device in every domain: (domain's UUID, side, address, alias)."""
    return [(domain["uuid"], side, device["address"], device["alias"])
            for domain in domains for side in ("live", "config") for device in domain[side]]


def doubled(domains, found):
    """Devices that two domains have, that one domain has twice, or that two records are sure of."""
    problems, owner, seen, meant = [], {}, set(), {}
    for uuid, side, address, alias in held(domains):
        if owner.setdefault(address, uuid) != uuid:
            problems.append(f"{address} is in {owner[address]} and in {uuid}")
        if (uuid, side, address) in seen:
            problems.append(f"{address} is twice in the {side} XML of {uuid}")
        seen.add((uuid, side, address))
    for number, record in attachments(found).items():
        for device in record["devices"]:
            if not device["left"] and meant.setdefault(device["address"], number) != number:
                problems.append(f"{device['address']} is meant for {meant[device['address']]} and {number}")
    return problems


def lost(domains, found):
    """Devices with an alias of ours that the journal does not know: nobody would ever take them back."""
    problems = []
    for uuid, side, address, alias in held(domains):
        if not alias.startswith(PREFIX):
            continue
        number, index = map(int, alias[len(PREFIX):].split("-"))
        record = attachments(found).get(number)
        if not record or record["domain_uuid"] != uuid or record["devices"][index]["address"] != address:
            problems.append(f"{address} is in the {side} XML of {uuid} as {alias}, and in no record")
    return problems


def stranded(handed, found):
    """Devices that were taken from their drivers, and no record says that they are to go back."""
    known = {device["address"] for record in attachments(found).values() for device in record["devices"]
             if device["handed"]}
    return [f"{address} was handed over, and nobody will give it back" for address in handed if address not in known]


def unsettled(domains, found):
    """What is not as it shall be when nothing is under way: attached means that libvirt has it all."""
    problems, there = [], set(held(domains))
    running = {domain["uuid"] for domain in domains if domain["running"]}
    for number, record in attachments(found).items():
        if record["state"] != "attached":
            problems.append(f"attachment {number} is {record['state']}")
        for index, device in enumerate(record["devices"]):
            for side, wanted in (("live", record["wants_live"] and record["domain_uuid"] in running),
                                 ("config", record["wants_config"])):
                entry = record["domain_uuid"], side, device["address"], f"{PREFIX}{number}-{index}"
                if wanted and entry not in there:
                    problems.append(f"attachment {number} lacks {device['address']} in the {side} XML")
    return problems


def always(domains, found, handed):
    """What must hold at any moment, also while no daemon runs."""
    return doubled(domains, found) + lost(domains, found) + stranded(handed, found)
