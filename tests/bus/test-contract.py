#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The contract on the bus and what is offered there are the same.

usage: test-contract.py SOURCE SHOW-CONTRACT

Everything is enumerated from dbus/*.xml; SHOW-CONTRACT prints what the service really has.
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import xml.dom.minidom
import xml.etree.ElementTree as ElementTree

import tap
from tap import test

SOURCE = pathlib.Path(sys.argv[1])
FILES = sorted((SOURCE / "dbus").glob("org.hostdev1.*.xml"))
EMITS = "org.freedesktop.DBus.Property.EmitsChangedSignal"
STANDARD = {f"org.freedesktop.DBus.{name}"
            for name in ("Introspectable", "ObjectManager", "Peer", "Properties")}


class Offered:
    """What SHOW-CONTRACT says."""

    def __init__(self):
        text = subprocess.run([sys.argv[2]], check=True, capture_output=True, text=True).stdout
        head, *objects = re.split(r"^object (\S+)\n", text, flags=re.M)
        lines = [line.split() for line in head.splitlines()]
        self.methods = {(line[1], line[2]): set(line[3:]) for line in lines if line[0] == "method"}
        self.actions = {line[1] for line in lines if line[0] == "action"}
        self.handlers = [line[1:] for line in lines if line[0] == "handler"]
        self.interfaces = {}
        for document in objects[1::2]:
            for interface in ElementTree.fromstring(document).iter("interface"):
                if interface.get("name") not in STANDARD:
                    self.interfaces[interface.get("name")] = shape(interface)


def shape(interface):
    """Names, signatures, argument names, access and how a property changes."""
    members = {}
    for member in interface:
        if member.tag in ("method", "signal"):
            members[member.get("name")] = [
                (arg.get("direction"), arg.get("type"), arg.get("name")) for arg in member.iter("arg")]
        elif member.tag == "property":
            emits = [a.get("value") for a in member.iter("annotation") if a.get("name") == EMITS]
            members[member.get("name")] = (member.get("type"), member.get("access"), emits or ["true"])
    return members


def written_interfaces():
    for path in FILES:
        for interface in ElementTree.parse(path).getroot().iter("interface"):
            yield path, interface


offered = Offered()


@test
def the_vtables_are_what_the_XML_says():
    written = {interface.get("name"): shape(interface) for _, interface in written_interfaces()}
    assert len(written) == 5, sorted(written)
    for name in written.keys() | offered.interfaces.keys():
        assert written.get(name) == offered.interfaces.get(name), name


@test
def every_file_holds_the_interface_that_it_is_named_after():
    for path, interface in written_interfaces():
        assert path.name == interface.get("name") + ".xml", path.name


def documents(node):
    """The comment that stands before each element: its element, first line, and text."""
    comment = None
    for child in node.childNodes:
        if child.nodeType == child.COMMENT_NODE:
            comment = child.data.strip()
        elif child.nodeType == child.ELEMENT_NODE:
            yield child, comment
            comment = None


@test
def every_member_is_documented_in_sentences():
    for path in FILES:
        root = xml.dom.minidom.parse(str(path)).documentElement
        for interface, text in documents(root):
            assert text and text.splitlines()[0].strip() == interface.getAttribute("name") + ":", path.name
            for member, text in documents(interface):
                if member.tagName not in ("method", "property", "signal"):
                    continue
                name = member.getAttribute("name")
                assert text, f"{path.name}: {name} has no comment"
                assert text.splitlines()[0].strip() == name + ":", f"{path.name}: {name}: {text.splitlines()[0]}"
                assert re.search(r"[.?!]$", text), f"{path.name}: {name} does not end as a sentence"
                assert len(text.splitlines()) > 1, f"{path.name}: {name} is not explained"
                for arg in member.getElementsByTagName("arg"):
                    assert re.search(rf"^\s*@{arg.getAttribute('name')}: \S", text, re.M), \
                        f"{path.name}: {name}: {arg.getAttribute('name')} is not explained"


@test
def gdbus_codegen_accepts_every_file():
    with tempfile.TemporaryDirectory() as directory:
        for path in FILES:
            subprocess.run(["gdbus-codegen", "--generate-c-code", "out", "--generate-docbook", "doc", str(path)],
                           cwd=directory, check=True, stdout=subprocess.DEVNULL)


@test
def every_method_is_bound_to_actions_or_to_the_word_public():
    written = {(interface.get("name"), method.get("name"))
               for _, interface in written_interfaces() for method in interface.iter("method")}
    assert offered.methods.keys() == written, offered.methods.keys() ^ written
    assert all(offered.methods.values()), "a row without a word"


@test
def the_public_methods_are_those_that_only_read():
    public = {member for (_, member), actions in offered.methods.items() if actions == {"public"}}
    assert public == {"Explain", "CheckHost", "GetDevice", "GetPool", "GetAlias", "ListAttachments"}, public


@test
def every_method_is_reached_through_the_table():
    assert len(offered.handlers) == len(offered.methods)
    assert all(how == "table" for _, how in offered.handlers), offered.handlers


@test
def no_property_can_be_written():
    for path, interface in written_interfaces():
        for member in interface.iter("property"):
            assert member.get("access") == "read", f"{path.name}: {member.get('name')}"


@test
def who_calls_is_known_by_the_name_on_the_bus_alone():
    forbidden = r"unix-process|/proc/|SD_BUS_CREDS|get_creds|get_owner_creds|getpid|sd_bus_query_sender"
    for path in sorted((SOURCE / "service/bus").glob("*.[ch]")):
        found = re.search(forbidden, path.read_text())
        assert not found, f"{path.name}: {found.group(0)}"
    assert '"system-bus-name"' in (SOURCE / "service/bus/authority.c").read_text()


@test
def the_loop_never_waits_for_an_answer():
    """A call that waits is sd_bus_call(), sd_bus_call_method(), or setting up a match; only taking the name may."""
    waiting = r"\bsd_bus_(call|call_method|match_signal|add_match|get_name_creds|get_property\w*|process|wait)\("
    for path in sorted((SOURCE / "service/bus").glob("*.[ch]")):
        found = re.search(waiting, path.read_text())
        assert not found, f"{path.name}: {found.group(0)}"


def policy_actions():
    return {action.get("id"): action
            for action in ElementTree.parse(SOURCE / "polkit/org.hostdev1.policy").getroot().iter("action")}


@test
def the_actions_are_those_of_the_policy_file():
    assert offered.actions == policy_actions().keys(), offered.actions ^ policy_actions().keys()
    used = set().union(*offered.methods.values()) - {"public"}
    assert used == offered.actions, used ^ offered.actions


@test
def the_actions_are_those_of_the_README():
    text = (SOURCE / "README.md").read_text() if (SOURCE / "README.md").exists() else ""
    named = set(re.findall(r"`(org\.hostdev1\.[a-z][a-z-]*)`", text))
    if not named:
        raise tap.Skip("the README names no action")
    assert named == offered.actions, named ^ offered.actions


@test
def the_message_ids_of_the_audit_are_those_of_the_manual():
    header = (SOURCE / "service/bus/audit.h").read_text()
    ids = re.findall(r'^#define AUDIT_\w+_ID "([0-9a-f]{32})"$', header, re.M)
    named = re.findall(r"^\.It MESSAGE_ID=([0-9a-f]{32})$", (SOURCE / "docs/man/hostdevd.8").read_text(), re.M)
    assert len(set(ids)) == 2 and sorted(ids) == sorted(named), (ids, named)


@test
def only_taking_back_ones_own_is_allowed_without_a_question():
    for name, action in policy_actions().items():
        expected = "yes" if name == "org.hostdev1.detach-own" else "auth_admin"
        defaults = [action.find(f"defaults/allow_{who}").text for who in ("any", "inactive", "active")]
        assert defaults == [expected] * 3, f"{name}: {defaults}"


@test
def every_action_is_owned_by_the_daemons_user_and_explained():
    for name, action in policy_actions().items():
        owners = [note.text for note in action.iter("annotate")
                  if note.get("key") == "org.freedesktop.policykit.owner"]
        assert owners == ["unix-user:hostdevd"], f"{name}: {owners}"
        assert action.find("description").text and action.find("message").text.endswith("."), name


def bus_policy():
    return ElementTree.parse(SOURCE / "dbus/org.hostdev1.conf").getroot()


@test
def the_bus_lets_through_exactly_the_interfaces_there_are():
    allowed = [rule.get("send_interface") for rule in bus_policy().iter("allow") if rule.get("send_interface")]
    assert len(allowed) == len(set(allowed)), "an interface stands twice"
    assert set(allowed) == offered.interfaces.keys() | STANDARD, set(allowed) ^ offered.interfaces.keys()


@test
def no_rule_of_the_bus_reaches_beyond_the_service():
    for policy in bus_policy().iter("policy"):
        for rule in policy:
            if rule.get("own"):
                assert rule.tag == "allow" and policy.get("user") == "hostdevd", "own"
                continue
            assert rule.get("send_destination") == "org.hostdev1", rule.attrib
    assert sum(1 for rule in bus_policy().iter("allow") if rule.get("own")) == 1


@test
def nobody_sends_the_service_a_signal_alone():
    denied = [rule.attrib for rule in bus_policy().iter("deny")]
    assert denied == [{"send_destination": "org.hostdev1", "send_type": "signal", "send_broadcast": "false"}], denied


@test
def the_service_is_started_by_systemd_alone():
    lines = (SOURCE / "dbus/org.hostdev1.service.in").read_text().splitlines()
    for line in ("Name=org.hostdev1", "Exec=/bin/false", "User=hostdevd", "SystemdService=hostdevd.service"):
        assert line in lines, line


tap.run(tap.tests_of(sys.modules[__name__]))
