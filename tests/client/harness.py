# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the tests of the client as a process need: a private bus and the fake service."""

import functools
import json
import os
import subprocess
import tempfile
import time

import dbus
import dbus.bus

HERE = os.path.dirname(os.path.abspath(__file__))
PATIENCE = 60

BUS_CONFIGURATION = '''<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>custom</type>
  <listen>unix:path={directory}/socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
'''


def wait_until(condition, what):
    """Waits for a condition, as long as it takes on a busy machine."""
    end = time.monotonic() + PATIENCE
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f'waited in vain: {what}')
        time.sleep(0.02)
    return value


class Bus:
    """A dbus-daemon of its own; ended with the block."""

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory()
        os.chmod(self.directory.name, 0o755)
        configuration = os.path.join(self.directory.name, 'bus.conf')
        with open(configuration, 'w', encoding='utf-8') as file:
            file.write(BUS_CONFIGURATION.format(directory=self.directory.name))
        self.daemon = subprocess.Popen(['dbus-daemon', '--nofork', '--config-file', configuration],
                                       stderr=subprocess.DEVNULL)
        socket = os.path.join(self.directory.name, 'socket')
        self.address = 'unix:path=' + socket
        wait_until(lambda: os.path.exists(socket), 'the bus')
        self.connection = dbus.bus.BusConnection(self.address)
        self.service = None
        return self

    def start_service(self):
        self.service = subprocess.Popen([os.path.join(HERE, 'fake-service')],
                                        env={**os.environ, 'DBUS_SYSTEM_BUS_ADDRESS': self.address})
        wait_until(self.has_service, 'the fake service')

    def has_service(self):
        return self.connection.name_has_owner('org.hostdev1')

    def stop_service(self):
        if self.service:
            self.service.kill()
            self.service.wait()
            self.service = None
        wait_until(lambda: not self.has_service(), 'the end of the fake service')

    def fake(self):
        proxy = self.connection.get_object('org.hostdev1', '/org/hostdev1', introspect=False)
        return dbus.Interface(proxy, 'org.hostdev1.Fake')

    def calls(self, member):
        return [call for call in json.loads(self.fake().Calls()) if call['member'] == member]

    def __exit__(self, *_):
        if self.service:
            self.service.kill()
            self.service.wait()
        self.connection.close()
        self.daemon.kill()
        self.daemon.wait()
        self.directory.cleanup()


def given(thing, case):
    """A case that takes a thing as one that takes nothing, under its own name."""
    @functools.wraps(case)
    def bound():
        case(thing)
    return bound
