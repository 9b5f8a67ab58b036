#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""CheckHost among real parts: what is taken away is named by its row, and HostReady follows."""

import re
import sys
import time

import world
from tap import test
from world import MANAGER, ROOT, wait_for

UNSAFE = "module/vfio_iommu_type1/parameters/allow_unsafe_interrupts"


def rows():
    answer, error = w.call(ROOT, MANAGER, "CheckHost")
    assert not error, error
    return {name: (result, evidence, fix) for name, result, evidence, fix in answer[0]}


def becomes(name, result):
    """The row, once it has this result."""
    wait_for(lambda: rows()[name][0] == result, f"{name} to {result}")
    return rows()[name]


def is_ready():
    return w.property(ROOT, MANAGER, "HostReady")


def make(build):
    """A ready host: in a made one no interrupt is remapped, and the administrator says that it may be so."""
    made = world.standard(build)
    switch = made.sys / UNSAFE
    switch.parent.mkdir(parents=True, exist_ok=True)
    switch.write_text("Y\n")
    return made


@test
def the_rows_are_those_of_the_documentation():
    text = (world.SOURCE / "dbus" / "org.hostdev1.Manager.xml").read_text()
    text = text[text.index("CheckHost:"):text.index('<method name="CheckHost">')]
    documented = re.findall(r"^ +- ([a-z0-9-]+): ", text, re.MULTILINE)
    assert list(rows()) == documented and len(documented) >= 19, (list(rows()), documented)


@test
def nothing_fails_on_a_ready_host():
    for name, (result, evidence, fix) in rows().items():
        print(f"# {name} {result} {evidence}", flush=True)
        assert result in ("pass", "warn", "skip") and evidence, (name, result, evidence)
        assert bool(fix) == (result == "warn"), (name, result, fix)
    assert is_ready()
    shown = w.ctl("check-host", user="nobody-special")
    assert shown.returncode == 0 and shown.stdout.startswith("This host is ready to lend devices"), shown


@test
def a_libvirt_that_does_not_answer_fails_until_it_does():
    assert rows()["libvirt"][1].startswith(w.uri), rows()["libvirt"]
    w.stop("libvirtd")
    _, evidence, fix = becomes("libvirt", "fail")
    assert "is not connected" in evidence and "libvirtd" in fix, (evidence, fix)
    # Nobody had to ask for the rows: the property follows the connection.
    assert is_ready() is False
    shown = w.ctl("check-host")
    assert shown.returncode == 1 and shown.stdout.splitlines()[2].startswith("libvirt "), shown
    w.start("libvirtd", ["libvirtd", "-f", w.directory / "libvirt" / "libvirtd.conf", "-p",
                         w.directory / "libvirt" / "pid"])
    wait_for(is_ready, "the property")
    # The test driver lends nothing to running guests.
    assert rows()["libvirt"][0] == "warn" and "driver test" in rows()["libvirt"][1], rows()["libvirt"]


@test
def an_action_that_polkit_does_not_know_fails_until_it_does():
    assert becomes("polkit-actions", "pass")
    policy = w.directory / "usr-share-polkit-1-actions" / "org.hostdev1.policy"
    text = policy.read_text()
    policy.write_text(text.replace("org.hostdev1.force", "org.hostdev1.strength"))
    _, evidence, fix = becomes("polkit-actions", "fail")
    assert "org.hostdev1.force" in evidence and "org.hostdev1.policy" in fix, (evidence, fix)
    assert is_ready() is False
    policy.write_text(text)
    becomes("polkit-actions", "pass")
    wait_for(is_ready, "the property")


@test
def a_polkit_that_has_left_is_warned_of():
    w.stop("polkit")
    _, evidence, fix = becomes("polkit-actions", "warn")
    assert "polkit" in evidence and "root" in fix and is_ready(), (evidence, fix)
    w.polkit()
    becomes("polkit-actions", "pass")


@test
def a_state_directory_that_others_can_write_to_fails():
    w.state.chmod(0o770)
    _, evidence, fix = becomes("state-directory", "fail")
    assert str(w.state) in evidence and "0700" in fix, (evidence, fix)
    w.state.chmod(0o500)
    wait_for(lambda: "Permission denied" in rows()["state-directory"][1], "the other cause")
    assert rows()["state-directory"][0] == "fail"
    w.state.chmod(0o700)
    assert becomes("state-directory", "pass") and is_ready()


@test
def who_asks_again_and_again_does_not_make_it_look_each_time():
    def looks():
        return w.log("daemon").count("looking at the host, for CheckHost")

    # Those of this second may have been had by the tests before.
    before = looks()
    wait_for(lambda: rows() and looks() > before, "a look")
    before, begin, calls = looks(), time.monotonic(), 500
    for _ in range(calls):
        answer, error = w.call_raw(ROOT, MANAGER, "CheckHost", "")
        assert not error and len(answer) >= 19, error
    seconds = time.monotonic() - begin
    print(f"# {calls} calls in {seconds:.2f} s, {looks() - before} looks at the host")
    assert looks() - before <= 10 * (int(seconds) + 2)  # ten of each second, and it began within one


@test
def a_daemon_without_its_sandbox_is_warned_of():
    result, evidence, fix = rows()["sandbox"]
    assert result == "warn" and "NoNewPrivs is not 1" in evidence and "hostdevd.service" in fix, (evidence, fix)


if __name__ == "__main__":
    world.enter()
    world.main(sys.modules[__name__], sys.argv[1], make)
