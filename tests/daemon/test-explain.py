#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Explain among real parts: what fits, what is missing and why, who might attach; and nothing changes by it."""

import json
import signal
import sys

import world
from tap import test

NIC0, NIC1 = "0000:21:00.0", "0000:22:00.0"
GPU, AUDIO = "0000:c1:00.0", "0000:c1:00.1"

CONFIGURATION = world.CONFIGURATION + """
[Alias audio]
Match=product_id=1aef

[Alias near]
Match=product_id=10d3
Match=vendor_id=10de
NumaPolicy=required
"""

RULES = world.RULES + """
polkit.addRule(function(action, subject) {
    if (subject.user == "nobody-special" && action.lookup("domain") != "pinned")
        return polkit.Result.NO;
});
"""

PINNED = """<domain type='test'><name>pinned</name><memory>8192</memory><vcpu>1</vcpu>
<numatune><memory mode='strict' nodeset='1'/></numatune><os><type>hvm</type></os></domain>"""


def make(build):
    w = world.standard(build, CONFIGURATION, RULES)
    w.virsh("define", "/dev/stdin", text=PINNED)
    world.wait_for(lambda: ask(w, "nic", "pinned")[0], "the domain")
    return w


def ask(place, request, domain=None, user=None):
    """(answer, None) or (None, error)."""
    options = ["1", "domain", "s", domain] if domain else ["0"]
    answer, error = place.call(world.ROOT, world.MANAGER, "Explain", "sa{sv}", request, *options, user=user)
    return (Answer(*answer) if answer else None), error


def address_of(path):
    domain, bus, slot, function = path.split("pci_")[1].split("_")
    return f"{domain}:{bus}:{slot}.{function}"


class Answer:
    def __init__(self, fits, candidates, summary):
        self.fits = fits
        self.rows = [(row[0], address_of(row[1]), row[2], row[3],
                      {key: value["data"] for key, value in row[4].items()}) for row in candidates]
        self.summary = {key: value["data"] for key, value in summary.items()}

    def chosen(self):
        return [address for _, address, chosen, _, _ in self.rows if chosen]

    def row(self, address, item=0):
        return next(row for row in self.rows if row[1] == address and row[4]["item"] == item)

    def reasons(self, address, item=0):
        return self.row(address, item)[3]

    def details(self, address, item=0):
        return self.row(address, item)[4]

    def fitting(self):
        return [{key: value["data"] for key, value in item.items()}["fits"] for item in self.summary["items"]]


def explain(request, domain=None, user=None):
    """The answer; whatever it is, nothing has changed by the question."""
    before = w.everything()
    answer, error = ask(w, request, domain, user)
    assert not error, error
    assert w.everything() == before
    return answer


def refuses(request, domain, name):
    before = w.everything()
    _, error = w.call_raw(world.ROOT, world.MANAGER, "Explain", "sa{sv}", request, {"domain": domain} if domain else {})
    assert error == name, error
    assert w.everything() == before


@test
def what_fits_is_what_attach_then_gives():
    answer = explain("nic,gpu", "test")
    assert answer.fits and answer.summary["text"] == "" and answer.fitting() == [1, 1]
    assert answer.summary["asked"] == 2 and answer.summary["chosen"] == 3 and answer.summary["authorization"] == "yes"
    path, error = w.attach("test", "nic,gpu")
    assert not error, error
    devices = [address_of(device) for device in w.attachments()[path]["Devices"]]
    assert sorted(devices) == sorted(answer.chosen()) == [NIC0, GPU, AUDIO], (devices, answer.chosen())
    assert w.detach(path) is None


@test
def what_is_missing_is_counted_as_attach_counts_it():
    path, error = w.attach("test", "nic")
    assert not error, error
    answer = explain("nic:4", "pinned")
    assert not answer.fits and answer.chosen() == [] and answer.fitting() == [0]
    assert answer.summary["text"] == "0 of 4: 1 attached to test, 1 on another NUMA node", answer.summary
    assert answer.summary["counts"] == {"attached": 1, "numa": 1}
    assert answer.reasons(NIC0) == ["attached", "numa"] and answer.details(NIC0)["domain"] == "test"
    for options in ((), ("dry-run", "b", "true")):
        nothing, error = w.attach("pinned", "nic:4", *options)
        assert nothing is None and "0 of 4 asked: 1 attached, 1 numa" in error, error
    assert w.detach(path) is None


@test
def a_pinned_domain_gets_devices_of_its_node():
    answer = explain("near:2", "pinned")
    assert answer.fits and answer.chosen() == [GPU, AUDIO] and answer.summary["numa-nodes"] == [1], answer.summary
    assert answer.reasons(NIC0) == answer.reasons(NIC1) == ["numa"]
    assert explain("near:2", "test").chosen()[0] == NIC0, "no node, no preference"


@test
def half_a_group_names_what_would_stay_with_the_host():
    answer = explain("audio", "test")
    assert not answer.fits and answer.reasons(AUDIO) == ["group-incomplete"], answer.rows
    driver = w.device(GPU)["Driver"]
    assert driver and answer.details(AUDIO)["group-mates"] == [[GPU, driver, ""]], answer.details(AUDIO)
    text = (f"; {AUDIO} shares IOMMU group {w.device(AUDIO)['IommuGroup']} with {GPU} ({driver}), which would stay "
            "with the host; Unit=slot would take it along")
    assert answer.summary["text"] == "0 of 1: 1 in an IOMMU group that would not be complete" + text, answer.summary
    assert answer.details(AUDIO)["helping-unit"] == "slot", answer.details(AUDIO)
    shown = w.ctl("explain", "audio", "--for=test").stdout
    assert f"group mate {GPU} stays at {driver}" in shown and "Unit=slot would take the group along" in shown, shown
    nothing, error = w.attach("test", "audio")
    assert nothing is None and "0 of 1 asked: 1 group-incomplete (alias audio)" + text in error, error


@test
def of_many_items_the_later_ones_have_what_is_left():
    answer = explain("near:2,gpu,nic:3", "pinned")
    assert not answer.fits and answer.fitting() == [2, 0, 0], answer.summary
    assert answer.reasons(GPU, 1) == ["taken-by-earlier-item"]
    answer = explain("nic:3,gpu")
    assert answer.fitting() == [2, 1] and answer.summary["text"] == "2 of 3 nic: there are no more"
    answer = explain("nic,nic")
    assert answer.chosen() == [NIC0, NIC1] and answer.reasons(NIC0, 1) == ["taken-by-earlier-item"]


@test
def who_may_not_is_told_so_and_who_may_is_too():
    answer = explain("nic", "test", user="lab")
    assert answer.fits and answer.summary["authorization"] == "yes" and answer.chosen() == [NIC0]
    answer = explain("nic", "test", user="nobody-special")
    assert not answer.fits and answer.chosen() == [] and answer.summary["enough"] is True
    assert answer.summary["authorization"] == "no" and answer.summary["text"] == "not authorized to attach to test"
    assert answer.reasons(NIC0) == answer.reasons(NIC1) == ["not-authorized"]
    assert "not-authorized" not in answer.reasons(GPU), "that is not what was asked for"
    assert "authorization" not in explain("nic", user="nobody-special").summary


@test
def a_challenge_is_no_refusal():
    answer = explain("gpu", "pinned", user="nobody-special")
    assert answer.summary["authorization"] == "challenge" and answer.fits and answer.chosen() == [GPU, AUDIO]


@test
def a_polkit_that_does_not_answer_is_a_no_and_holds_up_nobody():
    w.processes["polkit"].send_signal(signal.SIGSTOP)
    try:
        waiting = w.start("waiting", ["busctl", "--system", "call", world.NAME, world.ROOT, world.MANAGER, "Explain",
                                      "sa{sv}", "nic", "1", "domain", "s", "test"], user="lab")
        assert explain("nic", user="lab").fits
        assert explain("nic", "test").summary["authorization"] == "yes", "root may without a question"
        answer = explain("nic", "test", user="lab")
        assert answer.summary["authorization"] == "no" and answer.reasons(NIC0) == ["not-authorized"], answer.rows
        assert w.processes.pop("waiting").wait(60) == 0 and "not-authorized" in w.log("waiting")
    finally:
        w.processes["polkit"].send_signal(signal.SIGCONT)
    assert explain("nic", "test", user="lab").summary["authorization"] == "yes"


@test
def unknown_names_and_options_are_refused():
    refuses("nik", None, "org.hostdev1.Error.NoSuchAlias")
    refuses("nic", "nonesuch", "org.hostdev1.Error.NoSuchDomain")
    refuses("nic:0", "test", "org.hostdev1.Error.InvalidRequest")
    nothing, error = w.call(world.ROOT, world.MANAGER, "Explain", "sa{sv}", "nic", 1, "domian", "s", "test")
    assert nothing is None and "domian" in error, error


@test
def the_client_says_it_in_words():
    path, error = w.attach("test", "nic")
    assert not error, error
    result = w.ctl("explain", "nic:4", "--for=pinned")
    assert result.returncode == 0 and result.stderr == "", result
    lines = result.stdout.splitlines()
    assert lines[0] == "nic: wanted 4, fits 0"
    assert any(NIC0 in line and "attached to test" in line for line in lines), lines
    assert any(NIC1 in line and "on NUMA node 0, pinned is on 1" in line for line in lines), lines
    assert lines[-1] == "does not fit: 0 of 4: 1 attached to test, 1 on another NUMA node"
    document = json.loads(w.ctl("--json", "explain", "nic:4", "--for=pinned").stdout)
    assert document["summary"]["counts"] == {"attached": 1, "numa": 1}
    assert w.ctl("explain", "nic", "--for=nonesuch").returncode == 4
    assert w.detach(path) is None
    result = w.ctl("explain", "gpu", "--for=pinned", user="nobody-special")
    assert result.stdout.endswith("\nfits; to attach you would have to authenticate\n"), result.stdout


if __name__ == "__main__":
    world.enter()
    world.main(sys.modules[__name__], sys.argv[1], make)
