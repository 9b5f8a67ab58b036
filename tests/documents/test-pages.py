#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The manual pages name everything that there is, and nothing else.

usage: test-pages.py SOURCE BUILD
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

import tap
from tap import test

SOURCE, BUILD = map(pathlib.Path, sys.argv[1:3])
MANUAL = SOURCE / "docs" / "man"
PAGES = {"hostdevctl": MANUAL / "hostdevctl.1", "hostdevd": MANUAL / "hostdevd.8",
         "hostdevd.conf": MANUAL / "hostdevd.conf.5", "org.hostdev1": BUILD / "docs" / "org.hostdev1.5"}
INTERFACES = sorted((SOURCE / "dbus").glob("*.xml"))


def source(name):
    return (SOURCE / name).read_text(encoding="utf-8")


def shown(page, width=5000):
    """The page as a reader sees it, a paragraph a line."""
    done = subprocess.run(["man", "-l", PAGES[page]], check=True, capture_output=True, text=True,
                          env={"PATH": os.environ["PATH"], "MANWIDTH": str(width), "LC_ALL": "C.UTF-8", "MANPAGER": "cat",
                               "MAN_KEEP_FORMATTING": ""})
    return done.stdout


def said(program):
    done = subprocess.run([BUILD / program, "--help"], check=True, capture_output=True, text=True)
    return done.stdout


def table(text, name):
    """The body of a table in a source file."""
    return re.search(re.escape(name) + r"\[[^\]]*\] = \{\n(.*?)\n\};", text, re.S).group(1)


@test
def no_page_makes_groff_complain():
    for name, path in PAGES.items():
        done = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", path], check=True,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                              env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "MANROFFSEQ": "", "MANWIDTH": "80"})
        assert done.stderr == "", f"{name}: {done.stderr}"


@test
def every_verb_of_the_client_is_in_its_page():
    text = shown("hostdevctl")
    verbs = re.findall(r'\{ "([a-z -]+)",\s*"', table(source("client/verbs.c"), "verbs"))
    assert len(verbs) > 15, verbs
    missing = [verb for verb in verbs if verb not in text]
    assert not missing, missing


@test
def every_option_of_the_client_is_in_its_page_and_no_other():
    known = set(re.findall(r'\{ "([a-z-]+)", (?:no|required)_argument', source("client/verbs.c")))
    assert {"json", "numa-nodes", "wait"} <= known
    named = set(re.findall(r"(?<![\w-])--([a-z][a-z-]+)", shown("hostdevctl").split("EXAMPLES")[0]))
    assert named == known, named ^ known
    helped = set(re.findall(r"--([a-z][a-z-]+)", said("client/hostdevctl")))
    assert helped == known, helped ^ known


@test
def every_option_of_the_daemon_is_in_its_page_and_no_other():
    known = set(re.findall(r'\{ "([a-z-]+)", (?:no|required)_argument', source("service/main.c")))
    named = set(re.findall(r"(?<![\w-])--([a-z][a-z-]+)", shown("hostdevd")))
    assert named == known == {"help", "version", "debug"}, (named, known)


@test
def every_section_key_and_match_key_is_in_the_page_of_the_configuration():
    text = shown("hostdevd.conf")
    keys = re.findall(r'\{ SECTION_\w+, "(\w+)"', source("service/store/config-keys.c"))
    sections = re.findall(r'\[SECTION_\w+\] = "(\w+)"', source("service/store/config-keys.c"))
    matches = re.findall(r'\[KEY_\w+\] = \{ "([\w.]+)"', source("service/core/match-condition.c"))
    assert len(keys) > 8 and len(sections) == 5 and len(matches) > 12, (keys, sections, matches)
    missing = [word for word in keys + sections + matches if not re.search(rf"\b{re.escape(word)}\b", text)]
    assert not missing, missing


@test
def every_member_of_every_interface_is_in_the_page_made_from_them():
    text = shown("org.hostdev1")
    for path in INTERFACES:
        for interface in ElementTree.parse(path).getroot().iter("interface"):
            assert interface.get("name") in text
            for member in interface:
                if member.tag == "method":
                    inputs = ", ".join(f"{a.get('type')} {a.get('name')}" for a in member
                                       if a.tag == "arg" and a.get("direction", "in") == "in")
                    assert f" {member.get('name')}({inputs})" in text, member.get("name")
                elif member.tag == "property":
                    assert f" {member.get('name')} ({member.get('type')}" in text, member.get("name")


@test
def a_member_without_words_would_be_missed():
    """That the page is really made from the comments."""
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory) / "org.hostdev1.Pool.xml"
        path.write_text(source("dbus/org.hostdev1.Pool.xml").replace("How many of them are available.", "A word of its own."))
        page = pathlib.Path(directory) / "page"
        subprocess.run([sys.executable, MANUAL / "make-interface-page", MANUAL / "org.hostdev1.5.in", page, path], check=True)
        assert "A word of its own." in page.read_text() and ".Sh org.hostdev1.Alias\n" not in page.read_text()


@test
def every_polkit_action_and_detail_is_in_the_page_of_the_daemon():
    text = shown("hostdevd")
    actions = re.findall(r'<action id="([\w.-]+)"', source("polkit/org.hostdev1.policy"))
    details = set(re.findall(r'"([a-z-]+)"', source("service/bus/details.c"))) - {"true", "false"}
    assert {"alias", "domain-uuid", "force"} <= details, details
    assert len(actions) == 5, actions
    missing = [word for word in actions + sorted(details) if word not in text]
    assert not missing, missing


@test
def every_message_id_is_in_the_page_of_the_daemon():
    text = shown("hostdevd")
    numbers = {number for path in (SOURCE / "service").rglob("*.h")
               for number in re.findall(r'_ID\s+"([0-9a-f]{32})"', path.read_text())}
    assert numbers == set(re.findall(r"MESSAGE_ID=([0-9a-f]{32})", text)), numbers


@test
def help_and_unit_name_every_page():
    pages = {re.sub(r"^(.*)\.(\d)$", r"\1(\2)", path.name) for path in PAGES.values()}
    assert len(pages) == 4, pages
    for text in (said("client/hostdevctl"), said("service/hostdevd"), source("systemd/hostdevd.service.in")):
        missing = [page for page in pages if page not in text]
        assert not missing, (missing, text)


@test
def every_page_that_is_referred_to_exists():
    for name, path in PAGES.items():
        for page, section in re.findall(r"^\.Xr (\S+) (\d)", path.read_text(encoding="utf-8"), re.M):
            if page in PAGES:
                assert PAGES[page].name == f"{page}.{section}", f"{name}: {page}({section})"


tap.run(tap.tests_of(sys.modules[__name__]))
