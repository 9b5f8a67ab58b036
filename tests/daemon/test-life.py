#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What becomes of attachments: domains that stop, lose their definition or hang, devices that are exchanged,
groups that go back to their drivers, questions that take long, and a service that ends in the middle."""

import re
import signal
import sys
import time

import world
from tap import test
from world import DATABASE, MANAGER, ROOT, WEB, wait_for

NIC0, NIC1 = "0000:21:00.0", "0000:22:00.0"
GPU, SOUND = "0000:c1:00.0", "0000:c1:00.1"


def both():
    return [w.device(address)["State"] for address in (NIC0, NIC1)]


def clean():
    """Nothing is held: not in the objects, not in the truth; and web runs again."""
    wait_for(lambda: not w.attachments(), "no attachment")
    for uuid in (WEB, DATABASE):
        for side in ("live", "config"):
            assert w.truth.held(uuid, side) == [], (uuid, side)
    wait_for(lambda: both() == ["available"] * 2, "the devices")
    assert w.truth.ask("counts")["handed"] == []
    w.truth.ask("guest", uuid=WEB, mode="accepts")
    if not [domain for domain in w.truth.ask("truth")["domains"] if domain["uuid"] == WEB and domain["running"]]:
        w.truth.ask("start", uuid=WEB)


def attached(domain="web", request="nic:2"):
    path, error = w.attach(domain, request)
    assert not error, error
    return path


def calling(name, *arguments, user=None):
    return w.start(name, ["busctl", "--system", "--timeout=100", "call", world.NAME, *arguments], user=user)


def attaching(name, domain="web", request="nic:2", user=None):
    return calling(name, ROOT, MANAGER, "Attach", "ssa{sv}", domain, request, "0", user=user)


def detaching(name, path):
    return calling(name, path, "org.hostdev1.Attachment", "Detach", "a{sv}", "0")


def state(path):
    return w.property(path, "org.hostdev1.Attachment", "State")


def restart():
    w.stop("daemon", signal.SIGKILL)
    w.fake_daemon()


@test
def a_domain_without_definition_keeps_its_devices_until_it_stops():
    path = attached()
    w.truth.ask("undefine", uuid=WEB)
    wait_for(lambda: not w.property(path, "org.hostdev1.Attachment", "Config"), "the definition to go")
    assert state(path) == "attached" and both() == ["attached"] * 2
    w.truth.ask("stop", uuid=WEB)
    wait_for(lambda: not w.attachments() and both() == ["available"] * 2, "the end")
    w.truth.ask("define", name="web", uuid=WEB, running=True)
    clean()


@test
def a_domain_that_stops_while_it_is_asked_counts_as_left():
    path = attached()
    w.truth.ask("guest", uuid=WEB, mode="ignores")
    call = detaching("detach", path)
    wait_for(lambda: state(path) == "detaching", "the state")
    assert w.truth.held(WEB, "config") == [NIC0, NIC1], "the definition comes last"
    w.truth.ask("stop", uuid=WEB)
    assert call.wait(60) == 0, w.log("detach")
    clean()


@test
def what_is_left_of_a_lost_attachment_is_taken_back():
    path = attached()
    w.truth.ask("foreign_detach", uuid=WEB, address=NIC1, live=True, config=True)
    wait_for(lambda: state(path) == "lost", "the state")
    wait_for(lambda: both() == ["attached", "available"], "the one that is free")
    assert len(w.attachments()[path]["Devices"]) == 1
    other = attached("database", "nic")
    assert w.truth.held(DATABASE, "config") == [NIC1]
    assert w.detach(path) is None
    assert w.truth.held(WEB, "live") == w.truth.held(WEB, "config") == []
    assert w.truth.held(DATABASE, "config") == [NIC1], "that was another's"
    assert w.detach(other) is None
    clean()


@test
def another_device_at_the_address_is_neither_given_nor_freed_in_its_place():
    path = attached()
    w.made_host("swap", NIC0, "vendor=8086", "device=10fb", "class=020000", "group=22", "driver=ixgbe", "--notify")
    wait_for(lambda: w.device(NIC0)["State"] == "gone", "the state")
    assert w.device(NIC0)["ProductId"] == "10d3", "it is the held one that is shown"
    assert state(path) == "lost" and w.truth.held(WEB, "live") == [NIC0, NIC1]
    assert w.detach(path) is None
    wait_for(lambda: w.device(NIC0)["ProductId"] == "10fb", "the newcomer")
    assert w.device(NIC0)["Holder"] == "" and w.device(NIC0)["Reasons"] == ["not-in-pool"]

    # The other way round: it comes while libvirt is at work.
    w.made_host("swap", NIC0, "vendor=8086", "device=10d3", "class=020000", "group=22", "driver=e1000e", "--notify")
    wait_for(lambda: w.device(NIC0)["ProductId"] == "10d3", "the first one again")
    w.truth.ask("next", kind="attach", hold="before")
    call = attaching("attach")
    wait_for(lambda: w.truth.ask("counts")["held"] == 1, "the job")
    w.made_host("swap", NIC0, "vendor=8086", "device=10fb", "class=020000", "group=22", "driver=ixgbe", "--notify")
    wait_for(lambda: w.device(NIC0)["State"] == "gone", "the state")
    w.truth.ask("release")
    assert call.wait(60) != 0 and f"{NIC0} has left the host" in w.log("attach"), w.log("attach")
    wait_for(lambda: not w.attachments(), "the end")
    assert w.truth.held(WEB, "live") == w.truth.held(WEB, "config") == []
    w.made_host("swap", NIC0, "vendor=8086", "device=10d3", "class=020000", "group=22", "driver=e1000e", "--notify")
    clean()


@test
def a_domain_that_hangs_holds_up_no_other():
    w.truth.ask("next", kind="attach", uuid=WEB, hold="before")
    first = attaching("first", "web", "nic")
    wait_for(lambda: w.truth.ask("counts")["held"] == 1, "the job")
    second = attaching("second", "web", "nic")
    wait_for(lambda: len(w.attachments()) == 2, "both")
    for _ in range(5):
        path = attached("database", "gpu")
        assert w.detach(path) is None
    assert first.poll() is None and second.poll() is None
    w.truth.ask("release")
    assert first.wait(60) == 0 and second.wait(60) == 0, w.log("first") + w.log("second")
    # Those of one domain are carried out in the order of asking.
    given = [job["devices"][0]["address"] for job in w.truth.ask("truth")["log"]
             if job["uuid"] == WEB and job["call"] == "attach"]
    assert given[-2:] == [NIC0, NIC1], given
    for path in w.attachments():
        assert w.detach(path) is None
    clean()


@test
def a_group_goes_back_to_its_drivers_after_the_last_of_it_left():
    """… the first having left early, and the daemon having died meanwhile."""
    path = attached("web", "gpu")
    assert w.truth.ask("counts")["handed"] == [GPU, SOUND]
    w.truth.ask("foreign_detach", uuid=WEB, address=SOUND, live=True, config=True)
    wait_for(lambda: state(path) == "lost", "the state")
    assert w.truth.ask("counts")["handed"] == [GPU, SOUND], "its mate is still with the guest"
    restart()
    assert state(path) == "lost"
    w.truth.ask("foreign_detach", uuid=WEB, address=GPU, live=False, config=True)
    w.truth.ask("stop", uuid=WEB)
    wait_for(lambda: w.truth.ask("counts")["handed"] == [], "the way back")
    clean()


@test
def what_comes_after_its_attachment_was_given_up_is_taken_out_again():
    w.truth.ask("next", kind="attach", uuid=WEB, hold="before")
    attaching("attach", "web", "nic")
    path = wait_for(lambda: w.attachments() and list(w.attachments())[0], "the attachment")
    wait_for(lambda: w.truth.ask("counts")["held"] == 1, "the job")
    restart()
    w.truth.ask("release")
    wait_for(lambda: not w.attachments(), "the end")
    assert w.truth.held(WEB, "live") == []
    alias = f"ua-hostdev1-{path.split('/')[-1]}-0"
    for _ in range(2):
        restart()
        w.truth.ask("foreign_attach", uuid=WEB, address=NIC0, alias=alias, live=True, config=True)
        wait_for(lambda: w.truth.held(WEB, "live") == w.truth.held(WEB, "config") == [], "the stray to go")
        wait_for(lambda: not w.attachments(), "the end")
    # The same elsewhere is somebody else's.
    w.truth.ask("foreign_attach", uuid=DATABASE, address=NIC0, alias=alias, live=False, config=True)
    wait_for(lambda: w.device(NIC0)["Holder"] == "domain:database", "the holder")
    assert not w.attachments()
    w.truth.ask("foreign_detach", uuid=DATABASE, address=NIC0, live=False, config=True)
    clean()


@test
def a_stranger_who_gives_up_a_device_frees_it_by_his_event():
    for side in ("live", "config"):
        w.truth.ask("foreign_attach", uuid=WEB, address=NIC0, **{side: True})
        wait_for(lambda: w.device(NIC0)["Holder"] == "domain:web", "the holder")
        assert "held-by-domain" in w.device(NIC0)["Reasons"]
        w.truth.ask("foreign_detach", uuid=WEB, address=NIC0, live=True, config=True)
        wait_for(lambda: w.device(NIC0)["State"] == "available", "the device")
    clean()


def questioned(names, *arguments):
    """Calls of one whom polkit must be asked about, and polkit does not get to it."""
    before = questions()
    w.processes["polkit"].send_signal(signal.SIGSTOP)
    calls = [attaching(name, *arguments, user="lab") for name in names]
    wait_for(lambda: questions() >= before + len(names), "the questions")
    return calls


def questions():
    """How many were put to polkit, by one who listens to the whole bus."""
    if "monitor" not in w.processes:
        w.start("monitor", ["dbus-monitor", "--system", "interface='org.freedesktop.PolicyKit1.Authority'"])
        wait_for(lambda: "signal" in w.log("monitor"), "the monitor")
    return w.log("monitor").count("member=CheckAuthorization")


def answer():
    w.processes["polkit"].send_signal(signal.SIGCONT)


@test
def what_was_taken_during_the_question_is_not_given():
    call = questioned(["asked"])[0]
    try:
        path = attached("database", "nic:2")
        assert call.poll() is None and both() == ["attached"] * 2
    finally:
        answer()
    assert call.wait(60) != 0 and "0 of 2 asked" in w.log("asked"), w.log("asked")
    assert list(w.attachments()) == [path]
    assert w.detach(path) is None
    clean()


@test
def a_device_exchanged_during_the_question_is_not_given():
    call = questioned(["exchanged"])[0]
    try:
        w.made_host("swap", NIC0, "vendor=8086", "device=10fb", "class=020000", "group=22", "--notify")
        wait_for(lambda: w.device(NIC0)["ProductId"] == "10fb", "the newcomer")
    finally:
        answer()
    assert call.wait(60) != 0 and "1 of 2 asked" in w.log("exchanged"), w.log("exchanged")
    assert not w.attachments() and w.truth.held(WEB, "live") == []
    w.made_host("swap", NIC0, "vendor=8086", "device=10d3", "class=020000", "group=22", "driver=e1000e", "--notify")
    clean()


@test
def the_same_call_twice_is_answered_to_one_of_them():
    names = ["twin0", "twin1"]
    calls = questioned(names)
    answer()
    ends = sorted(call.wait(60) == 0 for call in calls)
    assert ends == [False, True], [w.log(name) for name in names]
    assert w.truth.held(WEB, "live") == [NIC0, NIC1] and len(w.attachments()) == 1
    path = list(w.attachments())[0]
    # Two who take it back wait for the same end.
    calls = [detaching(f"back{index}", path) for index in range(2)]
    ends = [call.wait(60) for call in calls]
    assert 0 in ends, [w.log(f"back{index}") for index in range(2)]
    assert all(end == 0 or "Unknown" in w.log(f"back{index}") or "no attachment" in w.log(f"back{index}")
               for index, end in enumerate(ends)), [w.log(f"back{index}") for index in range(2)]
    clean()


@test
def the_end_of_the_service_answers_every_open_call():
    path = attached("web", "nic")
    w.truth.ask("guest", uuid=WEB, mode="ignores")
    w.truth.ask("next", kind="attach", uuid=DATABASE, hold="before")
    calls = {"held": attaching("held", "database", "nic")}
    wait_for(lambda: w.truth.ask("counts")["held"] == 1, "the job")
    calls["guest"] = detaching("guest", path)
    calls["waits"] = calling("waits", ROOT, MANAGER, "Attach", "ssa{sv}", "web", "nic", "1", "wait-seconds", "u", "20")
    wait_for(lambda: state(path) == "detaching", "the guest to be asked")
    calls["question"] = questioned(["question"], "web", "gpu")[0]
    try:
        began = time.monotonic()
        assert w.stop("daemon", signal.SIGTERM) == 0
        print(f"# it ended in {time.monotonic() - began:.2f} s")
        for name, call in calls.items():
            assert call.wait(60) != 0, name
            said = w.log(name)
            assert said.strip() and not re.search("timed out|disconnected|did not receive a reply", said, re.I), said
        for name in ("held", "guest"):
            assert "/org/hostdev1/attachment/" in w.log(name), w.log(name)
    finally:
        answer()
    # Nothing pending is lost: what was begun goes on.
    w.fake_daemon()
    w.truth.ask("release")
    w.truth.ask("let-go", uuid=WEB)
    wait_for(lambda: not w.truth.held(WEB, "config"), "the end of the detach")
    wait_for(lambda: all(one["State"] == "attached" for one in w.attachments().values()), "the outcome")
    for left in w.attachments():
        assert w.detach(left) is None
    clean()


if __name__ == "__main__":
    world.enter()
    world.main(sys.modules[__name__], sys.argv[1], world.with_fake)
