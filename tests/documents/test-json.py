#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What --json prints has the form that hostdevctl(1) gives it.

usage: test-json.py BUILD
"""

import json
import pathlib
import signal
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "daemon"))

import cddl  # noqa: found only now
import examples
import world
from tap import test

MANUAL = HERE.parent.parent / "docs" / "man" / "hostdevctl.1"
RULES = cddl.Rules(next(e.text for e in examples.read(MANUAL) if e.kind == "cddl"))
VERBS = {"attach", "detach", "explain", "show", "check-host", "check-config", "status", "devices", "pools", "aliases",
         "attachments", "pool-add", "pool-remove", "alias-add", "alias-remove", "reload", "monitor"}


def document(rule, *arguments, status=0):
    done = w.ctl("--json", *arguments)
    assert done.returncode == status, done
    value = json.loads(done.stdout)
    RULES.check(rule, value)
    return value


def refused(rule, value, change):
    """That the form of a document is looked at: changed so, it is none."""
    copy = json.loads(json.dumps(value))
    change(copy)
    try:
        RULES.check(rule, copy)
    except cddl.Mismatch:
        return
    raise AssertionError(f"{rule}: {copy}")


@test
def every_verb_has_a_rule_and_every_rule_has_a_use():
    assert VERBS <= set(RULES.rules), VERBS - set(RULES.rules)
    text = MANUAL.read_text()
    unused = [name for name in RULES.rules if name not in VERBS and text.count(name) < 2]
    assert not unused, unused


@test
def what_is_shown_has_its_form():
    given = document("attach", "attach", "web", "nic:2", "--reason=because")
    status = document("status", "status")
    devices = document("devices", "devices", "--all")
    assert {"attached", "available", "unavailable"} <= {device["state"] for device in devices}
    for verb in ("pools", "aliases", "attachments"):
        assert document(verb, verb)
    for thing in ("41:10.0", "21:00.0", "nics", "nic", str(given["id"])):
        document("show", "show", thing)
    document("detach", "detach", str(given["id"]))
    refused("status", status, lambda value: value.pop("host_ready"))
    refused("devices", devices, lambda value: value[0].update(numa_node="0"))
    refused("devices", devices, lambda value: value[0].update(surprise=1))
    refused("attach", given, lambda value: value.update(state="given"))
    refused("attach", given, lambda value: value.update(id=-1))


@test
def a_dry_run_is_null():
    assert document("attach", "attach", "web", "nic", "--dry-run") is None


@test
def an_explanation_has_its_form_whatever_it_says():
    given = document("attach", "attach", "web", "nic,vf")
    fits = document("explain", "explain", "vf:2,gpu", "--for=web")
    assert fits["fits"] and fits["summary"]["domain"] == "web"
    for request in ("nic:2", "nic,gpu:2", "vf:60"):
        assert not document("explain", "explain", request)["fits"]
    refused("explain", fits, lambda value: value["summary"].update(authorization="perhaps"))
    refused("explain", fits, lambda value: value["candidates"][0]["details"].update(more=1))
    document("detach", "detach", "web")
    assert given


@test
def the_checks_have_their_form_and_their_status():
    done = w.ctl("--json", "check-host")
    checks = json.loads(done.stdout)
    RULES.check("check-host", checks)
    assert done.returncode == (1 if any(check["result"] == "fail" for check in checks) else 0), checks
    path = w.directory / "some.conf"
    path.write_text("[Pool x]\nMatch=class=02\n")
    assert document("check-config", "check-config", path)["pools"] == 1
    path.write_text("[Pool x]\nMtach=class=02\n")
    assert document("check-config", "check-config", path, status=1)["errors"]


@test
def what_changes_the_configuration_has_its_form():
    document("pool-add", "pool", "add", "disks", "class=0108")
    document("alias-add", "alias", "add", "disk", "pool=disks")
    document("alias-remove", "alias", "remove", "disk")
    document("pool-remove", "pool", "remove", "disks")
    document("reload", "reload")


@test
def every_event_has_its_form():
    process = subprocess.Popen([w.program("client/hostdevctl"), "monitor", "--json"], text=True,
                               stdout=subprocess.PIPE, env=w.environment)
    events = [json.loads(process.stdout.readline())]
    assert events[0]["event"] == "joined"
    number = document("attach", "attach", "web", "nic")["id"]
    document("pool-add", "pool", "add", "disks", "class=0108")
    document("pool-remove", "pool", "remove", "disks")
    document("detach", "detach", str(number))
    while (events[-1]["event"], events[-1].get("key")) != ("removed", number):
        events.append(json.loads(process.stdout.readline()))
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    for event in events:
        RULES.check("event", event)
    assert {event["event"] for event in events} == {"joined", "added", "changed", "removed"}
    assert {event["kind"] for event in events} >= {"service", "attachment", "device", "pool"}
    refused("event", events[1], lambda value: value.update(event="exploded"))


if __name__ == "__main__":
    world.enter()
    world.main(sys.modules[__name__], sys.argv[1], world.with_fake)
