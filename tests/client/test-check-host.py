#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What check-host shows of the answers of CheckHost. Argument: the program."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios

from harness import PATIENCE, Bus, given
from tap import run, test, tests_of

PROGRAM = os.path.abspath(sys.argv[1])
CHECKS = [
    ('cpu-virtualization', 'pass', '/proc/cpuinfo has the flag vmx', ''),
    ('huge-pages', 'skip', 'none are reserved', ''),
    ('kvm', 'warn', '/sys/class/misc/kvm does not exist: guests are emulated', 'Modprobe kvm_intel or kvm_amd.'),
    ('iommu-groups', 'fail', '/sys/kernel/iommu_groups has no group: no IOMMU is on',
     "Switch on VT-d or AMD-Vi in the firmware; on Intel also put intel_iommu=on on the kernel's command line."),
    ('vfio-pci', 'fail', 'it is not there', 'Install a kernel that has it.'),
]


def environment(bus, **more):
    return {**os.environ, 'DBUS_SYSTEM_BUS_ADDRESS': bus.address, 'LC_ALL': 'C.UTF-8', **more}


def check_host(bus, checks, *arguments, **more):
    bus.fake().SetChecks(checks, signature='a(ssss)')
    done = subprocess.run([PROGRAM, 'check-host', *arguments], env=environment(bus, **more), text=True,
                          capture_output=True, timeout=PATIENCE)
    assert done.stderr == '', done.stderr
    return done


def on_terminal(bus, checks, columns, **more):
    bus.fake().SetChecks(checks, signature='a(ssss)')
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
    process = subprocess.Popen([PROGRAM, 'check-host'], stdout=theirs, stderr=subprocess.DEVNULL,
                               env=environment(bus, TERM='xterm', **more))
    os.close(theirs)
    out = b''
    try:
        while part := os.read(ours, 4096):
            out += part
    except OSError:
        pass  # Linux tells the end of a terminal so.
    os.close(ours)
    process.wait(timeout=PATIENCE)
    return out.decode()


def plain(text):
    return re.sub('\033\\[[0-9;]*m', '', text)


@test
def what_fails_stands_first_with_its_fix_below(bus):
    done = check_host(bus, CHECKS)
    assert done.returncode == 1
    assert done.stdout == """\
This host is not ready to lend devices: 2 of 5 checks fail, 1 warns.

iommu-groups        fail /sys/kernel/iommu_groups has no group: no IOMMU is on
                         → Switch on VT-d or AMD-Vi in the firmware; on Intel also put intel_iommu=on on the \
kernel's command line.
vfio-pci            fail it is not there
                         → Install a kernel that has it.
kvm                 warn /sys/class/misc/kvm does not exist: guests are emulated
                         → Modprobe kvm_intel or kvm_amd.
cpu-virtualization  pass /proc/cpuinfo has the flag vmx
huge-pages          skip none are reserved
""", done.stdout


@test
def a_warning_is_no_failure(bus):
    for checks, headline in ((CHECKS[:3], 'This host is ready to lend devices; 1 of 3 checks warns.'),
                             (CHECKS[:2], 'This host is ready to lend devices.')):
        done = check_host(bus, checks)
        assert done.returncode == 0 and done.stdout.splitlines()[0] == headline, done
    done = check_host(bus, CHECKS[3:])
    assert done.returncode == 1
    assert done.stdout.startswith('This host is not ready to lend devices: 2 of 2 checks fail.\n')
    done = check_host(bus, CHECKS[:4])
    assert done.stdout.startswith('This host is not ready to lend devices: 1 of 4 checks fails, 1 warns.\n')


@test
def without_a_legend_there_are_only_the_checks(bus):
    done = check_host(bus, CHECKS, '--no-legend')
    assert done.returncode == 1 and done.stdout.startswith('iommu-groups '), done.stdout


@test
def in_json_it_is_the_answer_as_it_came(bus):
    done = check_host(bus, CHECKS, '--json')
    assert done.returncode == 1
    assert [tuple(row.values()) for row in json.loads(done.stdout)] == CHECKS
    assert set(json.loads(done.stdout)[0]) == {'id', 'result', 'evidence', 'fix'}


@test
def on_a_terminal_it_has_colour_and_is_as_wide_as_the_terminal(bus):
    for columns in (60, 80, 200):
        text = on_terminal(bus, CHECKS, columns, NO_COLOR='')
        assert '\033[1;31mfail\033[0m' in text and '\033[2m/sys/kernel/iommu_groups' in text, text
        lines = plain(text).splitlines()
        assert max(len(line.rstrip()) for line in lines) <= max(columns, 70), lines
        words = ' '.join(' '.join(lines).split())
        assert CHECKS[3][3] in words and CHECKS[2][2] in words, words
        # What was broken goes on below its beginning.
        fix = next(i for i, line in enumerate(lines) if '→ Switch' in line)
        if columns < 200:
            assert lines[fix + 1].startswith(' ' * 27) and lines[fix + 1][27] != ' ', lines[fix + 1]
    assert '\033' not in on_terminal(bus, CHECKS, 80, NO_COLOR='1')


@test
def on_a_very_narrow_terminal_no_word_is_lost(bus):
    text = ' '.join(on_terminal(bus, CHECKS, 20, NO_COLOR='1').split())
    for _, _, evidence, fix in CHECKS:
        assert evidence in text and fix in text, text


@test
def what_a_check_says_cannot_reach_the_terminal_raw(bus):
    done = check_host(bus, [('x\033[2J', 'fail', 'a\nb\u202e', '\x9b2J')])
    assert done.returncode == 1 and '\033' not in done.stdout and '\u202e' not in done.stdout
    assert done.stdout.count('\n') == 4, done.stdout


@test
def a_service_that_knows_of_no_check_fails_none(bus):
    done = check_host(bus, [])
    assert done.returncode == 0 and done.stdout == 'This host is ready to lend devices.\n\n'
    assert json.loads(check_host(bus, [], '--json').stdout) == []


def main():
    with Bus() as bus:
        bus.start_service()
        run([given(bus, case) for case in tests_of(sys.modules[__name__])])


if __name__ == '__main__':
    main()
