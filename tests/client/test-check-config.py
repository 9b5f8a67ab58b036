#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""hostdevctl check-config as a process, without any bus. Argument: the program."""

import json
import os
import subprocess
import sys
import tempfile

from harness import PATIENCE, given
from tap import run, test, tests_of

PROGRAM = os.path.abspath(sys.argv[1])
GOOD = '[Pool nics]\nMatch=vendor_id=8086\n[Alias nic]\nMatch=vendor_id=8086\n'
BAD = '[Pool nics]\nMatch=vendor_id=8086\nMtach=vendor_id=8086\n'


def write(directory, name, text):
    path = os.path.join(directory, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)
    return path


def check(*arguments, configuration='/nonexistent'):
    return subprocess.run([PROGRAM, 'check-config', *arguments], text=True, capture_output=True,
                          timeout=PATIENCE, check=False,
                          env={**os.environ, 'CONFIGURATION_DIRECTORY': configuration,
                               'DBUS_SYSTEM_BUS_ADDRESS': 'unix:path=/nonexistent/socket'})


@test
def a_good_file_is_counted(directory):
    result = check(write(directory, 'good.conf', GOOD))
    assert (result.returncode, result.stderr) == (0, ''), result
    assert result.stdout == '1 file, 1 pool, 1 alias: no errors\n'
    assert check('--no-legend', write(directory, 'good.conf', GOOD)).stdout == ''


@test
def an_error_is_told_with_file_and_line(directory):
    path = write(directory, 'bad.conf', BAD)
    result = check(path)
    assert result.returncode == 1 and result.stdout == '', result
    assert result.stderr.startswith(f'{path}:3: ') and result.stderr.count('\n') == 1, result.stderr
    assert 'Mtach' in result.stderr


@test
def files_are_read_as_one(directory):
    first = write(directory, 'first.conf', GOOD)
    result = check(first, write(directory, 'second.conf', '[Pool gpus]\nMatch=class=03\n'))
    assert result.stdout == '2 files, 2 pools, 1 alias: no errors\n', result


@test
def without_files_the_configuration_directory_is_read(directory):
    own = os.path.join(directory, 'etc')
    write(own, 'hostdevd.conf', GOOD)
    path = write(own, 'hostdevd.conf.d/50-bad.conf', BAD)
    result = check(configuration=own)
    assert result.returncode == 1 and result.stderr.startswith(f'{path}:3: '), result


@test
def json_has_the_errors_as_text(directory):
    path = write(directory, 'bad.conf', BAD)
    result = check('--json', path)
    document = json.loads(result.stdout)
    assert result.returncode == 1 and document['valid'] is False
    assert document['files'] == [path] and document['errors'][0].startswith(f'{path}:3: ')
    document = json.loads(check('--json', write(directory, 'good.conf', GOOD)).stdout)
    assert document['valid'] is True and document['errors'] == []
    assert (document['pools'], document['aliases']) == (1, 1)


@test
def a_file_that_is_not_there_is_an_error(directory):
    result = check(os.path.join(directory, 'none.conf'))
    assert result.returncode == 1 and 'none.conf' in result.stderr
    assert result.stderr.count('\n') == 1, result.stderr


def main():
    with tempfile.TemporaryDirectory() as directory:
        run([given(directory, case) for case in tests_of(sys.modules[__name__])])


if __name__ == '__main__':
    main()
