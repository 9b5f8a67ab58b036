#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that are made from dbus/*.xml work: C by gdbus-codegen, Python by its bindings.

usage: test-proxies.py BUILD
"""

import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "daemon"))

import world  # noqa: found only now
from tap import test

INTERFACES = sorted((HERE.parent.parent / "dbus").glob("*.xml"))
NIC = "0000:21:00.0"


def pkg_config(*packages):
    return subprocess.run(["pkg-config", "--cflags", "--libs", *packages], check=True, capture_output=True,
                          text=True).stdout.split()


@test
def proxies_of_gdbus_codegen_compile_without_a_warning_and_work():
    directory = w.directory / "proxies"
    directory.mkdir()
    subprocess.run(["gdbus-codegen", "--interface-prefix", "org.hostdev1.", "--c-namespace", "Hostdev",
                    "--c-generate-autocleanup", "all", "--generate-c-code", "proxies", *INTERFACES],
                   cwd=directory, check=True)
    subprocess.run(["cc", "-O0", "-Wall", "-Werror", "-o", "use-proxies", "-I.", HERE / "use-proxies.c", "proxies.c",
                    *pkg_config("gio-2.0", "gio-unix-2.0")], cwd=directory, check=True)
    done = w.run([directory / "use-proxies", "web", "nic"])
    assert done.returncode == 0, done.stderr
    version, line = done.stdout.splitlines()
    assert re.fullmatch(r"\d+\.\d+\.\d+", version), done.stdout
    assert re.fullmatch(rf"(\d+) web attached {NIC} attachment:\1", line), done.stdout
    assert w.attachments() == {}
    done = w.run([directory / "use-proxies", "web", "gpux"])
    assert done.returncode == 1 and "org.hostdev1.Error.NoSuchAlias" in done.stderr, done.stderr


def type_of(value):
    import dbus

    if isinstance(value, dbus.Array):
        return "a" + value.signature
    if isinstance(value, dbus.Dictionary):
        return "a{" + value.signature + "}"
    return {dbus.String: "s", dbus.Boolean: "b", dbus.UInt32: "u", dbus.Int32: "i", dbus.UInt64: "t",
            dbus.ObjectPath: "o"}[type(value)]


def proxy_class(path):
    """A class of Python made from the file of an interface: its methods and properties, by their names."""
    import dbus

    interface = ElementTree.parse(path).getroot().find("interface")
    name = interface.get("name")

    def make_method(member):
        inputs = [argument for argument in member.findall("arg") if argument.get("direction", "in") == "in"]

        def method(self, **arguments):
            assert set(arguments) == {argument.get("name") for argument in inputs}, arguments
            return self.bus.call_blocking("org.hostdev1", self.path, name, member.get("name"),
                                          "".join(argument.get("type") for argument in inputs),
                                          [arguments[argument.get("name")] for argument in inputs])
        return method

    def make_property(member):
        def read(self):
            value = self.bus.call_blocking("org.hostdev1", self.path, dbus.PROPERTIES_IFACE, "Get", "ss",
                                           [name, member.get("name")])
            assert type_of(value) == member.get("type"), member.get("name")
            return value
        return property(read)

    def begin(self, bus, path):
        self.bus, self.path = bus, path

    members = {member.get("name"): (make_method if member.tag == "method" else make_property)(member)
               for member in interface if member.tag in ("method", "property")}
    return type(name.rsplit(".", 1)[1], (), {"__init__": begin, **members})


@test
def proxies_of_python_made_from_the_files_reach_every_member():
    import dbus

    classes = {made.__name__: made for made in map(proxy_class, INTERFACES)}
    assert set(classes) == {"Manager", "Device", "Pool", "Alias", "Attachment"}
    none, bus = dbus.Dictionary({}, signature="sv"), w.connection()
    manager = classes["Manager"](bus, "/org/hostdev1")
    path = manager.Attach(domain="web", request="nic", options=none)
    objects = {"Manager": manager, "Attachment": classes["Attachment"](bus, path),
               "Device": classes["Device"](bus, manager.GetDevice(address=NIC)),
               "Pool": classes["Pool"](bus, manager.GetPool(name="nics")),
               "Alias": classes["Alias"](bus, manager.GetAlias(name="nic"))}
    seen = 0
    for kind, thing in objects.items():
        for name, member in vars(classes[kind]).items():
            if isinstance(member, property):
                member.__get__(thing)
                seen += 1
    assert seen > 50, seen
    assert objects["Device"].Attachment == path and objects["Attachment"].Domain == "web"
    assert manager.ListAttachments(domain="") == [path]
    assert manager.Explain(request="nic:2", options=none)[0] == 0
    assert manager.AddPool(name="new", match=dbus.Array([], signature="a{ss}"), options=none).endswith("/new")
    manager.RemovePool(name="new", options=none)
    manager.AddAlias(name="new", match=dbus.Array([{"class": "02"}], signature="a{ss}"), options=none)
    manager.RemoveAlias(name="new", options=none)
    manager.Reload()
    assert len(manager.CheckHost()) > 4
    objects["Attachment"].Detach(options=none)
    assert manager.ListAttachments(domain="") == []


GLIB = """
import sys
from gi.repository import Gio, GLib
bus = Gio.bus_get_sync(Gio.BusType.SYSTEM)
for path in sys.argv[1:]:
    for interface in Gio.DBusNodeInfo.new_for_xml(open(path).read()).interfaces:
        if interface.name == "org.hostdev1.Manager":
            manager = Gio.DBusProxy.new_sync(bus, 0, interface, "org.hostdev1", "/org/hostdev1", interface.name)
            print(manager.get_cached_property("HostReady").get_type_string(), manager.GetDevice("(s)", "21:00.0"))
            print(manager.Attach("(ssa{sv})", "web", "nic", {"dry-run": GLib.Variant("b", True)}))
"""


@test
def proxies_of_glib_in_python_take_the_files_as_they_are():
    done = w.run(["/usr/bin/python3", "-c", GLIB, *INTERFACES])
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert done.stdout == "b /org/hostdev1/device/pci_0000_21_00_0\n/\n", done.stdout


@test
def introspection_shows_the_names_of_all_arguments():
    done = w.busctl("introspect", "--xml-interface", "org.hostdev1", "/org/hostdev1")
    shown = {(interface.get("name"), method.get("name")): [argument.get("name") for argument in method.findall("arg")]
             for interface in ElementTree.fromstring(done.stdout).findall("interface")
             for method in interface.findall("method")}
    for path in INTERFACES:
        interface = ElementTree.parse(path).getroot().find("interface")
        if interface.get("name") != "org.hostdev1.Manager":
            continue
        methods = interface.findall("method")
        assert len(methods) > 10
        for method in methods:
            names = [argument.get("name") for argument in method.findall("arg")]
            assert shown[interface.get("name"), method.get("name")] == names and None not in names


if __name__ == "__main__":
    world.enter()
    world.main(sys.modules[__name__], sys.argv[1], world.with_fake)
