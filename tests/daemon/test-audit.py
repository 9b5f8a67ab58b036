#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the journal is told of each decision: records as they arrive at its socket, and a line where there is none."""

import os
import re
import socket
import struct
import sys
import threading
import unicodedata

import world
from tap import test

sys.path.append(str(world.SOURCE / "tests" / "security"))
from callers import Caller, GLib  # noqa: the path comes first

DECIDED, ENDED = "b100805700824afd8bcfe28fc511ef2a", "31060f43a1b3494da1ea9579abd144ff"
SOCKET = "/run/systemd/journal/socket"


class Journal:
    """Takes records of the journal's native protocol in its place."""

    def __init__(self):
        os.makedirs(os.path.dirname(SOCKET), exist_ok=True)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(SOCKET)
        os.chmod(SOCKET, 0o666)
        self.records, self.taken = [], 0
        self.reads = threading.Event()
        self.reads.set()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while True:
            data = self.socket.recv(1 << 20)
            self.reads.wait()
            self.records.append(self.parse(data))

    @staticmethod
    def parse(data):
        """Lines NAME=value, or NAME, the size in eight bytes, and the value."""
        fields = {}
        while data:
            line, data = data.split(b"\n", 1)
            name, equals, value = line.partition(b"=")
            if not equals:
                size, = struct.unpack("<Q", data[:8])
                value, data = data[8:8 + size], data[9 + size:]
            assert re.fullmatch(rb"[A-Z0-9][A-Z0-9_]*", name), name
            assert name.decode() not in fields, f"{name} twice"
            fields[name.decode()] = value.decode()
        return fields

    def take(self, n=None):
        """What came since the last time; n of them, when it is known how many there must be."""
        if n is not None:
            world.wait_for(lambda: len(self.records) >= self.taken + n, f"{n} records")
        begin, self.taken = self.taken, len(self.records)
        return self.records[begin:self.taken]

    def settle(self):
        """Reads what has been sent: a record of its own is the last."""
        path, error = w.attach("web", "nic", "dry-run", "b", "true", "reason", "s", "the end")
        assert not error, error
        world.wait_for(lambda: any(record.get("HOSTDEVD_REASON") == "the end" and record["HOSTDEVD_RESULT"] == "dry-run"
                                   for record in self.records[self.taken:]), "the last record")
        return self.take()[:-2]


def results(records):
    return [record["HOSTDEVD_RESULT"] for record in records]


@test
def a_change_is_granted_before_it_is_done_and_then_done():
    path, error = w.attach("web", "nic", "reason", "s", "for the tests", user="lab")
    assert not error, error
    granted, done = journal.take(2)
    for record, result, identity in ((granted, "granted", DECIDED), (done, "done", ENDED)):
        assert record["HOSTDEVD_RESULT"] == result and record["MESSAGE_ID"] == identity, record
        assert record["HOSTDEVD_UID"] == str(world.USERS["lab"]), record
        assert re.fullmatch(r":1\.\d+", record["HOSTDEVD_CALLER"]), record
        assert record["HOSTDEVD_METHOD"] == "Attach" and record["HOSTDEVD_OBJECT"] == world.ROOT, record
        assert record["HOSTDEVD_DEVICES"] == "0000:21:00.0" and record["HOSTDEVD_COUNT"] == "1", record
        assert (record["HOSTDEVD_DOMAIN"], record["HOSTDEVD_DOMAIN_UUID"]) == ("web", world.WEB), record
        assert record["HOSTDEVD_REASON"] == "for the tests" and record["HOSTDEVD_ALIAS"] == "nic", record
        assert record["HOSTDEVD_FORCE"] == "false" and int(record["HOSTDEVD_USEC"]) > 0, record
        assert record["SYSLOG_IDENTIFIER"].startswith("hostdevd"), record
    assert int(done["HOSTDEVD_USEC"]) >= int(granted["HOSTDEVD_USEC"])
    assert done["HOSTDEVD_ATTACHMENT"] == path and "HOSTDEVD_ATTACHMENT" not in granted
    assert w.detach(path, user="lab") is None
    granted, done = journal.take(2)
    assert granted["HOSTDEVD_METHOD"] == done["HOSTDEVD_METHOD"] == "Detach", (granted, done)
    assert granted["HOSTDEVD_OBJECT"] == path and granted["HOSTDEVD_DEVICES"] == "0000:21:00.0", granted


@test
def a_refusal_says_by_whom():
    w.attach("web", "nic", user="nobody-special")
    record, = journal.take(1)
    assert record["HOSTDEVD_RESULT"] == "not-authorized" and record["MESSAGE_ID"] == DECIDED, record
    assert record["HOSTDEVD_ERROR"].endswith((".AccessDenied", ".InteractiveAuthorizationRequired")), record
    assert record["HOSTDEVD_UID"] == str(world.USERS["nobody-special"]), record
    w.attach("web", "nic:60", user="lab")
    assert results(journal.take(2)) == ["granted", "refused"]
    assert journal.records[-1]["HOSTDEVD_ERROR"] == "org.hostdev1.Error.NotEnoughDevices", journal.records[-1]
    w.attach("web", "none-such", user="lab")
    record, = journal.take(1)
    assert record["HOSTDEVD_RESULT"] == "refused" and record["HOSTDEVD_ERROR"].endswith(".NoSuchAlias"), record
    assert (record["HOSTDEVD_ARGUMENT_1"], record["HOSTDEVD_ARGUMENT_2"]) == ("web", "none-such"), record


def leave_pending(path, user):
    error = w.detach(path, "wait-seconds", "u", "0", "reason", "s", f"by {user}", user=user)
    assert "it goes on" in error, error
    granted, pending = journal.take(2)
    assert results([granted, pending]) == ["granted", "pending"] and pending["MESSAGE_ID"] == ENDED, pending
    assert "HOSTDEVD_WAS" not in pending, pending
    return pending


@test
def what_was_pending_has_one_more_record_when_it_has_ended():
    path, error = w.attach("web", "nic", "config", "b", "false", user="lab")
    assert not error and results(journal.take(2)) == ["granted", "done"], error
    w.truth.ask("guest", uuid=world.WEB, mode="ignores")
    pending = {user: leave_pending(path, user) for user in ("lab", None)}
    leave_pending(path, "lab")  # asked again: one end
    w.truth.ask("let-go", uuid=world.WEB)
    for user, record in zip(("lab", None), journal.take(2)):
        before = pending[user]
        assert record["HOSTDEVD_RESULT"] == "done" and record["MESSAGE_ID"] == ENDED, record
        assert record["HOSTDEVD_WAS"] == "pending" and "HOSTDEVD_ERROR" not in record, record
        for name in ("UID", "CALLER", "METHOD", "OBJECT", "DEVICES", "DOMAIN_UUID", "REASON"):
            assert record["HOSTDEVD_" + name] == before["HOSTDEVD_" + name], (name, record, before)
        assert record["HOSTDEVD_ATTACHMENT"] == path, record
        assert int(record["HOSTDEVD_USEC"]) > int(before["HOSTDEVD_USEC"]), (record, before)
    w.truth.ask("guest", uuid=world.WEB, mode="accepts")
    assert journal.settle() == []


@test
def a_trial_is_no_change_and_reading_is_no_decision():
    w.attach("web", "nic", "dry-run", "b", "true")
    assert results(journal.take(2)) == ["granted", "dry-run"]
    w.call(world.ROOT, world.MANAGER, "Explain", "sa{sv}", "nic", 1, "domain", "s", "web", user="nobody-special")
    w.objects()
    assert journal.settle() == []


@test
def root_and_the_changes_of_pools_are_on_record_too():
    for method, signature, arguments in (("AddPool", "saa{ss}a{sv}", ("mine", 0, 0)), ("RemovePool", "sa{sv}", ("mine", 0)),
                                         ("Reload", None, ())):
        w.call(world.ROOT, world.MANAGER, method, *([signature, *arguments] if signature else []))
        records = journal.take(2)
        assert results(records) == ["granted", "done"], records
        assert all(record["HOSTDEVD_UID"] == "0" for record in records), records
        assert not arguments or all(record["HOSTDEVD_ARGUMENT_1"] == "mine" for record in records), records


@test
def nothing_that_a_caller_writes_makes_a_field_or_a_line():
    nasty = ["x\n_UID=0\nHOSTDEVD_RESULT=granted", "x\r\nPRIORITY=0", "\x1b[2J\x07", "\u202e\u2028\u0085", "a\\x0ab", '"',
             "=", "\n", "x" * 5000, "ä" * 3000, "".join(map(chr, range(1, 256)))]
    caller = Caller("lab")
    for text in nasty:
        for arguments in (("Attach", "(ssa{sv})", (text, "nic", {})), ("Attach", "(ssa{sv})", ("web", text, {})),
                          ("Attach", "(ssa{sv})", ("web", "nic", {"reason": GLib.Variant("s", text), "dry-run": GLib.Variant("b", True)})),
                          ("AddPool", "(saa{ss}a{sv})", (text, [], {})), ("RemoveAlias", "(sa{sv})", (text, {}))):
            caller.call(world.ROOT, world.MANAGER, *arguments)
            for record in journal.settle():
                assert not any(name.startswith("_") for name in record), record
                assert record["HOSTDEVD_UID"] == str(world.USERS["lab"]), record
                assert record["HOSTDEVD_METHOD"] == arguments[0], record
                for name, value in record.items():
                    assert all(unicodedata.category(c) not in ("Cc", "Zl", "Zp") for c in value), (name, value)
                    assert len(value.encode()) <= 2048 + 8, (name, len(value))
                assert record["PRIORITY"] in "456", record
    assert len(journal.records) > len(nasty) * 4


@test
def who_is_refused_often_is_counted_and_the_others_are_on_record_as_before():
    root, caller = Caller(), Caller("nobody-special")
    # One after the other: the queue of the journal has room for a few alone.
    for _ in range(130):
        root.call(world.ROOT, world.MANAGER, "RemovePool", "(sa{sv})", ("none-such", {}))
        assert results(journal.take(2)) == ["granted", "refused"], "who is granted it has each on record"
    for n in range(130):
        caller.call(world.ROOT, world.MANAGER, "Reload")
        assert n >= 90 or results(journal.take(1)) == ["not-authorized"], n
    assert len(journal.settle()) <= 10
    path, error = w.attach("web", "nic", user="lab")
    assert not error and results(journal.take(2)) == ["granted", "done"], error
    assert w.detach(path) is None
    journal.take(2)


@test
def a_journal_that_does_not_read_holds_nobody_up_and_what_it_lost_is_counted():
    root, n = Caller(), 400
    journal.reads.clear()
    for _ in range(n):
        assert root.call(world.ROOT, world.MANAGER, "Reload")[1] is None
    journal.reads.set()
    records, n_more = [], []

    def counted():
        n_more.append(1)
        assert root.call(world.ROOT, world.MANAGER, "Reload")[1] is None
        records.extend(journal.take())
        return any("HOSTDEVD_LOST" in record for record in records)
    world.wait_for(counted, "a record that counts")
    lost = [int(record["HOSTDEVD_LOST"]) for record in records if "HOSTDEVD_LOST" in record]
    print(f"# of {2 * n} records {sum(lost)} were lost, and counted as such")
    assert lost and 2 * n <= len(records) + sum(lost) <= 2 * (n + len(n_more)), (len(records), lost, len(n_more))
    journal.settle()


@test
def without_a_journal_it_is_one_line():
    os.unlink(SOCKET)
    before = len(w.log("daemon"))
    w.attach("web", 'ni"c\nHOSTDEVD_UID="0"', user="lab")
    line, = [line for line in w.log("daemon")[before:].splitlines() if "HOSTDEVD_" in line]
    assert line.startswith("audit: HOSTDEVD_") and 'HOSTDEVD_RESULT="refused"' in line, line
    assert r'HOSTDEVD_ARGUMENT_2="ni\x22c\x0aHOSTDEVD_UID=\x220\x22"' in line, line


if __name__ == "__main__":
    world.enter()
    journal = None

    def make(build):
        """As with_fake(), with a journal before the daemon is there."""
        global journal
        real = world.World.bus

        def bus(self, *arguments):
            global journal
            journal = Journal()
            real(self, *arguments)
        world.World.bus = bus
        return world.with_fake(build)

    world.main(sys.modules[__name__], sys.argv[1], make)
