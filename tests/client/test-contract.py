#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The client, and the service that stands in for the daemon, speak of what dbus/*.xml documents.

usage: test-contract.py SOURCE
"""

import importlib.machinery
import importlib.util
import os
import pathlib
import re
import sys
import xml.etree.ElementTree

import dbus
from tap import run, test, tests_of

SOURCE = pathlib.Path(sys.argv[1])


def load_fake():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'fake-service')
    loader = importlib.machinery.SourceFileLoader('fake_service', path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader('fake_service', loader))
    loader.exec_module(module)
    return module


def interface(name):
    tree = xml.etree.ElementTree.parse(SOURCE / 'dbus' / f'org.hostdev1.{name}.xml')
    return tree.find(f".//interface[@name='org.hostdev1.{name}']")


def properties(name):
    return {p.get('name'): p.get('type') for p in interface(name).findall('property')}


def methods(name):
    return {m.get('name'): tuple(''.join(a.get('type') for a in m.findall('arg')
                                         if a.get('direction', 'in') == direction)
                                 for direction in ('in', 'out'))
            for m in interface(name).findall('method')}


def snake(name):
    return re.sub(r'(?<=[a-z])([A-Z])', r'_\1', name).lower()


def signature(value):
    return dbus.lowlevel.Message.guess_signature(value)


def fake_methods(of):
    return {name: (method._dbus_in_signature or '', method._dbus_out_signature or '')
            for name, method in vars(of).items()
            if getattr(method, '_dbus_is_method', False)
            and method._dbus_interface.startswith('org.hostdev1.')
            and method._dbus_interface != 'org.hostdev1.Fake'}


def member_strings(name):
    """The members that the tables of a source file name."""
    text = (SOURCE / 'client' / name).read_text(encoding='utf-8')
    return set(re.findall(r'\{\s*"[^"]*",\s*"([a-z_]+)"', text))


@test
def the_stand_in_has_the_properties_of_the_contract():
    kinds = {'device': 'Device', 'pool': 'Pool', 'alias': 'Alias', 'attachment': 'Attachment'}
    seen = set()
    for path, (kind, values) in load_fake().tree().items():
        seen.add(kind)
        assert {n: signature(v) for n, v in values.items()} == properties(kinds[kind]), path
    assert seen == set(kinds)


@test
def the_stand_in_has_methods_of_the_contract_alone():
    fake = load_fake()
    documented = methods('Manager')
    offered = fake_methods(fake.Root)
    assert len(offered) > 8, offered
    for name, signatures in offered.items():
        assert documented[name] == signatures, (name, documented[name], signatures)
    assert fake_methods(fake.Attachment) == methods('Attachment')


@test
def every_member_that_a_table_shows_is_in_the_contract():
    known = {snake(n) for kind in ('Device', 'Pool', 'Alias', 'Attachment') for n in properties(kind)}
    shown = member_strings('list.c') | member_strings('show.c')
    assert len(shown) > 30, shown
    assert shown <= known, shown - known


@test
def every_property_of_a_device_is_shown_somewhere():
    text = (SOURCE / 'client' / 'show.c').read_text(encoding='utf-8')
    missing = [n for n in properties('Device') if n != 'Address' and f'"{snake(n)}"' not in text]
    assert missing == [], missing


@test
def every_option_that_is_sent_is_documented():
    documents = ''.join(path.read_text(encoding='utf-8') for path in (SOURCE / 'dbus').glob('*.xml'))
    sent = set()
    for path in (SOURCE / 'client').glob('*.c'):
        sent |= set(re.findall(r'call_append_option\(call, "([a-z-]+)"', path.read_text(encoding='utf-8')))
    assert {'wait-seconds', 'dry-run', 'reason', 'domain', 'description', 'unit'} <= sent, sent
    missing = [name for name in sorted(sent | {'live', 'config'}) if name not in documents]
    assert missing == [], missing


@test
def every_method_that_is_called_is_in_the_contract():
    called = set()
    for path in (SOURCE / 'client').glob('*.c'):
        called |= set(re.findall(r'(?:MANAGER,|ATTACHMENT,|\(client,) "([A-Z]\w+)"',
                                 path.read_text(encoding='utf-8')))
    assert {'Attach', 'Detach', 'AddPool', 'Reload', 'Explain'} <= called, called
    known = set(methods('Manager')) | set(methods('Attachment')) | set(properties('Manager'))
    assert called <= known, called - known


if __name__ == '__main__':
    run(tests_of(sys.modules[__name__]))
