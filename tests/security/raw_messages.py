# SPDX-License-Identifier: LGPL-2.1-or-later
"""D-Bus messages byte by byte: a marshaller of its own, and what spoils its work."""

import struct

LITTLE, BIG = "<", ">"
CALL, RETURN, ERROR, SIGNAL = 1, 2, 3, 4
PATH, INTERFACE, MEMBER, ERROR_NAME, REPLY_SERIAL, DESTINATION, SENDER, SIGNATURE, UNIX_FDS = range(1, 10)
SIGNATURES = {PATH: "o", INTERFACE: "s", MEMBER: "s", ERROR_NAME: "s", REPLY_SERIAL: "u", DESTINATION: "s", SENDER: "s",
              SIGNATURE: "g", UNIX_FDS: "u"}
ALIGNMENT = {"y": 1, "g": 1, "v": 1, "n": 2, "q": 2, "b": 4, "i": 4, "u": 4, "s": 4, "o": 4, "a": 4, "x": 8, "t": 8, "d": 8,
             "(": 8, "{": 8}


def pad(data, to):
    data += bytes(-len(data) % to)


def first_type(signature):
    """The first complete type, and the rest."""
    depth, place = 0, 0
    while True:
        letter = signature[place]
        depth += (letter in "({") - (letter in ")}")
        place += 1
        if letter != "a" and depth == 0:
            return signature[:place], signature[place:]


def put(data, signature, values, order):
    """Appends values; those of v are (signature, value). Strings may be bytes, to be wrong."""
    for value in values:
        kind, signature = first_type(signature)
        put_one(data, kind, value, order)


def put_one(data, kind, value, order):
    pad(data, ALIGNMENT[kind[0]])
    if kind[0] in "so":
        text = value if isinstance(value, bytes) else value.encode()
        data += struct.pack(order + "I", len(text)) + text + b"\0"
    elif kind == "g":
        text = value if isinstance(value, bytes) else value.encode()
        data += bytes([len(text) & 0xff]) + text + b"\0"
    elif kind == "v":
        put_one(data, "g", value[0], order)
        put(data, value[0], [value[1]], order)
    elif kind[0] == "a":
        place = len(data)
        data += bytes(4)
        pad(data, ALIGNMENT[kind[1]])
        begin = len(data)
        for item in value.items() if isinstance(value, dict) else value:
            put_one(data, kind[1:], item, order)
        data[place:place + 4] = struct.pack(order + "I", len(data) - begin)
    elif kind[0] in "({":
        put(data, kind[1:-1], value, order)
    else:
        data += struct.pack(order + {"y": "B", "n": "h", "q": "H", "b": "I", "i": "i", "u": "I", "x": "q", "t": "Q", "d": "d"}[kind],
                            value)


def message(kind, serial, fields, signature="", values=(), order=LITTLE, flags=0, version=1):
    """A whole message. fields: code -> value, of the type it has by the specification, or (type, value)."""
    body, head = bytearray(), bytearray()
    put(body, signature, values, order)
    if signature:
        fields = {**fields, SIGNATURE: signature}
    listed = [(code, value if isinstance(value, tuple) else (SIGNATURES.get(code, "s"), value))
              for code, value in fields.items()]
    head += struct.pack(order + "BBBBII", ord("l" if order == LITTLE else "B"), kind, flags, version, len(body), serial)
    put_one(head, "a(yv)", listed, order)
    pad(head, 8)
    return bytes(head + body)


def nested(depth):
    """A value of v: a variant in a variant in a variant."""
    value = ("s", "end")
    for _ in range(depth):
        value = ("v", value)
    return value


def spoil(random, data):
    """Something of these bytes is not in order any more; header and lengths included."""
    data = bytearray(data)
    way = random.randrange(9)
    if way == 0:
        for _ in range(random.randrange(1, 5)):
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    elif way == 1:
        data[random.randrange(len(data))] = random.randrange(256)
    elif way == 2:  # one of the lengths
        place = random.choice([4, 12])
        was = struct.unpack_from("<I", data, place)[0]
        struct.pack_into("<I", data, place, random.choice([was + 1, was ^ 8, was - 1 & 0xffffffff, 0, 1 << 26, (1 << 26) + 1,
                                                           (1 << 27) + 1, 0xffffffff, 0x7fffffff]))
    elif way == 3:
        data[0] = random.choice(b"lBb\0\xff")
    elif way == 4:
        data[random.choice([1, 2, 3])] = random.randrange(256)
    elif way == 5:
        del data[random.randrange(len(data)):]
    elif way == 6:
        place = random.randrange(len(data))
        data[place:place] = random.randbytes(random.randrange(1, 9))
    elif way == 7:  # a length, a string or a number inside
        place = random.randrange(16, len(data) - 3) & ~3
        struct.pack_into("<I", data, place, random.choice([0, 1, 0xff, 0xffff, 1 << 26, 0x7fffffff, 0xffffffff]))
    else:
        return random.randbytes(random.randrange(1, 300))
    return bytes(data)
