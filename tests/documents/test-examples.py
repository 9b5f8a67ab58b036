#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a document shows is what happens: each of its examples is run as printed.

usage: test-examples.py BUILD DOCUMENT [--update]

The host is that of tests/fakes/made-host; domains web01 (runs, and is defined), db01 (defined) and
lab-1 (runs, and is defined) wait for devices, and the users lab and nobody-special may do what the document says that
they may. --update writes into the document what was printed, for whoever writes it.
"""

import difflib
import pathlib
import sys

import examples
import host
import tap

DOCUMENT = pathlib.Path(sys.argv[2]).resolve()


def check(example):
    """A function that runs one example; it gives the text as it should be."""
    def console():
        parts, wrong = [], []
        for user, command, expected in examples.commands(example):
            printed = w.typed(user, command)
            prompt = (f"{user}$ " if user else "# ") + command
            agreed = examples.agrees(expected, printed)
            parts += [prompt, *(expected if agreed else [line.rstrip() for line in printed])]
            if not agreed:
                wrong += [prompt, *difflib.ndiff(expected, printed)]
        return parts, wrong

    def file():
        if example.path:
            w.put(example.path, example.text)
            return None, []
        if example.kind != "ini":
            return None, []
        place = w.directory / "example.conf"
        place.write_text(example.text)
        done = w.ctl("check-config", place)
        return None, done.stderr.splitlines()

    run = {"console": console, "ini": file, "js": file, "python": file}.get(example.kind)

    def case():
        if not run:
            return None
        text, wrong = run()
        if UPDATE:
            return text
        assert not wrong, "\n".join(wrong)
        return text
    case.__name__ = f"{DOCUMENT.name}:{example.line}: the {example.kind} example is true"
    return case


def update(found, results):
    """Later examples first, so that the lines of the earlier ones stay where they are."""
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    for example, text in reversed(list(zip(found, results))):
        if text is not None:
            end = example.line - 1 + example.text.count("\n")
            lines[example.line - 1:end] = map(examples.escape, text) if examples.is_manual(DOCUMENT) else text
    DOCUMENT.write_text("".join(line + "\n" for line in lines), encoding="utf-8")


if __name__ == "__main__":
    host.world.enter()
    UPDATE = "--update" in sys.argv
    FOUND = [example for example in examples.read(DOCUMENT) if example.kind in ("console", "ini", "js", "python")]
    CASES = [check(example) for example in FOUND]
    w = host.Host(sys.argv[1])
    try:
        w.begin()
        if UPDATE:
            update(FOUND, [case() for case in CASES])
        else:
            tap.run(CASES)
    finally:
        w.close()
