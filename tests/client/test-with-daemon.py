#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""hostdevctl and hostdevd together, among real parts: what the one asks the other understands.

usage: test-with-daemon.py BUILD
"""

import json
import pathlib
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / 'daemon'))

import world  # noqa: found only now
from tap import test

NIC = '0000:21:00.0'


def done(*arguments, user=None):
    result = w.ctl(*arguments, user=user)
    assert (result.returncode, result.stderr) == (0, ''), result
    return result.stdout


def document(*arguments, user=None):
    return json.loads(done('--json', *arguments, user=user))


def fails(status, *arguments, user=None):
    result = w.ctl(*arguments, user=user)
    assert result.returncode == status and result.stdout == '', result
    assert result.stderr.count('\n') == 1, result
    return result.stderr


def everything():
    """What a failed call leaves as it was."""
    return w.objects(), w.virsh('dumpxml', '--inactive', 'test').stdout


def documented(kind):
    path = world.SOURCE / 'dbus' / f'org.hostdev1.{kind}.xml'
    tree = xml.etree.ElementTree.parse(path)
    names = [p.get('name') for p in tree.iter('property')]
    return {re.sub(r'(?<=[a-z])([A-Z])', r'_\1', name).lower() for name in names} | {'path'}


@test
def every_documented_property_is_in_the_documents():
    done('attach', 'test', 'nic')
    status = document('status')
    assert set(status) == documented('Manager') | {'pools', 'attachments'}
    for verb, kind in (('devices', 'Device'), ('pools', 'Pool'), ('aliases', 'Alias'),
                       ('attachments', 'Attachment')):
        for row in document(verb):
            assert set(row) == documented(kind), verb
    done('detach', 'test')


@test
def what_is_attached_is_shown_everywhere_until_it_is_detached():
    given = document('attach', 'test', 'nic:1,vf', '--reason=two words')
    number, devices = given['id'], given['devices']
    assert given['state'] == 'attached' and given['config'] is True and given['live'] is False
    assert given['reason'] == 'two words' and NIC in devices and len(devices) == 2
    assert [a['id'] for a in document('attachments')] == [number]
    device = document('show', NIC)['device']
    assert device['attachment'] == number and device['holder'] == f'attachment:{number}'
    assert f'attachment {number}\n' in done('show', str(number))
    assert w.virsh('dumpxml', '--inactive', 'test').stdout.count('<hostdev ') == 2
    assert [a['id'] for a in document('detach', str(number))] == [number]
    assert document('attachments') == []
    assert document('show', NIC)['device']['attachment'] is None
    assert '<hostdev ' not in w.virsh('dumpxml', '--inactive', 'test').stdout


@test
def a_domain_gives_back_all_that_it_has():
    first, second = (document('attach', 'test', request)['id'] for request in ('nic', 'vf'))
    uuid = w.virsh('domuuid', 'test').stdout.strip()
    assert sorted(a['id'] for a in document('detach', uuid)) == [first, second]
    fails(4, 'detach', 'test')


@test
def a_dry_run_changes_nothing():
    before = everything()
    assert document('attach', 'test', 'nic', '--dry-run') is None
    fails(3, 'attach', 'test', 'nic:3', '--dry-run')
    assert everything() == before


@test
def refusals_and_mistakes_have_their_exit_status():
    before = everything()
    assert '3 asked' in fails(3, 'attach', 'test', 'nic:3')
    assert 'gpx' in fails(4, 'attach', 'test', 'gpx')
    assert 'nonesuch' in fails(4, 'attach', 'nonesuch', 'nic')
    fails(2, 'attach', 'test', 'nic:x')
    fails(2, 'attach', 'test', 'nic', '--wait=21')
    fails(2, 'attach', 'test', 'nic', '--reason=turned \u202e round')
    fails(3, 'attach', 'test', 'nic', '--live')
    fails(4, 'detach', '4000000000')
    fails(3, 'pool', 'remove', 'nics')
    fails(4, 'pool', 'remove', 'nonesuch')
    fails(2, 'pool', 'add', '-x', 'class=02') and fails(2, 'pool', 'add', 'x y', 'class=02')
    fails(2, 'alias', 'add', 'x', 'colour=blue')
    assert everything() == before


@test
def who_may_not_is_refused_and_who_may_is_not():
    before = everything()
    fails(3, 'attach', 'test', 'nic', user='nobody-special')
    fails(3, '--no-ask-password', 'attach', 'test', 'nic', user='nobody-special')
    fails(3, 'reload', user='nobody-special')
    assert everything() == before
    number = document('attach', 'test', 'nic', user='lab')['id']
    assert document('show', str(number))['attachment']['owner_uid'] == world.USERS['lab']
    fails(3, 'detach', str(number), user='nobody-special')
    done('detach', str(number), user='lab')


@test
def pools_and_aliases_come_and_go():
    before = w.objects()
    done('pool', 'add', 'disks', 'class=0108', '--description=for two words')
    pool = document('show', 'disks')['pool']
    assert pool['description'] == 'for two words' and pool['source'] == 'runtime'
    assert pool['match'] == [{'class': '0108'}] and pool['total'] == 1
    fails(1, 'pool', 'add', 'disks', 'class=03')
    done('alias', 'add', 'disk', 'pool=disks', 'or', 'tag.rack=row 4', '--numa-policy=preferred')
    alias = document('show', 'disk')['alias']
    assert alias['match'] == [{'pool': 'disks'}, {'tag.rack': 'row 4'}]
    assert alias['numa_policy'] == 'preferred'
    done('alias', 'remove', 'disk')
    done('pool', 'remove', 'disks')
    assert w.objects() == before


@test
def explain_decides_as_attach_does():
    assert document('explain', 'nic:2')['fits'] is True
    answer = document('explain', 'nic:3', '--for=test')
    assert answer['fits'] is False and answer['summary']['text'] == '2 of 3: there are no more', answer['summary']
    assert '2 of 3 asked: there are no more' in fails(3, 'attach', 'test', 'nic:3')
    assert {row['device'] for row in document('explain', 'gpu')['candidates'] if row['chosen']} == {
        '0000:c1:00.0', '0000:c1:00.1'}


@test
def reload_and_check_config_tell_the_same_fault():
    w.configure('[Pool bad]\nMtach=class=02\n', 'hostdevd.conf.d/50-bad.conf')
    path = w.configuration / 'hostdevd.conf.d/50-bad.conf'
    text = fails(1, 'reload')
    checked = fails(1, 'check-config', str(path))
    assert checked.startswith(f'{path}:2: ') and text == 'hostdevctl: ' + checked
    path.unlink()
    done('reload')


@test
def monitor_tells_an_attachment_from_its_beginning_to_its_end():
    process = subprocess.Popen([w.program('client/hostdevctl'), 'monitor', '--json'], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=w.environment)
    assert json.loads(process.stdout.readline())['event'] == 'joined'
    number = document('attach', 'test', 'nic')['id']
    done('detach', str(number))
    states, nic = [], []
    while 'removed' not in states:
        event = json.loads(process.stdout.readline())
        if event['kind'] == 'attachment' and event['key'] == number:
            properties = event.get('properties') or event.get('changed') or {'state': 'removed'}
            states.append(properties.get('state'))
        if event['key'] == NIC:
            nic.append(event['changed'].get('state'))
    while nic[-1] != 'available':
        event = json.loads(process.stdout.readline())
        if event['key'] == NIC:
            nic.append(event['changed'].get('state'))
    assert states == ['attaching', 'attached', 'detaching', 'removed'], states
    assert nic == ['reserved', 'attached', 'available'], nic
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60) == ('', '') and process.returncode == 0


@test
def without_the_daemon_nothing_can_be_reached():
    w.stop('daemon')
    assert 'systemctl status hostdevd' in fails(5, 'status')
    fails(5, 'attach', 'test', 'nic')
    w.daemon()
    world.wait_for(lambda: w.property(world.ROOT, world.MANAGER, 'LibvirtConnected'), 'libvirt')
    assert document('status')['libvirt_connected'] is True


if __name__ == '__main__':
    world.enter()
    world.main(sys.modules[__name__], sys.argv[1])
