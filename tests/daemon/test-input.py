#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bad input gets the error of the contract and changes nothing: not the state directory, not libvirt,
not the object tree."""

import sys

import world
from tap import test

INVALID = "org.freedesktop.DBus.Error.InvalidArgs"


def refused(error, interface, method, signature, *arguments, path=world.ROOT):
    before = w.everything()
    answer, name = w.call_raw(path, interface, method, signature, *arguments)
    assert name == (error if "." in error else f"org.hostdev1.Error.{error}"), f"{method}: {name}, not {error}"
    assert w.everything() == before, f"{method} changed something"


def attach(error, domain, request, **options):
    refused(error, world.MANAGER, "Attach", "ssa{sv}", domain, request,
            {key.replace("_", "-"): value for key, value in options.items()})


@test
def names_that_name_nothing():
    attach("NoSuchAlias", "test", "gpux")
    attach("NoSuchDomain", "nonesuch", "nic")
    attach("NoSuchDomain", "00000000-0000-0000-0000-000000000000", "nic")
    for method, error, name in (("GetDevice", "NoSuchDevice", "0000:99:00.0"), ("GetDevice", "NoSuchDevice", "x"),
                                ("GetPool", "NoSuchPool", "x"), ("GetAlias", "NoSuchAlias", "x")):
        refused(error, world.MANAGER, method, "s", name)


@test
def request_text_that_says_nothing():
    for text in ("", "nic:0", "nic:x", "nic:65", "nic:-1", "nic:1:2", ",", "nic,,vf", "nic:", ":2",
                 "nic:33,vf:32", ",".join(["nic"] * 17), "nic:99999999999999999999"):
        attach("InvalidRequest", "test", text)


@test
def a_request_of_a_mebibyte():
    attach("InvalidRequest", "test", "n" * (1 << 20) + ":x")
    attach("InvalidRequest", "test", "nic," * (1 << 18))
    attach("LimitExceeded", "test", "n" * (1 << 22) + ":x")


@test
def options_that_are_none():
    attach(INVALID, "test", "nic", dryrun=True)
    attach(INVALID, "test", "nic", dry_run="yes")
    attach(INVALID, "test", "nic", live=1)
    attach(INVALID, "test", "nic", live=False, config=False)
    attach(INVALID, "test", "nic", owner=0)
    attach(INVALID, "test", "nic", numa_policy="near")
    attach(INVALID, "test", "nic", reason="two\nlines")
    attach(INVALID, "test", "nic", reason="x" * 201)
    attach(INVALID, "test", "nic", reason="turned \u202e round")


@test
def wrong_signatures():
    refused(INVALID, world.MANAGER, "Attach", "ss", "test", "nic")
    refused(INVALID, world.MANAGER, "Attach", "sss", "test", "nic", "x")
    refused(INVALID, world.MANAGER, "GetDevice", "u", 7)


@test
def members_and_objects_that_are_not_there():
    refused("org.freedesktop.DBus.Error.UnknownMethod", world.MANAGER, "Steal", "")
    refused("org.freedesktop.DBus.Error.UnknownObject", "org.hostdev1.Device", "Take", "",
            path=world.ROOT + "/device/pci_0000_99_00_0")
    refused("org.freedesktop.DBus.Error.UnknownObject", "org.hostdev1.Attachment", "Detach", "a{sv}", {},
            path=world.ROOT + "/attachment/99")


@test
def pools_and_aliases_that_cannot_be():
    def add(error, method, name, match, options=None):
        import dbus
        refused(error, world.MANAGER, method, "saa{ss}a{sv}", name,
                dbus.Array(match, signature="a{ss}"), dbus.Dictionary(options or {}, signature="sv"))

    add("InvalidName", "AddPool", "", [{"vendor_id": "8086"}])
    add("InvalidName", "AddPool", "-x", [{"vendor_id": "8086"}])
    add("InvalidName", "AddPool", "a b", [{"vendor_id": "8086"}])
    add("InvalidName", "AddAlias", "x" * 65, [{"vendor_id": "8086"}])
    add("InvalidMatch", "AddPool", "new", [{"vendor": "8086"}])
    add("InvalidMatch", "AddPool", "new", [{"vendor_id": "808"}])
    add("InvalidMatch", "AddPool", "new", [{"address": "3*"}])
    add("InvalidMatch", "AddPool", "new", [{"device_type": "type-PF"}])
    add("AlreadyExists", "AddPool", "nics", [{"vendor_id": "8086"}])
    add("AlreadyExists", "AddAlias", "nic", [{"vendor_id": "8086"}])
    add(INVALID, "AddAlias", "new", [{"vendor_id": "8086"}], {"unit": "card"})
    add(INVALID, "AddPool", "new", [{"vendor_id": "8086"}], {"unit": "slot"})
    refused("ReadOnly", world.MANAGER, "RemovePool", "sa{sv}", "nics", {})
    refused("ReadOnly", world.MANAGER, "RemoveAlias", "sa{sv}", "nic", {})
    refused("NoSuchPool", world.MANAGER, "RemovePool", "sa{sv}", "none", {})
    refused("NoSuchAlias", world.MANAGER, "RemoveAlias", "sa{sv}", "none", {})


@test
def a_configuration_with_an_error_leaves_the_old_one_in_force():
    for number, text in ((2, "[Pool a]\nMatch=vendr_id=8086\n"), (1, "[Pol a]\n"), (2, "[Pool a]\nMach=x\n"),
                         (2, "[pci]\ndevice_spec = {\"address\": \n")):
        w.configure(text, "hostdevd.conf.d/50-bad.conf")
        before = w.everything()
        answer, error = w.call(world.ROOT, world.MANAGER, "Reload")
        assert error and f"50-bad.conf:{number}:" in error, error
        refused("InvalidConfig", world.MANAGER, "Reload", "")
        assert w.everything() == before
        done = w.ctl("check-config", w.configuration / "hostdevd.conf.d/50-bad.conf")
        assert done.returncode == 1 and f"50-bad.conf:{number}:" in done.stderr + done.stdout, done
    (w.configuration / "hostdevd.conf.d/50-bad.conf").unlink()
    answer, error = w.call(world.ROOT, world.MANAGER, "Reload")
    assert not error, error


if __name__ == "__main__":
    world.enter()
    world.main(sys.modules[__name__], sys.argv[1])
