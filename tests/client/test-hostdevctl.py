#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""hostdevctl as a process, against a service that answers by script. Argument: the program."""

import fcntl
import json
import os
import pty
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading

from harness import PATIENCE, Bus, given
from tap import run, test, tests_of

PROGRAM = os.path.abspath(sys.argv[1])
OWN, COMMON = 'org.hostdev1.Error.', 'org.freedesktop.DBus.Error.'


class Result:
    def __init__(self, process, out, err):
        self.status, self.out, self.err = process.returncode, out, err

    def json(self):
        return json.loads(self.out)


def environment(bus, **more):
    return {**os.environ, 'DBUS_SYSTEM_BUS_ADDRESS': bus.address, 'LC_ALL': 'C.UTF-8',
            'TZ': 'UTC', **more}


def ctl(bus, *arguments, **more):
    process = subprocess.Popen([PROGRAM, *arguments], env=environment(bus, **more), text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(timeout=PATIENCE)
    return Result(process, out, err)


def done(bus, *arguments, **more):
    result = ctl(bus, *arguments, **more)
    assert result.status == 0, (result.status, result.err)
    assert result.err == '', result.err
    return result


def fails(bus, status, *arguments, **more):
    """The exit status, one line on stderr, and nothing on stdout."""
    result = ctl(bus, *arguments, **more)
    assert result.status == status, (result.status, result.out, result.err)
    assert result.out == '', result.out
    assert result.err.count('\n') == 1 and result.err.endswith('\n'), result.err
    return result.err


def rows(result):
    return [line.split() for line in result.out.splitlines()]


def fresh(bus):
    """The tree as it was at the beginning."""
    bus.stop_service()
    bus.start_service()



@test
def status_tells_host_pools_and_attachments(bus):
    result = done(bus)
    assert result.out == done(bus, 'status').out
    assert 'hostdevd 9.9' in result.out and 'test:///default' in result.out
    assert 'host ready: no' in result.out and 'check-host' in result.out
    assert ['10g-nics', '2', '4', '█' * 8 + '░' * 8, 'file', 'ports', 'for', 'guests'] in rows(result)
    assert any(row[:2] == ['17', 'guest'] for row in rows(result))


@test
def status_in_json_is_the_manager_with_pools_and_attachments(bus):
    document = done(bus, '--json').json()
    assert document['libvirt_uri'] == 'test:///default' and document['libvirt_connected'] is True
    assert document['host_ready'] is False and document['version'] == '9.9'
    assert [pool['name'] for pool in document['pools']] == ['10g-nics', 'both']
    assert [a['id'] for a in document['attachments']] == [9, 17, 18]


@test
def devices_are_those_of_pools_and_a_vf_hangs_from_its_pf(bus):
    table = rows(done(bus, 'devices'))
    assert table[0][:4] == ['ADDRESS', 'ID', 'DRIVER', 'NODE']
    assert [row[0] for row in table[1:]] == ['0000:41:00.0', '└─0000:41:10.0', '0000:41:00.1',
                                             '0000:41:00.2']
    assert table[3][1:8] == ['8086:154d', 'vfio-pci', '0', '12', '10g-nics', 'attached',
                             'attachment:17'], table[3]
    assert table[3][8:] == ['Intel', 'Corporation', 'Ethernet', '10G'], 'the reason is what the state says'
    scripts = rows(done(bus, 'devices', '--no-legend'))
    assert scripts[2][6:9] == ['attached', 'attachment:17', 'attached'], scripts[2]


@test
def all_devices_are_shown_with_unknown_node_and_group_as_dashes(bus):
    table = rows(done(bus, 'devices', '--all'))
    assert table[1][:8] == ['0000:01:00.0', '8086:f1a5', 'ixgbe', '-', '-', 'unavailable',
                            'host:/home', 'not-in-pool']
    assert len(table) == 6


@test
def devices_in_json_have_every_property_in_snake_case(bus):
    devices = done(bus, 'devices', '--json').json()
    assert [d['address'] for d in devices] == ['0000:41:00.0', '0000:41:00.1', '0000:41:00.2',
                                               '0000:41:10.0']
    first, second = devices[:2]
    assert set(first) == {
        'path', 'address', 'vendor_id', 'product_id', 'subsystem_vendor_id',
        'subsystem_product_id', 'class_code', 'vendor_name', 'product_name', 'class_name', 'driver',
        'numa_node', 'iommu_group', 'group_addresses', 'device_type', 'physical_function',
        'virtual_functions', 'max_virtual_functions', 'reset_methods', 'power_state', 'pool',
        'tags', 'state', 'reasons', 'attachment', 'holder'}
    assert first['path'] == '/org/hostdev1/device/pci_0000_41_00_0'
    assert first['pool'] == '10g-nics' and first['attachment'] is None
    assert first['tags'] == {'physical_network': 'physnet1'} and second['attachment'] == 17
    assert len(done(bus, 'devices', '--json', '--all').json()) == 5
    assert done(bus, 'devices', '--json', '--all').json()[0]['pool'] is None


@test
def pools_aliases_and_attachments_are_tables(bus):
    assert rows(done(bus, 'pools'))[1][:3] == ['10g-nics', '2', '4']
    assert rows(done(bus, 'aliases'))[2] == ['nic', '1', '3', 'function', 'legacy', 'file',
                                             'class=02']
    table = rows(done(bus, 'attachments', '--all'))
    assert [row[0] for row in table] == ['NUMBER', '9', '17', '18']
    assert table[2][1:6] == ['guest', 'nic', 'attached', 'live', '0000:41:00.1']


@test
def lists_in_json_refer_by_key(bus):
    assert done(bus, 'pools', '--json').json()[0]['devices'] == [
        '0000:41:00.0', '0000:41:00.1', '0000:41:00.2', '0000:41:10.0']
    assert done(bus, 'pools', '--json').json()[0]['match'] == [
        {'vendor_id': '8086', 'product_id': '154d'}, {'class': '02'}]
    assert [a['numa_policy'] for a in done(bus, '--json', 'aliases').json()] == ['required',
                                                                                 'legacy']
    assert done(bus, '--json', 'attachments').json()[1]['devices'] == ['0000:41:00.1']


@test
def no_legend_leaves_out_headings_and_sentences(bus):
    assert [row[0] for row in rows(done(bus, '--no-legend', 'attachments'))] == ['9', '17', '18']
    assert 'ADDRESS' not in done(bus, 'devices', '--no-legend').out


@test
def a_column_that_is_empty_throughout_is_left_out_but_for_scripts(bus):
    fresh(bus)
    assert 'LAST ERROR' in done(bus, 'attachments').out
    bus.fake().Forget(18)
    out = done(bus, 'attachments').out
    assert 'REASON' in out and 'LAST ERROR' not in out
    fresh(bus)


@test
def text_from_outside_cannot_reach_the_terminal_raw(bus):
    for verb in (['attachments'], ['show', '18'], ['status']):
        out = done(bus, *verb).out
        assert '\033' not in out and '\u2028' not in out, out
        assert 'a \\xe2\\x80\\xa8trick' in out
    assert 'libvirt\\x0asaid' in done(bus, 'attachments').out


@test
def show_finds_addresses_names_and_numbers(bus):
    out = done(bus, 'show', '41:00.0').out
    assert out.startswith('device 0000:41:00.0\n') and 'physical_network=physnet1' in out
    assert 'IOMMU group: 12' in out and 'VFs at most: 63' in out
    assert 'VFs' not in done(bus, 'show', '41:00.1').out
    out = done(bus, 'show', '17').out
    assert out.startswith('attachment 17\n') and '2023-11-14 22:13:20 UTC' in out
    assert '0000:41:00.1' in out and '0000:41:00.2' not in out
    assert 'vendor_id=8086 product_id=154d or class=02' in done(bus, 'show', '10g-nics').out


@test
def show_tells_of_a_pool_and_an_alias_of_the_same_name(bus):
    out = done(bus, 'show', 'both').out
    assert 'pool both' in out and 'alias both' in out
    document = done(bus, 'show', 'both', '--json').json()
    assert set(document) == {'pool', 'alias'} and document['alias']['unit'] == 'slot'
    assert set(done(bus, 'show', '--json', '0000:41:00.1').json()) == {'device'}


@test
def show_of_nothing_known_is_status_4(bus):
    for thing in ('x', '0000:99:00.0', '1700', ''):
        assert f"'{thing}'" in fails(bus, 4, 'show', thing)
        fails(bus, 4, 'show', '--json', thing)


@test
def explain_shows_what_is_chosen_first_and_leaves_out_what_is_not_meant(bus):
    lines = done(bus, 'explain', 'nic').out.splitlines()
    assert lines[0] == 'nic: wanted 1, fits 1 (whole cards, NUMA policy required)', lines[0]
    assert lines[1].split() == ['DEVICE', 'NODE', 'PRODUCT']
    assert lines[2].split() == ['✓', '0000:41:00.1', '1', 'chosen', 'Ethernet', '10G'], lines[2]
    assert [line.split()[:5] for line in lines[3:7]] == [
        ['·', f'0000:42:00.{n}', '1', 'not', 'needed'] for n in range(4)], lines
    assert 'group mate 0000:41:00.2 is held by attachment:18' in lines[7], lines[7]
    assert lines[8:] == ['  (3 more that would do, 1 of another kind: --all shows them)', '', 'fits'], lines[8:]


@test
def explain_shows_every_device_when_all_are_asked_for(bus):
    lines = done(bus, 'explain', 'nic', '--all').out.splitlines()
    assert [line.split()[1] for line in lines[2:] if '0000:' in line[:16]] == [
        '0000:41:00.1', *(f'0000:42:00.{n}' for n in range(7)), '0000:41:00.0', '0000:01:00.0'], lines
    assert 'of another kind' in lines[-4] and 'on NUMA node 1' in lines[-3], lines[-4:]


@test
def explain_says_in_words_what_stands_against_a_device(bus):
    result = done(bus, 'explain', 'nic', '--for=x')
    assert 'nic: wanted 1, fits 0 ' in result.out
    assert 'used by the host: eth0' in result.out and 'on NUMA node 1, x is on 0 2' in result.out, result.out
    assert '\033' not in result.out, 'what the host says reaches the terminal as it is'
    assert result.out.endswith('\ndoes not fit: 0 of 1: 2 used by the host as eth0\n'), result.out


@test
def explain_tells_who_may_not_and_who_would_have_to_authenticate(bus):
    out = done(bus, 'explain', 'nic', '--for=y').out
    assert out.count(' 1 not authorized') == 2 and out.endswith('\ndoes not fit: not authorized to attach to y\n'), out
    out = done(bus, 'explain', 'nic', '--for=z').out
    assert out.endswith('\nfits; to attach you would have to authenticate\n'), out


@test
def explain_marks_without_utf8_too(bus):
    out = done(bus, 'explain', 'nic', LC_ALL='C').out
    assert out.isascii() and '\n+ 0000:41:00.1 ' in out and '\nx 0000:41:00.0 ' in out, out


@test
def explain_for_scripts_has_a_line_a_candidate(bus):
    result = done(bus, 'explain', 'nic', '--no-legend')
    assert rows(result)[:3] == [['nic', '0000:01:00.0', 'no', 'ids', 'numa'], ['nic', '0000:41:00.0', 'no', 'group-in-use'],
                                ['nic', '0000:41:00.1', 'yes']], result.out
    assert len(rows(result)) == 10


@test
def explain_in_json_is_what_the_service_says(bus):
    document = done(bus, '--json', 'explain', 'nic', '--for=z').json()
    assert set(document) == {'fits', 'candidates', 'summary'} and document['fits'] is True
    row, summary = document['candidates'][1], document['summary']
    assert row['item'] == 'nic' and row['device'] == '0000:41:00.0' and row['reasons'] == ['group-in-use']
    assert row['details']['group_mates'] == [['0000:41:00.2', 'vfio-pci', 'attachment:18']]
    assert row['details']['numa_node'] == 1 and summary['authorization'] == 'challenge'
    assert summary['items'][0]['numa_policy'] == 'required' and summary['numa_nodes'] == [0, 2]


@test
def explain_is_readable_on_a_narrow_terminal(bus):
    for columns in (80, 120):
        text = on_terminal(bus, 'explain', 'nic', columns=columns, NO_COLOR='1')
        assert max(len(line.rstrip()) for line in text.splitlines()) <= columns, text
        assert 'group mate 0000:41:00.2 is held by attachment:18' in text, text
    assert '\033[1;32m✓' in on_terminal(bus, 'explain', 'nic', NO_COLOR='')


@test
def check_host_fails_when_a_check_does(bus):
    result = ctl(bus, 'check-host')
    assert result.status == 1 and result.err == ''
    assert ['vfio', 'fail', 'no', 'module', 'vfio-pci'] in rows(result)
    assert ctl(bus, 'check-host', '--json').json()[1]['fix'] == 'modprobe vfio-pci'



@test
def attach_passes_its_options_and_tells_the_devices(bus):
    fresh(bus)
    result = done(bus, 'attach', 'guest', 'nic:2,gpu', '--live', '--wait=7', '--reason=be quick')
    assert result.out == 'Attachment 20: guest has 0000:41:00.0 0000:41:10.0\n'
    call = bus.calls('Attach')[-1]
    assert call['arguments'] == ['guest', 'nic:2,gpu', {'live': 1, 'config': 0, 'wait-seconds': 7,
                                                        'reason': 'be quick'}]
    done(bus, 'attach', 'guest', 'nic', '--config', '--dry-run')
    assert bus.calls('Attach')[-1]['arguments'][2] == {'live': 0, 'config': 1, 'dry-run': 1}
    done(bus, 'attach', 'guest', 'nic', '--dry-run')
    assert bus.calls('Attach')[-1]['arguments'][2] == {'dry-run': 1}


@test
def attach_in_json_is_the_attachment_and_null_for_a_dry_run(bus):
    fresh(bus)
    document = done(bus, '--json', 'attach', 'guest', 'nic').json()
    assert document['id'] == 20 and document['devices'] == ['0000:41:00.0', '0000:41:10.0']
    assert done(bus, '--json', 'attach', 'guest', 'nic', '--dry-run').json() is None


@test
def calls_may_ask_for_a_password_unless_told_not_to(bus):
    done(bus, 'attach', 'guest', 'nic', '--dry-run')
    assert bus.calls('Attach')[-1]['interactive'] == 1
    done(bus, '--no-ask-password', 'attach', 'guest', 'nic', '--dry-run')
    assert bus.calls('Attach')[-1]['interactive'] == 0


@test
def a_call_has_no_time_out(bus):
    # The library's own limit is shorter than the answer takes.
    result = done(bus, 'attach', 'slow', 'nic', SYSTEMD_BUS_TIMEOUT='2s')
    assert result.out == 'Attachment 17: guest has 0000:41:00.1\n'


@test
def each_error_has_its_exit_status_and_keeps_its_text(bus):
    statuses = {
        2: [OWN + 'InvalidRequest', OWN + 'InvalidName', OWN + 'InvalidMatch',
            COMMON + 'InvalidArgs'],
        3: [OWN + 'NotEnoughDevices', OWN + 'InUseByHost', OWN + 'HostNotReady', OWN + 'Busy',
            OWN + 'HypervisorRefused', OWN + 'DetachRefused', OWN + 'LimitExceeded',
            COMMON + 'AccessDenied', COMMON + 'InteractiveAuthorizationRequired'],
        4: [OWN + 'NoSuchDevice', OWN + 'NoSuchPool', OWN + 'NoSuchAlias', OWN + 'NoSuchDomain',
            COMMON + 'UnknownObject'],
        5: [OWN + 'HypervisorUnavailable', COMMON + 'ServiceUnknown', COMMON + 'NoReply'],
        1: [OWN + 'Pending', OWN + 'InvalidConfig', OWN + 'AlreadyExists', COMMON + 'Failed',
            'org.example.Other'],
    }
    for status, names in statuses.items():
        for name in names:
            text = f'no gpu of {name}: 1 numa'
            assert text in fails(bus, status, 'attach', f'fail:{name}:{text}', 'gpu'), name


@test
def an_unknown_name_is_told_with_the_names_that_there_are(bus):
    def unknown(name, text):
        return fails(bus, 4, 'attach', f'fail:{OWN}{name}:{text}', 'x')
    assert unknown('NoSuchAlias', 'no alias "nicc"') == 'hostdevctl: no alias "nicc"; there is "nic"\n'
    assert unknown('NoSuchAlias', 'no alias "gpu"') == 'hostdevctl: no alias "gpu"; there are "both", "nic"\n'
    assert unknown('NoSuchPool', 'There is no pool boht.') == 'hostdevctl: There is no pool boht; there is "both"\n'
    assert unknown('NoSuchPool', '') == 'hostdevctl: ; there are "10g-nics", "both"\n'
    assert unknown('NoSuchDomain', 'no domain "x"') == 'hostdevctl: no domain "x"; see \'virsh list --all\'\n'
    assert fails(bus, 4, 'show', 'nicc') == \
        'hostdevctl: No device, pool, alias or attachment \'nicc\'; there is "nic"\n'


@test
def a_refusal_says_what_to_do_next(bus):
    def refused(status, name):
        return fails(bus, status, 'attach', f'fail:{name}:No.', 'x').removeprefix('hostdevctl: No; ')
    name = OWN + 'NotEnoughDevices'
    assert refused(3, name) == f"see 'hostdevctl explain x --for=fail:{name}:No.'\n"
    # What cannot be typed as it stands is left out.
    assert fails(bus, 3, 'attach', f'fail:{name}:No $(it)', 'x') == \
        "hostdevctl: No $(it); 'hostdevctl explain' shows why\n"
    assert refused(3, OWN + 'InUseByHost') == '--force lends it all the same\n'
    assert refused(3, OWN + 'HostNotReady') == "see 'hostdevctl check-host'\n"
    assert refused(3, COMMON + 'AccessDenied') == 'hostdevd(8) tells how users are let\n'
    assert refused(5, OWN + 'HypervisorUnavailable') == "see 'hostdevctl status'\n"
    assert fails(bus, 3, 'attach', f'fail:{OWN}Busy:No.', 'x') == 'hostdevctl: No.\n'


@test
def attach_passes_every_option_on(bus):
    fresh(bus)
    done(bus, 'attach', 'one', 'nic', '--force', '--numa-policy=socket', '--numa-nodes=0,2-3')
    done(bus, 'detach', '20')
    done(bus, 'attach', 'two', 'nic', '--numa-nodes=')
    assert [call['arguments'] for call in bus.calls('Attach')] == [
        ['one', 'nic', {'force': 1, 'numa-policy': 'socket', 'numa-nodes': [0, 2, 3]}],
        ['two', 'nic', {'numa-nodes': []}]]
    for wrong in ('x', '0-', '3-2', '1024', '0,', ',0', '-1', '0 1', '4294967296'):
        assert f"'{wrong}'" in fails(bus, 2, 'attach', 'one', 'nic', '--numa-nodes=' + wrong)
    fails(bus, 2, 'detach', '17', '--force')
    fresh(bus)


@test
def pools_are_a_tree_when_all_is_wanted(bus):
    table = rows(done(bus, 'pools', '--all'))
    assert [row[0] for row in table[1:4]] == ['10g-nics', '├─0000:41:00.0', '│']
    assert table[3][1] == '└─0000:41:10.0' and table[4][:2] == ['├─0000:41:00.1', 'attached']
    assert [row[0] for row in table[5:]] == ['└─0000:41:00.2', 'both']
    assert done(bus, 'pools', '--all', '--json').json() == done(bus, 'pools', '--json').json()


@test
def an_error_of_several_lines_is_told_as_one(bus):
    err = fails(bus, 3, 'attach', f'fail:{OWN}HypervisorRefused:one\ntwo\033[31m', 'nic')
    assert err == 'hostdevctl: one two\\x1b[31m\n'


@test
def detach_takes_a_number_before_a_domain(bus):
    fresh(bus)
    result = done(bus, 'detach', '17', '--wait=3', '--reason=done')
    assert result.out == 'Attachment 17: guest has given back 0000:41:00.1\n'
    assert bus.calls('Detach') == [{'member': 'Detach', 'interactive': 1, 'arguments': [
        '17', {'wait-seconds': 3, 'reason': 'done'}]}]
    assert fails(bus, 4, 'detach', '17').startswith("hostdevctl: No attachment '17'")


@test
def detach_of_a_domain_takes_all_it_has(bus):
    fresh(bus)
    done(bus, 'detach', 'guest')
    assert [call['arguments'] for call in bus.calls('Detach')] == [['17', {}]]
    fails(bus, 4, 'detach', 'guest')
    assert [a['id'] for a in done(bus, '--json', 'attachments').json()] == [9, 18]


@test
def one_refusal_does_not_keep_the_other_attachments(bus):
    fresh(bus)
    result = ctl(bus, '--json', 'detach', 'all')
    assert result.status == 3 and result.err == 'hostdevctl: guest other keeps 0000:41:00.2\n'
    assert sorted(a['id'] for a in result.json()) == [9, 17]
    assert [a['id'] for a in done(bus, '--json', 'attachments').json()] == [18]


@test
def detach_of_an_empty_word_is_not_detach_of_all(bus):
    fresh(bus)
    fails(bus, 2, 'detach', '')
    assert bus.calls('Detach') == []


@test
def pools_and_aliases_are_added_by_lines_of_words(bus):
    done(bus, 'pool', 'add', 'p', 'vendor_id=8086', 'tag.a=b=c', 'or', 'class=03',
         '--description=two words')
    assert bus.calls('AddPool')[-1]['arguments'] == [
        'p', [{'vendor_id': '8086', 'tag.a': 'b=c'}, {'class': '03'}],
        {'description': 'two words'}]
    result = done(bus, '--json', 'alias', 'add', 'a', 'class=02 "tag.rack=row 4"', '--unit=slot',
                  '--numa-policy=required')
    assert result.json() == {'name': 'a', 'path': '/org/hostdev1/alias/a'}
    assert bus.calls('AddAlias')[-1]['arguments'] == [
        'a', [{'class': '02', 'tag.rack': 'row 4'}], {'unit': 'slot', 'numa-policy': 'required'}]
    done(bus, 'pool', 'remove', 'p')
    done(bus, 'alias', 'remove', 'a')
    assert bus.calls('RemoveAlias')[-1]['arguments'] == ['a', {}]
    fails(bus, 3, 'pool', 'remove', '10g-nics')


@test
def reload_passes_the_place_of_an_error_on(bus):
    fresh(bus)
    done(bus, 'reload')
    assert fails(bus, 1, 'reload') == 'hostdevctl: /etc/x.conf:3: unknown key Mtach\n'



@test
def wrong_usage_is_status_2_without_a_call(bus):
    for arguments in (['nonsense'], ['attach', 'guest'], ['attach', 'a', 'b', 'c'], ['show'],
                      ['devices', '--live'], ['detach', '1', '--config'], ['--nonsense'],
                      ['attach', 'a', 'b', '--wait=x'], ['attach', 'a', 'b', '--wait=-1'],
                      ['attach', 'a', 'b', '--wait='], ['attach', 'a', 'b', '--wait=4294967296'],
                      ['pool'], ['pool', 'add', 'x'], ['pool', 'add', 'x', 'y'],
                      ['pool', 'add', 'x', 'a=b', 'a=c'], ['pool', 'add', 'x', 'or'],
                      ['pool', 'add', 'x', 'a=b c=d a=e'], ['monitor', 'x'], ['-H'], ['attach', b'\xff', 'nic'], ['pool', 'add', 'p', b'a=\xff'],
                      ['detach', '1', b'--reason=\xff']):
        fails(bus, 2, *arguments, DBUS_SYSTEM_BUS_ADDRESS='unix:path=/nonexistent/socket')


@test
def a_mistyped_verb_is_told_what_was_perhaps_meant(bus):
    assert "'devices'" in fails(bus, 2, 'devcies')
    assert "'show' knows no option --all" in fails(bus, 2, 'show', 'x', '--all')
    assert "'pool add NAME MATCH…'" in fails(bus, 2, 'pool', 'list')


@test
def help_and_version_need_no_bus(bus):
    nowhere = {'DBUS_SYSTEM_BUS_ADDRESS': 'unix:path=/nonexistent/socket'}
    out = done(bus, '--help', **nowhere).out
    for verb in ('status', 'devices', 'attach', 'detach', 'check-config', 'pool add', 'monitor'):
        assert f'\n  {verb}' in out
    assert done(bus, '--version', **nowhere).out.startswith('hostdevctl ')


@test
def an_unreachable_bus_is_status_5(bus):
    for verb in (['status'], ['attach', 'a', 'b'], ['monitor'], ['--json', 'devices']):
        assert 'system bus' in fails(bus, 5, *verb,
                                     DBUS_SYSTEM_BUS_ADDRESS='unix:path=/nonexistent/socket')


@test
def a_bus_without_the_daemon_is_status_5(bus):
    bus.stop_service()
    for verb in (['status'], ['reload'], ['monitor'], ['detach', '17']):
        assert 'systemctl status hostdevd' in fails(bus, 5, *verb)
    bus.start_service()


@test
def a_daemon_that_dies_in_a_call_is_status_5(bus):
    fails(bus, 5, 'attach', 'die', 'nic')
    fresh(bus)


@test
def output_that_cannot_be_written_is_a_failure(bus):
    for verb in (['devices'], ['--json', 'devices'], ['--help']):
        with open('/dev/full', 'w', encoding='utf-8') as full:
            process = subprocess.run([PROGRAM, *verb], env=environment(bus), stdout=full,
                                     stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
        assert process.returncode == 1 and 'Cannot print' in process.stderr, verb


def write_script(directory, name, text):
    path = os.path.join(directory, name)
    with open(path, 'w', encoding='utf-8') as file:
        file.write(f'#!/bin/sh\n{text}\n')
    os.chmod(path, 0o755)


@test
def another_host_is_asked_through_ssh(bus):
    with tempfile.TemporaryDirectory() as directory:
        words = os.path.join(directory, 'words')
        write_script(directory, 'ssh', f'echo "$*" >{words}\n'
                                       f'exec systemd-stdio-bridge --bus-path={bus.address}')
        path = directory + ':' + os.environ['PATH']
        nowhere = 'unix:path=/nonexistent/socket'
        result = done(bus, '-H', 'root@far', 'pools', '--json', PATH=path,
                      DBUS_SYSTEM_BUS_ADDRESS=nowhere)
        assert len(result.json()) == 2
        with open(words, encoding='utf-8') as file:
            assert 'root@far' in file.read()


@test
def a_host_that_ssh_cannot_reach_is_status_5(bus):
    with tempfile.TemporaryDirectory() as directory:
        write_script(directory, 'ssh', 'exit 255')
        path = directory + ':' + os.environ['PATH']
        for verb in (['status'], ['attach', 'a', 'b'], ['monitor']):
            assert 'system bus of far' in fails(bus, 5, '--host=far', *verb, PATH=path)



def on_terminal(bus, *arguments, columns=80, **more):
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
    process = subprocess.Popen([PROGRAM, *arguments], stdout=theirs, stderr=subprocess.DEVNULL,
                               env=environment(bus, TERM='xterm', **more))
    os.close(theirs)
    out = b''
    try:
        while part := os.read(ours, 4096):
            out += part
    except OSError:
        pass  # Linux tells the end of a terminal so.
    os.close(ours)
    assert process.wait(timeout=PATIENCE) == 0
    return out.decode()


@test
def states_have_colour_only_on_a_terminal_that_wants_it(bus):
    assert '\033[36mattached' in on_terminal(bus, 'attachments', NO_COLOR='')
    assert '\033[32myes' in on_terminal(bus, 'status', NO_COLOR='')
    assert '\033[3' not in on_terminal(bus, 'attachments', NO_COLOR='1')
    assert '\033' not in done(bus, 'attachments', TERM='xterm', NO_COLOR='').out


@test
def a_table_leaves_out_what_matters_least_before_names_become_illegible(bus):
    wide = on_terminal(bus, 'devices', '--all', columns=200, NO_COLOR='1').splitlines()
    assert all(word in wide[0] for word in ('DRIVER', 'NODE', 'GROUP', 'ID')), wide[0]
    for columns in (100, 90, 80):
        lines = on_terminal(bus, 'devices', '--all', columns=columns, NO_COLOR='1').splitlines()
        assert max(map(len, lines)) <= columns, lines
        heading = lines[0]
        assert 'GROUP' not in heading and 'STATE' in heading and 'HOLDER' in heading, heading
        assert len(lines) == len(wide) and all(len(line) > heading.index('NAME') + 10 for line in lines[1:]), lines
    for verb in ('pools', 'aliases', 'attachments', 'status'):
        lines = on_terminal(bus, verb, columns=80, NO_COLOR='1').splitlines()
        assert max(map(len, lines)) <= 80, lines


@test
def a_locale_without_utf_8_gets_plain_bars_and_trees(bus):
    out = done(bus, 'status', LC_ALL='C').out
    assert '########........' in out
    assert '`-0000:41:10.0' in done(bus, 'devices', LC_ALL='C').out


def as_somebody_on_a_terminal(bus, directory, *arguments):
    """Runs the program as a user who is not root and sits at a terminal."""
    ours, theirs = pty.openpty()
    program = shutil.copy(PROGRAM, directory)
    user = {'user': 65534} if os.geteuid() == 0 else {}
    process = subprocess.run([program, *arguments], stdin=theirs, capture_output=True, text=True,
                             timeout=PATIENCE, check=False,
                             env=environment(bus, PATH=directory + ':' + os.environ['PATH']), **user)
    os.close(ours)
    os.close(theirs)
    return process


@test
def a_terminal_without_an_agent_gets_one_before_a_call_that_may_ask(bus):
    fresh(bus)
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o777)
        log = os.path.join(directory, 'log')
        # It notes that it is there, says so by closing the descriptor, and notes when it is ended.
        write_script(directory, 'pkttyagent', f'''
            echo "$1 $3" >>{log}
            trap "echo ended >>{log}; exit 0" TERM
            eval "exec $2>&-"
            while :; do sleep 0.05; done''')
        process = as_somebody_on_a_terminal(bus, directory, 'reload')
        assert process.returncode == 0, process
        with open(log, encoding='utf-8') as file:
            assert file.read().splitlines() == ['--notify-fd --fallback', 'ended']
        os.unlink(log)
        for arguments in (['pools'], ['--no-ask-password', 'detach', '17']):
            process = as_somebody_on_a_terminal(bus, directory, *arguments)
            assert process.returncode == 0 and not os.path.exists(log), process


@test
def an_agent_that_cannot_start_is_no_hindrance(bus):
    fresh(bus)
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o777)
        write_script(directory, 'pkttyagent', 'exit 1')
        process = as_somebody_on_a_terminal(bus, directory, 'detach', '17')
        assert process.returncode == 0, process



class Monitor:
    """The monitor, whose lines are read as they come."""

    def __init__(self, bus, *arguments):
        self.process = subprocess.Popen([PROGRAM, *arguments], env=environment(bus), text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def line(self):
        impatience = threading.Timer(PATIENCE, self.process.kill)
        impatience.start()
        line = self.process.stdout.readline()
        impatience.cancel()
        assert line.endswith('\n'), (line, self.process.stderr.read())
        return line.rstrip('\n')

    def end(self, number):
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, out, err


@test
def monitor_tells_each_event_in_a_line(bus):
    fresh(bus)
    monitor = Monitor(bus, 'monitor', '--no-legend')
    assert monitor.line() == 'hostdevd is there'
    bus.fake().Stir()
    assert monitor.line() == ('device 0000:42:00.0 added: state available, pool 10g-nics, driver '
                              'ixgbe, vendor name Intel Corporation, product name Ethernet 10G')
    assert monitor.line() == ('device 0000:42:00.0 changed: state available → reserved, '
                              'driver ixgbe → none')
    assert monitor.line() == 'pool both changed: total 0 → 1, other devices'
    assert monitor.line() == 'device 0000:42:00.0 removed'
    done(bus, 'detach', '17')
    assert monitor.line() == 'attachment 17 removed'
    assert monitor.end(signal.SIGINT) == (0, '', '')


@test
def monitor_in_json_is_a_document_a_line(bus):
    fresh(bus)
    monitor = Monitor(bus, 'monitor', '--json')
    assert json.loads(monitor.line())['event'] == 'joined'
    bus.fake().Stir()
    added, changed, pool, removed = (json.loads(monitor.line()) for _ in range(4))
    assert added['event'] == 'added' and added['kind'] == 'device'
    assert added['key'] == '0000:42:00.0' and added['properties']['vendor_id'] == '8086'
    assert isinstance(added.pop('time_usec'), int)
    assert changed['changed'] == {'state': 'reserved', 'driver': ''}
    assert changed['was'] == {'state': 'available', 'driver': 'ixgbe'}
    assert pool['key'] == 'both' and pool['invalidated'] == ['devices']
    assert removed['event'] == 'removed' and set(removed) == {'time_usec', 'event', 'kind', 'key'}
    assert monitor.end(signal.SIGTERM) == (0, '', '')


@test
def monitor_follows_a_daemon_that_goes_and_comes_back(bus):
    fresh(bus)
    monitor = Monitor(bus, 'monitor', '--no-legend')
    assert monitor.line() == 'hostdevd is there'
    bus.stop_service()
    assert monitor.line() == 'hostdevd has gone'
    bus.start_service()
    assert monitor.line() == 'hostdevd is there'
    done(bus, 'detach', '17')
    assert monitor.line() == 'attachment 17 removed'
    monitor.end(signal.SIGINT)


@test
def a_monitor_that_lags_behind_misses_nothing(bus):
    fresh(bus)
    monitor = Monitor(bus, 'monitor', '--no-legend')
    assert monitor.line() == 'hostdevd is there'
    monitor.process.send_signal(signal.SIGSTOP)
    # Somebody comes and goes, something happens, and the daemon is another one before it looks.
    done(bus, 'detach', '17')
    done(bus, 'status')
    bus.stop_service()
    bus.start_service()
    monitor.process.send_signal(signal.SIGCONT)
    assert [monitor.line() for _ in range(3)] == ['attachment 17 removed', 'hostdevd has gone',
                                                  'hostdevd is there']
    done(bus, 'detach', '9')
    assert monitor.line() == 'attachment 9 removed'
    monitor.end(signal.SIGINT)


@test
def monitor_hears_nobody_but_the_daemon(bus):
    fresh(bus)
    monitor = Monitor(bus, 'monitor', '--no-legend')
    assert monitor.line() == 'hostdevd is there'
    receivers = [name for name in bus.connection.list_names() if name.startswith(':')]
    forged = '''
import sys, dbus, dbus.bus, dbus.lowlevel
bus = dbus.bus.BusConnection(sys.argv[1])
for name in sys.argv[2:]:
    signal = dbus.lowlevel.SignalMessage('/org/hostdev1', 'org.freedesktop.DBus.ObjectManager',
                                         'InterfacesRemoved')
    signal.append('/org/hostdev1/attachment/18', ['org.hostdev1.Attachment'], signature='oas')
    signal.set_destination(name)
    bus.send_message(signal)
bus.flush()
bus.close()
'''
    subprocess.run(['/usr/bin/python3', '-c', forged, bus.address, *receivers], check=True,
                   timeout=PATIENCE)
    done(bus, 'detach', '17')
    assert monitor.line() == 'attachment 17 removed'
    monitor.end(signal.SIGINT)


@test
def monitor_ends_with_5_when_the_bus_is_lost(_):
    with Bus() as other:
        other.start_service()
        monitor = Monitor(other, 'monitor')
        assert monitor.line().endswith(' hostdevd is there')
        other.connection.set_exit_on_disconnect(False)
        other.daemon.kill()
        out, err = monitor.process.communicate(timeout=PATIENCE)
        assert monitor.process.returncode == 5 and out == '' and err.count('\n') == 1


def main():
    with Bus() as bus:
        bus.start_service()
        run([given(bus, case) for case in tests_of(sys.modules[__name__])])


if __name__ == '__main__':
    main()
