# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Test Anything Protocol for the tests that are written in Python."""

import sys
import traceback


class Skip(Exception):
    """Raised by a test that cannot run here; the text says why."""


def run(tests):
    """Runs the functions in order, prints a line for each, exits with 1 when one failed."""
    print(f"1..{len(tests)}", flush=True)
    failed = 0
    for number, test in enumerate(tests, 1):
        name = test.__name__.replace("_", " ")
        try:
            test()
        except Skip as skip:
            print(f"ok {number} - {name} # SKIP {skip}", flush=True)
            continue
        except BaseException as error:  # noqa: a test may end in any way, and the next one runs
            failed += 1
            print(f"not ok {number} - {name}", flush=True)
            for line in traceback.format_exception(error):
                for part in line.rstrip().split("\n"):
                    print(f"# {part}", flush=True)
            if isinstance(error, KeyboardInterrupt):
                break
            continue
        print(f"ok {number} - {name}", flush=True)
    sys.exit(1 if failed else 0)


def tests_of(module):
    """The functions of a module that carry @test, in the order of the file."""
    found = [value for value in vars(module).values() if getattr(value, "is_test", False)]
    return sorted(found, key=lambda function: function.__code__.co_firstlineno)


def test(function):
    """Marks a function as a test; its name is the sentence that it proves."""
    function.is_test = True
    return function
