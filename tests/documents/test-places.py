#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What CONTRIBUTING.md asks of who adds a method or a match key was done for those that there are; and what the
documents point to exists.

usage: test-places.py SOURCE
"""

import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

SOURCE = pathlib.Path(sys.argv[1])
sys.path.append(str(SOURCE / "tests" / "documents"))

import examples  # noqa: found only now
import tap
from tap import test

DOCUMENTS = [SOURCE / "README.md", SOURCE / "CONTRIBUTING.md", *sorted((SOURCE / "docs").glob("*.md"))]


def source(name):
    return (SOURCE / name).read_text(encoding="utf-8")


def gathered(*patterns):
    return "".join(path.read_text(encoding="utf-8") for pattern in patterns for path in sorted(SOURCE.glob(pattern)))


def methods():
    for path in sorted((SOURCE / "dbus").glob("*.xml")):
        interface = ElementTree.parse(path).getroot().find("interface")
        for method in interface.findall("method"):
            yield interface.get("name"), method.get("name")


def section(heading):
    """The numbered places of a section of CONTRIBUTING.md: the words in backquotes that are paths."""
    text = source("CONTRIBUTING.md").split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = re.findall(r"^\d+\. (.*(?:\n   .*)*)", text, re.M)
    return [[word for word in re.findall(r"`([^`]+)`", line) if "/" in word or word.endswith(".md")] for line in lines]


def named_in(word, text, form=r"\b{}\b"):
    return re.search(form.format(re.escape(word)), text) is not None


@test
def every_method_is_in_every_place_that_is_asked_of_a_new_one():
    places = {
        "a vtable of service/bus": (gathered("service/bus/*-bus.c"), r'SD_BUS_METHOD\w*\(\s*"{}"'),
        "service/bus/methods.c": (source("service/bus/methods.c"), r'INTERFACE, "{}"'),
        "a test of the bus": (gathered("tests/bus/*.c", "tests/daemon/test-*.py"), r'"{}"'),
        "a console example of README.md": (
            "".join(e.text for e in examples.read(SOURCE / "README.md") if e.kind == "console"),
            r"busctl call org.hostdev1 \S+ org.hostdev1.\w+ {}\b"),
    }
    found = list(methods())
    assert len(found) > 12, found
    missing = [f"{name} is not in {place}" for _, name in found for place, (text, form) in places.items()
               if not named_in(name, text, form)]
    assert not missing, "\n".join(missing)


@test
def every_match_key_is_in_every_place_that_is_asked_of_a_new_one():
    table = dict(re.findall(r'\[(KEY_\w+)\] = \{ "([\w.]+)"', source("service/core/match-condition.c")))
    assert len(table) > 12, table
    places = {
        "tests/core": gathered("tests/core/test-match*.c"),
        "hostdevd.conf(5)": source("docs/man/hostdevd.conf.5"),
        "client/complete.c": source("client/complete.c"),
    }
    header = source("service/core/match-condition.h")
    missing = [f"{number} is not in match-condition.h" for number in table if number not in header]
    missing += [f"{key} is not in {place}" for key in table.values() for place, text in places.items()
                if not named_in(key.removesuffix("NAME"), text, r"(?<!\w){}")]
    assert not missing, "\n".join(missing)


@test
def the_places_that_are_asked_for_exist():
    for heading, least in (("To add a method", 7), ("To add a match key", 5)):
        places = section(heading)
        assert len(places) >= least, places
        missing = [path for line in places for path in line if not (SOURCE / path).exists()]
        assert not missing, missing


@test
def what_the_documents_point_to_exists():
    missing = []
    for document in DOCUMENTS:
        text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.S)
        for target in re.findall(r"\]\(([^)#]+)\)", text):
            if not (document.parent / target).exists():
                missing.append(f"{document.name}: {target}")
        for path in re.findall(r"`((?:service|client|dbus|polkit|systemd|docs|tests|debian)/[\w./-]*)(?: [^`]*)?`", text):
            if not (SOURCE / path).exists():
                missing.append(f"{document.name}: {path}")
        for page, number in re.findall(r"\b(hostdevctl|hostdevd(?:\.conf)?|org\.hostdev1)\((\d)\)", text):
            if not list((SOURCE / "docs" / "man").glob(f"{page}.{number}*")):
                missing.append(f"{document.name}: {page}({number})")
    assert not missing, missing


@test
def every_example_is_of_a_known_kind_and_every_program_of_the_project_exists():
    seen = 0
    for document in DOCUMENTS:
        for example in examples.read(document):
            seen += 1
            for path in re.findall(r"(?:^|\s)(tests/[\w/-]+)", example.text):
                assert (SOURCE / path).exists(), f"{document.name}:{example.line}: {path}"
            if example.kind == "console":
                assert examples.commands(example), f"{document.name}:{example.line}"
    assert seen > 30, seen


@test
def the_readme_and_the_pages_for_one_page_are_short():
    assert len(source("README.md").splitlines()) <= 200
    for name in ("CONTRIBUTING.md", "docs/threat-model.md"):
        assert len(source(name).splitlines()) <= 70, name


@test
def the_pictures_are_there_and_small():
    for name in ("status", "explain", "check-host"):
        picture = (SOURCE / "docs" / f"{name}.png").read_bytes()
        assert picture.startswith(b"\x89PNG") and 5000 < len(picture) <= 100 * 1024, (name, len(picture))
        assert f"docs/{name}.png" in source("README.md")


@test
def the_package_has_the_version_of_the_project():
    version = re.search(r"version : '([\d.]+)'", source("meson.build")).group(1)
    assert re.match(r"hostdevd \(([\d.]+)\)", source("debian/changelog")).group(1) == version


@test
def the_sample_rule_is_the_one_that_is_installed():
    rules = [e.text for e in examples.read(SOURCE / "docs" / "polkit.md") if e.kind == "js"]
    assert source("polkit/examples/50-lab.rules") in rules


@test
def the_tables_of_actions_are_those_of_the_policy():
    actions = re.findall(r'<action id="([\w.-]+)"', source("polkit/org.hostdev1.policy"))
    for name in ("README.md", "docs/polkit.md"):
        assert sorted(re.findall(r"^\| `(org\.hostdev1\.[\w-]+)`", source(name), re.M)) == sorted(actions), name


tap.run(tap.tests_of(sys.modules[__name__]))
