#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts what the tests said.

usage: count.py FILE…

A .json file is meson's log of a run (a test a line), a .tap file the words of a test themselves. Names
what failed, and ends with "N passed, N failed, N skipped"; exit status 1 when anything failed.
"""

import json
import pathlib
import re
import sys

LINE = re.compile(r"^(not )?ok\b\s*\d*\s*(?:-\s*)?(.*)$")


class Count:
    def __init__(self):
        self.passed = self.skipped = 0
        self.failed = []

    def read_tap(self, name, text):
        """Gives how many tests the text told of."""
        told = 0
        for line in text.splitlines():
            found = LINE.match(line)
            if found:
                told += 1
                if re.search(r"#\s*SKIP", found.group(2), re.IGNORECASE):
                    self.skipped += 1
                elif found.group(1):
                    self.failed.append(f"{name}: {found.group(2)}")
                else:
                    self.passed += 1
            elif re.match(r"1\.\.0\b.*SKIP", line, re.IGNORECASE):
                told += 1
                self.skipped += 1
        return told

    def read_json(self, path):
        for line in path.read_text().splitlines():
            result = json.loads(line)
            before = len(self.failed)
            told = self.read_tap(f"{path.stem} {result['name']}", result.get("stdout") or "")
            # A program that died, timed out or said nothing has failed, whatever it said before.
            if result["result"] in ("SKIP", "EXPECTEDFAIL") and told == 0:
                self.skipped += 1
            elif result["result"] != "OK" and len(self.failed) == before and result["result"] != "SKIP":
                self.failed.append(f"{path.stem} {result['name']}: {result['result']}")
            elif told == 0:
                self.failed.append(f"{path.stem} {result['name']}: no test told of")


def main():
    count = Count()
    for argument in sys.argv[1:]:
        path = pathlib.Path(argument)
        if not path.exists():
            continue
        if path.suffix == ".json":
            count.read_json(path)
        elif count.read_tap(path.stem, path.read_text(errors="replace")) == 0:
            count.failed.append(f"{path.stem}: no test told of")

    for name in count.failed:
        print(f"failed: {name}")
    print(f"{count.passed} passed, {len(count.failed)} failed, {count.skipped} skipped")
    sys.exit(1 if count.failed or count.passed == 0 else 0)


main()
