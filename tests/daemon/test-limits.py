#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The limits of the contract at the daemon itself: what is one too many is refused at once, with LimitExceeded and nothing
changed; a message with file descriptors leaves none."""

import os
import sys
import time

import world
from tap import test
from world import DATABASE, MANAGER, ROOT, wait_for

sys.path.append(str(world.SOURCE / "tests" / "security"))
from callers import ADDRESS, Caller, Gio, GLib  # noqa: the path comes first

ATTACHMENTS_PER_USER, POOLS, ALIASES = 64, 256, 1024
LIMIT = "org.hostdev1.Error.LimitExceeded"

CONFIGURATION = """\
[Pool all]
Match=vendor_id=8086

[Alias vf]
Match=device_type=type-VF
"""


def make(build):
    w = world.World(build)
    w.host("--functions", 2 * ATTACHMENTS_PER_USER)
    w.bus()
    w.polkit()
    w.configure(CONFIGURATION)
    w.truth = world.Truth(w)
    w.truth.ask("define", name="database", uuid=DATABASE)
    w.fake_daemon()
    return w


def state():
    """What a call that is refused must leave as it was, but for the objects."""
    return {path.name: path.read_bytes() for path in sorted(w.state.iterdir())}, w.truth.ask("truth")["domains"]


def refused_at_once(caller, method, signature, arguments):
    """With nothing changed: objects are told of, and nobody hears of any."""
    heard, before = [], state()
    root = Caller()
    match = root.bus.signal_subscribe(world.NAME, None, None, None, None, Gio.DBusSignalFlags.NONE,
                                      lambda *signal: heard.append(signal[4]))
    root.call(ROOT, "org.freedesktop.DBus.Peer", "Ping")
    begin = time.monotonic()
    assert caller.call(ROOT, MANAGER, method, signature, arguments) == (None, LIMIT), arguments
    print(f"# {method}: refused after {(time.monotonic() - begin) * 1000:.1f} ms")
    root.call(ROOT, "org.freedesktop.DBus.Peer", "Ping")
    while GLib.MainContext.default().iteration(False):
        pass
    root.bus.signal_unsubscribe(match)
    root.leave()
    assert state() == before and not heard, heard


@test
def a_user_has_sixty_four_attachments_and_no_more():
    lab, root = Caller("lab"), Caller()
    paths = []
    for _ in range(ATTACHMENTS_PER_USER):
        answer, error = lab.call(ROOT, MANAGER, "Attach", "(ssa{sv})", ("database", "vf", {}))
        assert not error, error
        paths += answer
    n_questions = w.log("daemon").count('HOSTDEVD_RESULT="granted"')
    refused_at_once(lab, "Attach", "(ssa{sv})", ("database", "vf", {}))
    assert w.log("daemon").count('HOSTDEVD_RESULT="granted"') == n_questions, "polkit is not asked"

    answer, error = root.call(ROOT, MANAGER, "Attach", "(ssa{sv})", ("database", "vf", {}))
    assert not error, "root is not bound"
    paths += answer
    for caller, path in ((lab, paths[0]), (root, paths[-1])):
        assert caller.call(path, "org.hostdev1.Attachment", "Detach", "(a{sv})", ({},))[1] is None
    answer, error = lab.call(ROOT, MANAGER, "Attach", "(ssa{sv})", ("database", "vf", {}))
    assert not error, "there is room again"
    for path in [*paths[1:-1], *answer]:
        assert root.call(path, "org.hostdev1.Attachment", "Detach", "(a{sv})", ({},))[1] is None


def fill(kind, most):
    """Adds as many as there may be, and one more; then another in the place of one."""
    lab = Caller("lab")
    signature = "(saa{ss}a{sv})"
    n = sum(f"/{kind.lower()}/" in path for path in w.objects())
    for number in range(n, most):
        _, error = lab.call(ROOT, MANAGER, f"Add{kind}", signature, (f"n{number}", [{"vendor_id": "ffff"}], {}))
        assert not error, (number, error)
    refused_at_once(lab, f"Add{kind}", signature, ("more", [{"vendor_id": "ffff"}], {}))
    assert lab.call(ROOT, MANAGER, f"Remove{kind}", "(sa{sv})", (f"n{n}", {}))[1] is None
    assert lab.call(ROOT, MANAGER, f"Add{kind}", signature, ("more", [], {}))[1] is None, "there is room again"


@test
def there_are_256_pools_and_no_more():
    fill("Pool", POOLS)


@test
def there_are_1024_aliases_and_no_more():
    fill("Alias", ALIASES)


@test
def no_file_descriptor_is_taken():
    def descriptors():
        assert lab.call(ROOT, MANAGER, "GetPool", "(s)", ("all",))[1] is None
        return len(os.listdir(f"/proc/{w.processes['daemon'].pid}/fd"))

    lab, errors = Caller("lab"), set()
    before = descriptors()
    passing = Gio.DBusConnection.new_for_address_sync(
        ADDRESS, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
    for _ in range(200):
        given = Gio.UnixFDList.new_from_array([os.open("/dev/null", os.O_RDONLY) for _ in range(4)])
        call = Gio.DBusMessage.new_method_call(world.NAME, ROOT, MANAGER, "Attach")
        call.set_body(GLib.Variant("(ssa{sv})", ("database", "vf", {"reason": GLib.Variant("h", 0)})))
        call.set_unix_fd_list(given)
        answer, _ = passing.send_message_with_reply_sync(call, Gio.DBusSendMessageFlags.NONE, 60000, None)
        errors.add(answer.get_error_name())
    print(f"# 200 calls with four descriptors each: {errors}; the daemon has {before} before, {descriptors()} after")
    assert None not in errors and not w.attachments()
    wait_for(lambda: descriptors() == before, f"{before} descriptors as before")


if __name__ == "__main__":
    world.enter()
    world.main(sys.modules[__name__], sys.argv[1], make)
