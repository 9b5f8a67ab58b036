# SPDX-License-Identifier: LGPL-2.1-or-later
"""As much of RFC 8610 (CDDL) as hostdevctl(1) needs: does a JSON value have the form of a rule?

Rules, groups, maps, arrays, choices, literal texts, `?` and `*`; the types text, uint, int, bool, null, any.
"""

import re

TOKEN = re.compile(r'\s*(?:;[^\n]*\n\s*)*(=>|[={}()\[\],:/?*]|"[^"]*"|[A-Za-z_][\w-]*|$)')

PRELUDE = {
    "text": lambda value: isinstance(value, str),
    "bool": lambda value: isinstance(value, bool),
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "uint": lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 0,
    "null": lambda value: value is None,
    "any": lambda value: True,
}


class Mismatch(Exception):
    """Says where a value is not what the rule says."""


class Rules:
    def __init__(self, text):
        self.tokens, place = [], 0
        while place < len(text):
            found = TOKEN.match(text, place)
            assert found, f"no CDDL: {text[place:place + 40]!r}"
            place = found.end()
            if found.group(1):
                self.tokens.append(found.group(1))
            elif place >= len(text.rstrip()):
                break
        self.rules = {}
        while self.tokens:
            name = self._take()
            assert name not in self.rules, f"{name} is there twice"
            self._take("=")
            self.rules[name] = self._group(")") if self._skip("(") else self._choice()

    def _take(self, expected=None):
        token = self.tokens.pop(0)
        assert expected in (None, token), f"{expected} expected, not {token} {self.tokens[:5]}"
        return token

    def _skip(self, token):
        if self.tokens and self.tokens[0] == token:
            self.tokens.pop(0)
            return True
        return False

    def _choice(self):
        choices = [self._type()]
        while self._skip("/"):
            choices.append(self._type())
        return ("choice", choices) if len(choices) > 1 else choices[0]

    def _type(self):
        token = self._take()
        if token == "{":
            return "map", self._group("}")[1]
        if token == "[":
            return "array", self._group("]")[1]
        return ("literal", token[1:-1]) if token.startswith('"') else ("name", token)

    def _group(self, end):
        """Entries: how often, the key (a text, or ("any key",) before `=>`, or None), and the type."""
        entries = []
        while not self._skip(end):
            often = self._take() if self.tokens[0] in "?*" else "1"
            key, form = None, self._choice()
            if self._skip(":"):
                key, form = form[1], self._choice()
            elif self._skip("=>"):
                key, form = ("any key",), self._choice()
            entries.append((often, key, form))
            if not self._skip(","):
                self._take(end)
                break
        return "group", entries

    def check(self, name, value):
        """Raises Mismatch."""
        self._check(("name", name), value, name)

    def _check(self, form, value, where):
        kind, what = form
        if kind == "name" and what in PRELUDE:
            if not PRELUDE[what](value):
                raise Mismatch(f"{where}: {value!r} is no {what}")
        elif kind == "name":
            self._check(self.rules[what], value, where)
        elif kind == "literal":
            if value != what:
                raise Mismatch(f"{where}: {value!r} is not {what!r}")
        elif kind == "choice":
            self._check_choice(what, value, where)
        elif kind == "map":
            self._check_map(what, value, where)
        else:
            self._check_array(what, value, where)

    def _check_choice(self, choices, value, where):
        problems = []
        for form in choices:
            try:
                return self._check(form, value, where)
            except Mismatch as mismatch:
                problems.append(str(mismatch))
        raise Mismatch(" and ".join(problems))

    def _members(self, entries):
        for often, key, form in entries:
            if key is None:
                yield from self._members(self.rules[form[1]][1])
            else:
                yield often, key, form

    def _check_map(self, entries, value, where):
        if not isinstance(value, dict):
            raise Mismatch(f"{where}: {value!r} is no map")
        unknown = dict(value)
        for often, key, form in self._members(entries):
            if key == ("any key",):
                for name, member in unknown.items():
                    self._check(form, member, f"{where}.{name}")
                unknown = {}
            elif key in value:
                self._check(form, unknown.pop(key), f"{where}.{key}")
            elif often != "?":
                raise Mismatch(f"{where}: has no {key}")
        if unknown:
            raise Mismatch(f"{where}: nobody knows of {', '.join(unknown)}")

    def _check_array(self, entries, value, where):
        if not isinstance(value, list):
            raise Mismatch(f"{where}: {value!r} is no array")
        if entries and entries[0][0] == "*":
            for place, member in enumerate(value):
                self._check(entries[0][2], member, f"{where}[{place}]")
        elif len(value) != len(entries):
            raise Mismatch(f"{where}: has {len(value)} members")
        else:
            for (_, _, form), member in zip(entries, value):
                self._check(form, member, where)
