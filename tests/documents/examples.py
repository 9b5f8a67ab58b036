# SPDX-License-Identifier: LGPL-2.1-or-later
"""The examples of a document, as they stand there.

In Markdown an example is a fenced block, in a manual page a literal display below a line `.\\" KIND`.
What is done with it depends on its first word:

    console            commands behind a prompt (`# ` for root, `USER$ ` for another) and what they
                       print, word for word; `…` alone in a line stands for any lines, else for any words
    ini, js, python PATH
                       a file, put at that path before the next example; an ini without a path is only read
    sh host            for a real host, with systemd and a network: not run here
    text               a picture, or a form to be filled in
"""

import dataclasses
import re

KINDS = ("console", "ini", "js", "python", "sh host", "text", "cddl")


@dataclasses.dataclass
class Example:
    kind: str
    path: str  # of the file that it is, or ""
    line: int  # where its text begins, from 1
    text: str


def _markdown(lines):
    begin = None
    for number, line in enumerate(lines, 1):
        found = re.match(r"```(.*)$", line)
        if not found:
            continue
        if begin is None:
            begin, words = number, found.group(1)
        else:
            yield words, begin + 1, lines[begin:number - 1]
            begin = None


def _manual(lines):
    begin, words = None, ""
    for number, line in enumerate(lines, 1):
        if line.startswith(".Bd -literal"):
            before = lines[number - 2]
            begin, words = number, before[4:] if before.startswith('.\\" ') else ""
        elif line.startswith(".Ed") and begin is not None:
            yield words, begin + 1, lines[begin:number - 1]
            begin = None


def unescape(line):
    """A line of a manual page as the reader sees it."""
    return line.removeprefix("\\&").replace("\\e", "\\")


def escape(line):
    line = line.replace("\\", "\\e")
    return "\\&" + line if line.startswith((".", "'")) else line


def is_manual(path):
    return path.suffix != ".md"


def read(path):
    """All examples of a document, in order."""
    lines = path.read_text(encoding="utf-8").splitlines()
    manual = is_manual(path)
    found = []
    for words, line, text in (_manual if manual else _markdown)(lines):
        kind = next((k for k in KINDS if words == k or words.startswith(k + " ")), None)
        assert kind, f"{path.name}:{line - 1}: an example of no known kind: '{words}'"
        text = [unescape(each) for each in text] if manual else text
        found.append(Example(kind, words[len(kind):].strip(), line, "".join(each + "\n" for each in text)))
    return found


PROMPT = re.compile(r"^(?:# |([a-z][a-z0-9-]*)\$ )(\S.*)$")


def commands(example):
    """(user or None, command, lines that it prints) of a console example."""
    found = []
    for line in example.text.splitlines():
        prompt = PROMPT.match(line)
        if prompt:
            found.append((prompt.group(1), prompt.group(2), []))
        else:
            assert found, f"line {example.line}: begins with no prompt: {line}"
            if found[-1][1].endswith("\\") and not found[-1][2]:
                found[-1] = (found[-1][0], found[-1][1] + "\n" + line, [])
            else:
                found[-1][2].append(line)
    return found


def _fits(expected, printed):
    parts = map(re.escape, expected.rstrip().split("…"))
    return re.fullmatch(".*".join(parts), printed.rstrip()) is not None


def agrees(expected, printed):
    """Is that what was printed?"""
    if not expected:
        return not printed
    if expected[0] == "…":
        return any(agrees(expected[1:], printed[skip:]) for skip in range(len(printed) + 1))
    return bool(printed) and _fits(expected[0], printed[0]) and agrees(expected[1:], printed[1:])
