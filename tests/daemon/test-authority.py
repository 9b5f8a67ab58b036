#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who may what: real polkitd, real users, rules that look at the details."""

import pathlib
import sys
import time

import world
from tap import test

SAMPLE = next((pathlib.Path(__file__).resolve().parents[2] / "polkit" / "examples").glob("*.rules"))


def rules(text):
    """polkitd reads a changed file by itself; it has when it says so."""
    before = w.log("polkit").count("Finished loading")
    path = w.rules / "10-test.rules"
    path.write_text(text)
    # A change in the same instant is not noticed: a new file is.
    extra = w.rules / f"99-{time.monotonic_ns()}.rules"
    extra.write_text("")
    extra.chmod(0o644)
    world.wait_for(lambda: w.log("polkit").count("Finished loading") > before, "polkitd to read its rules")


def refused(error):
    return error is not None and ("denied" in error.lower() or "not authorized" in error.lower()
                                  or "authorization" in error.lower())


@test
def who_is_not_allowed_changes_nothing():
    before = w.everything()
    for request in ("nic", "nic:60"):
        path, error = w.attach("test", request, user="nobody-special")
        assert path is None and refused(error), error
    for method, signature, arguments in (("AddPool", "saa{ss}a{sv}", ("x", 0, 0)), ("AddAlias", "saa{ss}a{sv}", ("x", 0, 0)),
                                         ("RemovePool", "sa{sv}", ("nics", 0)), ("RemoveAlias", "sa{sv}", ("nic", 0))):
        answer, error = w.call(world.ROOT, world.MANAGER, method, signature, *arguments, user="nobody-special")
        assert refused(error), f"{method}: {error}"
    answer, error = w.call(world.ROOT, world.MANAGER, "Reload", user="nobody-special")
    assert refused(error), error
    assert w.everything() == before


@test
def reading_needs_no_authorization():
    for method, argument in (("GetPool", "nics"), ("GetAlias", "nic"), ("GetDevice", "0000:21:00.0"),
                             ("ListAttachments", "")):
        answer, error = w.call(world.ROOT, world.MANAGER, method, "s", argument, user="nobody-special")
        assert not error, error


@test
def a_rule_lets_a_user_attach_and_what_he_attached_is_his():
    path, error = w.attach("test", "nic", user="lab")
    assert not error, error
    assert w.attachments()[path]["OwnerUid"] == world.USERS["lab"]
    assert refused(w.detach(path, user="nobody-special"))
    assert path in w.attachments()
    assert w.detach(path, user="lab") is None


@test
def force_has_an_action_of_its_own():
    path, error = w.attach("test", "nic", "force", "b", "true", user="lab")
    assert path is None and refused(error), error
    path, error = w.attach("test", "nic", "force", "b", "true", "dry-run", "b", "true")
    assert path == "/", error


@test
def a_rule_sees_the_details():
    rules("""
polkit.addRule(function(action, subject) {
    if (subject.user != "lab") return;
    polkit.log("DETAILS " + ["alias", "aliases", "pool", "pools", "devices", "count", "domain", "domain-uuid", "live",
                             "config", "force"].map(function(key) { return key + "=" + action.lookup(key); }).join("|"));
    return polkit.Result.YES;
});""")
    path, error = w.attach("test", "nic:2,vf", user="lab")
    assert not error, error
    line = [line for line in w.log("polkit").splitlines() if "DETAILS" in line][-1]
    uuid = w.attachments()[path]["DomainUuid"]
    for detail in ("alias=undefined", "aliases=nic vf", "pool=nics", "pools=nics", "count=3", "domain=test",
                   "devices=0000:21:00.0 0000:22:00.0 0000:41:1", f"domain-uuid={uuid}", "live=false", "config=true",
                   "force=false"):
        assert detail in line, f"{detail} not in {line}"
    assert w.detach(path) is None


@test
def the_sample_rule_lets_lab_have_the_gpu_in_its_own_domains_alone():
    rules(SAMPLE.read_text())
    w.virsh("define", "/dev/stdin", text="<domain type='test'><name>lab-one</name><memory>8192</memory>"
                                         "<os><type>hvm</type></os></domain>")
    path, error = world.wait_for(lambda: (lambda answer: "No such" not in str(answer[1]) and answer)(
        w.attach("lab-one", "gpu", user="lab")), "the domain")
    assert not error, error
    assert w.detach(path, user="lab") is None
    for domain, request in (("test", "gpu"), ("lab-one", "nic"), ("lab-one", "gpu,nic")):
        path, error = w.attach(domain, request, user="lab")
        assert path is None and refused(error), f"{domain} {request}: {error}"
    path, error = w.attach("lab-one", "gpu", user="nobody-special")
    assert path is None and refused(error), error


@test
def without_polkit_nobody_but_root_may_anything():
    rules(world.RULES)
    path, error = w.attach("test", "nic", "dry-run", "b", "true", user="lab")
    assert path == "/", error
    w.stop("polkit")
    before = w.everything()
    path, error = w.attach("test", "nic", user="lab")
    assert path is None and error, error
    assert w.everything() == before
    path, error = w.attach("test", "nic", "dry-run", "b", "true")
    assert path == "/", error


if __name__ == "__main__":
    world.enter()
    world.main(sys.modules[__name__], sys.argv[1])
