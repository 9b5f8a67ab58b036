#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""On a terminal hostdevctl says what a call waits for; the hypervisor here is one that can be held.

usage: test-waiting.py BUILD
"""

import os
import pathlib
import pty
import signal
import subprocess
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / 'daemon'))

import world  # noqa: found only now
from tap import test

NIC = '0000:21:00.0'


class Terminal:
    """hostdevctl with its stderr on a terminal."""

    def __init__(self, *arguments, user=None):
        self.ours, theirs = pty.openpty()
        options = {'user': world.USERS[user], 'group': world.USERS[user], 'extra_groups': []} if user else {}
        self.process = subprocess.Popen([w.program('client/hostdevctl'), *arguments], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=theirs, text=True, env=w.environment, **options)
        os.close(theirs)
        self.text = ''

    def line(self):
        """The next line on the terminal."""
        while '\n' not in self.text:
            self.text += os.read(self.ours, 4096).decode()
        line, _, self.text = self.text.partition('\n')
        return line.rstrip('\r')

    def rest(self):
        """What is said until the end: stdout, terminal, status."""
        out = self.process.communicate(timeout=60)[0]
        try:
            while more := os.read(self.ours, 4096).decode():
                self.text += more
        except OSError:
            pass
        os.close(self.ours)
        return out, self.text.replace('\r', ''), self.process.returncode


@test
def attach_tells_that_it_waits_for_libvirt():
    w.truth.ask('next', kind='attach', hold='before')
    terminal = Terminal('attach', 'web', 'nic')
    assert terminal.line() == f'Waiting for libvirt to give {NIC} to web'
    w.truth.ask('release')
    out, rest, status = terminal.rest()
    assert (rest, status) == ('', 0) and out.endswith(f': web has {NIC}\n'), (out, rest)


@test
def attach_tells_that_it_waits_for_polkit():
    w.processes['polkit'].send_signal(signal.SIGSTOP)
    terminal = Terminal('attach', 'database', 'vf', user='lab')
    assert terminal.line() == 'Waiting for authorization by polkit'
    w.processes['polkit'].send_signal(signal.SIGCONT)
    out, rest, status = terminal.rest()
    assert (rest, status) == ('', 0) and ': database has 0000:41:' in out, (out, rest)
    assert Terminal('detach', 'database').rest()[2] == 0


@test
def detach_tells_that_it_waits_for_the_guest():
    w.truth.ask('guest', uuid=world.WEB, mode='ignores')
    terminal = Terminal('detach', 'web', '--wait=3')
    assert terminal.line() == f'Waiting for the guest web to let go of {NIC}'
    out, rest, status = terminal.rest()
    assert status == 1 and out == '' and rest.count('\n') == 1 and 'hostdevctl: ' in rest, rest
    w.truth.ask('guest', uuid=world.WEB, mode='accepts')
    assert Terminal('detach', 'web').rest()[2] == 0


@test
def attach_tells_that_it_waits_for_devices_to_become_free():
    assert Terminal('attach', 'web', 'nic:2').rest()[1:] == ('', 0)
    terminal = Terminal('attach', 'database', 'nic', '--wait=20')
    assert terminal.line() == 'Waiting for devices to become free'
    assert Terminal('detach', 'web').rest()[1:] == ('', 0)
    assert terminal.rest()[1:] == ('', 0)
    assert Terminal('detach', 'database').rest()[1:] == ('', 0)


@test
def a_refusal_stays_one_line_and_keeps_its_status():
    out, said, status = Terminal('attach', 'web', 'gpux').rest()
    assert (out, said, status) == ('', 'hostdevctl: no alias "gpux"; there is "gpu"\n', 4)
    assert Terminal('attach', 'web', 'nic', '--no-ask-password', user='nobody-special').rest()[2] == 3


@test
def nothing_is_told_to_programs():
    w.truth.ask('next', kind='attach', hold='before')
    quiet = [subprocess.Popen([w.program('client/hostdevctl'), 'attach', 'web', 'nic', *more], text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              env=w.environment) for more in ([], ['--json'])]
    # Began later, and has been told: they have waited as long.
    loud = Terminal('attach', 'web', 'vf')
    assert loud.line().startswith('Waiting for libvirt to give ')
    w.truth.ask('release')
    assert [process.communicate(timeout=60)[1] for process in quiet] == ['', '']
    assert loud.rest()[2] == 0


if __name__ == '__main__':
    world.enter()
    world.main(sys.modules[__name__], sys.argv[1], world.with_fake)
