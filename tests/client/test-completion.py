#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What may follow on the command line, as the completion of bash and of zsh offer it.

usage: test-completion.py BUILD
"""

import pathlib
import re
import shutil
import subprocess
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / 'daemon'))

import world  # noqa: found only now
from tap import Skip, test

COMPLETIONS = world.SOURCE / 'client' / 'completions'
GLOBAL = ['--json', '--host=', '--no-legend', '--no-ask-password', '--help', '--version']

BASH = r'''
source "$1"
COMP_LINE=$2 COMP_POINT=${#2}
_hostdevctl hostdevctl
printf '%s\n' "${COMPREPLY[@]}"
'''

# The parts of zsh's completion that the function calls; what is added is printed.
ZSH = r'''
compadd() {
    local suffix=' '
    [[ $1 == -S ]] && { suffix=$2; shift 2 }
    [[ $1 == -a ]] || return 1
    local reply
    for reply in "${(@P)2}"; do print -r -- "$reply$suffix"; done
}
_default() { print default }
complete_it() { source $1 }
words=("${(@z)2}")
[[ $2 == *' ' ]] && words+=('')
CURRENT=$#words
PREFIX=$words[-1]
complete_it $1
'''


def environment():
    tools = w.directory / 'tools'
    if not tools.exists():
        tools.mkdir()
        (tools / 'virsh').write_text(
            f'#!/bin/sh\n[ "$*" = "-q -r -c fake://{w.truth.path} list --all --name" ] && printf "web\\ndatabase\\n\\n"\n')
        (tools / 'virsh').chmod(0o755)
        w.program('client/hostdevctl')
    return {**w.environment, 'PATH': f'{tools}:{w.directory}/bin:/usr/bin:/bin'}


def bash(line):
    done = subprocess.run(['bash', '--norc', '-c', BASH, 'bash', COMPLETIONS / 'hostdevctl', 'hostdevctl ' + line],
                          capture_output=True, text=True, check=True, env=environment())
    assert done.stderr == '', done.stderr
    return done.stdout.split('\n')[:-1]


def zsh(line):
    if not shutil.which('zsh'):
        raise Skip('no zsh here')
    done = subprocess.run(['zsh', '-f', '-c', ZSH, 'zsh', COMPLETIONS / '_hostdevctl', 'hostdevctl ' + line],
                          capture_output=True, text=True, check=False, env=environment())
    assert done.stderr == '', done.stderr
    return done.stdout.split('\n')[:-1]


def helped():
    """Verb -> the options that --help shows for it."""
    text = w.ctl('--help').stdout
    return {re.match(r'[a-z-]+( (add|remove))?', line).group(0): re.findall(r'--[a-z-]+=?', line)
            for line in re.findall(r'^  ([a-z].*)$', text, re.M)}


@test
def verbs_are_those_of_the_help():
    firsts = list(dict.fromkeys(verb.split()[0] for verb in helped()))
    assert len(firsts) > 12 and bash('') == firsts, bash('')
    assert bash('po') == ['pools', 'pool'] and bash('pool ') == ['add', 'remove'] and bash('pool r') == ['remove']
    assert bash('--json po') == ['pools', 'pool'] and bash('nonesuch ') == [''], bash('nonesuch ')


@test
def options_of_each_verb_are_those_of_the_help():
    for verb, options in helped().items():
        known = options + (['--all'] if verb in ('aliases', 'attachments') else [])
        assert set(bash(verb + ' --')) == set(known + GLOBAL), (verb, bash(verb + ' --'))
    assert bash('--no') == ['--no-legend', '--no-ask-password']


@test
def values_of_options_are_known():
    assert bash('attach web nic --numa-policy=re') == ['required']
    assert bash('alias add x --unit=') == ['function', 'slot', 'group']
    assert bash('explain nic --for=') == ['web', 'database'] and bash('explain nic --for=d') == ['database']


@test
def names_come_from_the_service_and_domains_from_libvirt():
    assert bash('attach ') == ['web', 'database']
    assert bash('attach web ') == ['gpu', 'nic', 'vf'] and bash('attach web g') == ['gpu']
    assert bash('attach web nic:2,g') == ['2,gpu'], 'readline replaces what follows the colon'
    assert bash('attach web vf,g') == ['vf,gpu']
    assert bash('explain ') == ['gpu', 'nic', 'vf']
    assert bash('attach web nic ') == ['']
    assert bash('show 0000:41:00.') == ['00.0', '00.1']
    assert set(bash('show ')) >= {'0000:21:00.0', 'nics', 'gpu'}
    path, error = w.attach('web', 'nic')
    assert not error, error
    assert bash('detach ') == [path.rsplit('/', 1)[1], 'web']
    assert w.detach(path) is None
    assert bash('detach ') == ['']


@test
def nobody_is_asked_what_there_is_on_another_host():
    assert bash('-H there attach ') == [''] and bash('--host=there show ') == ['']
    assert bash('-H there po') == ['pools', 'pool'] and bash('-H there attach web nic --numa-policy=s') == ['socket']


@test
def only_what_can_be_removed_is_offered_for_that():
    assert bash('pool remove ') == ['']
    assert w.ctl('pool', 'add', 'disks', 'class=0108').returncode == 0
    assert bash('pool remove ') == ['disks'] and bash('alias remove ') == ['']
    assert w.ctl('pool', 'remove', 'disks').returncode == 0


@test
def match_keys_are_those_of_the_configuration():
    text = (world.SOURCE / 'service' / 'core' / 'match-condition.c').read_text()
    keys = [(key, 'true' in rest) for key, rest in re.findall(r'\[KEY_\w+\] = \{ "([\w.]+)", \w+(.*?)\}', text)]
    assert len(keys) > 12, keys
    pool = {key + '=' for key, alias_only in keys if not alias_only} - {'tag.NAME='} | {'tag.', 'or'}
    assert set(bash('pool add x ')) == pool, set(bash('pool add x ')) ^ pool
    alias = pool | {key + '=' for key, alias_only in keys if alias_only}
    assert set(bash('alias add x class=02 ')) == alias
    assert bash('alias add x dev') == ['devname=', 'device_type=']


@test
def a_name_with_blanks_is_quoted():
    w.configure(world.CONFIGURATION + '[pci]\nalias = {"name": "a big gpu", "vendor_id": "10de", "product_id": "2204"}\n')
    assert w.ctl('reload').returncode == 0
    assert bash('attach web a') == ['a\\ big\\ gpu']
    w.configure(world.CONFIGURATION)
    assert w.ctl('reload').returncode == 0


@test
def zsh_offers_the_same():
    assert [reply.strip() for reply in zsh('')] == bash('')
    assert zsh('attach web nic:2,g') == ['nic:2,gpu ']
    assert zsh('show 0000:41:00.') == ['0000:41:00.0 ', '0000:41:00.1 ']
    assert zsh('alias add x --u') == ['--unit=']
    assert zsh('attach web nic --numa-policy=re') == ['--numa-policy=required ']
    assert zsh('check-config ') == ['default']


@test
def without_the_service_nothing_is_offered_and_nothing_said():
    w.stop('daemon')
    assert bash('attach web ') == [''] and bash('po') == ['pools', 'pool']
    w.fake_daemon()


if __name__ == '__main__':
    world.enter()
    world.main(sys.modules[__name__], sys.argv[1], world.with_fake)
