#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is kept by a test and not by review: direction, purity, sizes, form.

usage: lint.py SOURCE LIBCORE LIBUTIL
"""

import pathlib
import re
import subprocess
import sys

import tap
from tap import test

SOURCE = pathlib.Path(sys.argv[1])
LIBRARIES = sys.argv[2:]

# Who may include whom: folder -> folders and, as <…>, foreign headers. C's own are free to all.
LAYERS = {
    "util": ({"util"}, ()),
    "core": ({"core", "util"}, ()),
    "host": ({"host", "core", "util"}, ("libudev.h", "pci/")),
    "store": ({"store", "core", "util"}, ("jansson.h",)),
    "vm": ({"vm", "core", "util"}, ("libvirt/", "libxml/")),
    "bus": ({"bus", "core", "util", "manager.h"}, ("systemd/sd-bus.h", "systemd/sd-event.h",
                                                   "systemd/sd-bus-vtable.h", "systemd/sd-id128.h")),
}
FOREIGN = ("libudev.h", "pci/", "jansson.h", "libvirt/", "libxml/", "systemd/", "pcre2.h", "glib", "libsmartcols")
# What the manager stands on: the core, the journal and the ports.
MANAGER = {"core", "util", "store/journal.h", "vm/hypervisor.h", "manager.h", "manager-internal.h"}

# What the core may ask of the C library: memory, text, sorting. No clock, no file, no input or output.
PURE = re.compile(r"^(calloc|malloc|free|realloc|reallocarray|abort|__assert_fail|__stack_chk_fail|"
                  r"mem\w+|str\w+|__str\w+|stpcpy|__stpcpy_chk|__mem\w+_chk|__strcat_chk|"
                  r"(v?as|v?s|v?sn)printf|__v?(as|s|sn)printf_chk|sscanf|__isoc99_sscanf|"
                  r"qsort|bsearch|__errno_location|__ctype_\w+|is\w+|to(upper|lower)|"
                  r"pcre2_\w+|__popcountdi2|__asan_\w+|__ubsan_\w+|_GLOBAL_OFFSET_TABLE_|__gcov\w*|__tsan_\w+)$")

LONGEST_FILE, LONGEST_FUNCTION = 500, 80


def sources(*folders):
    for folder in folders:
        yield from sorted(path for path in (SOURCE / folder).rglob("*.[ch]"))


def includes(path):
    for line in path.read_text().splitlines():
        found = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
        if found:
            yield found.group(1), found.group(2)


def functions(path):
    """Name, first line and length of each function, by the form that clang-format gives."""
    begin, name = None, None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if begin is None and re.match(r"^[A-Za-z_].*[^;]$|^[A-Za-z_].*\($", line) and "(" in line \
                and not line.startswith(("typedef", "struct", "enum", "union", "#", "DEFINE_")):
            begin, name = number, re.search(r"(\w+)\(", line).group(1)
        if begin is not None and line.endswith(";") and not line.startswith((" ", "}")):
            begin = None
        if begin is not None and line.startswith("}"):
            yield name, begin, number - begin + 1
            begin = None


def none(problems):
    assert not problems, "\n".join(problems)


@test
def a_layer_includes_only_what_the_design_lets_it():
    problems = []
    for layer, (allowed, foreign) in LAYERS.items():
        for path in sources(f"service/{layer}"):
            for kind, name in includes(path):
                inside = kind == '"' and (name in allowed or name.split("/")[0] in allowed)
                known = kind == "<" and (name.startswith(tuple(foreign)) or not name.startswith(FOREIGN))
                if layer == "core" and path.name.startswith("match") and name == "pcre2.h":
                    known = True
                if not inside and not known:
                    problems.append(f"{path.relative_to(SOURCE)} includes {name}")
    none(problems)


@test
def the_manager_knows_neither_bus_nor_libvirt():
    problems = []
    for path in SOURCE.glob("service/manager*.[ch]"):
        for kind, name in includes(path):
            if kind == '"' and name not in MANAGER and name.split("/")[0] not in MANAGER:
                problems.append(f"{path.name} includes {name}")
            if kind == "<" and name.startswith(FOREIGN):
                problems.append(f"{path.name} includes {name}")
    none(problems)


@test
def no_two_layers_include_each_other():
    edges = set()
    for path in sources("service"):
        layer = path.parent.name if path.parent.name != "service" else path.stem
        edges |= {(layer, name.split("/")[0]) for kind, name in includes(path) if kind == '"' and "/" in name}
    none([f"{a} and {b} include each other" for a, b in edges if a < b and (b, a) in edges])


@test
def the_core_is_pure():
    assert LIBRARIES, "no libraries given"
    names = subprocess.run(["nm", "-A", "-u", LIBRARIES[0]], check=True, capture_output=True, text=True)
    defined = subprocess.run(["nm", "--defined-only", *LIBRARIES], check=True, capture_output=True, text=True)
    own = {line.split()[-1] for line in defined.stdout.splitlines() if len(line.split()) == 3}
    impure = set()
    for line in names.stdout.splitlines():
        symbol = line.split()[-1]
        if symbol not in own and not PURE.match(symbol):
            impure.add(f"{line.split(':')[1]} needs {symbol}")
    none(sorted(impure))


@test
def no_file_is_over_500_lines():
    none([f"{path.relative_to(SOURCE)}: {count}" for path in sources("service", "client")
          if (count := len(path.read_text().splitlines())) > LONGEST_FILE])


@test
def no_function_is_over_80_lines():
    seen, problems = 0, []
    for path in sources("service", "client"):
        if path.suffix != ".c":
            continue
        for name, line, length in functions(path):
            seen += 1
            if length > LONGEST_FUNCTION:
                problems.append(f"{path.relative_to(SOURCE)}:{line}: {name}() has {length} lines")
    assert seen > 100, f"only {seen} functions found: the form has changed"
    none(problems)


@test
def every_source_file_says_its_licence():
    none([str(path.relative_to(SOURCE)) for path in sources("service", "client", "tests")
          if "SPDX-License-Identifier: LGPL-2.1-or-later" not in path.read_text()[:200]])


@test
def nothing_is_left_for_later():
    words = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
    problems = []
    for path in sources("service", "client", "tests"):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if words.search(line):
                problems.append(f"{path.relative_to(SOURCE)}:{number}")
    none(problems)


@test
def the_form_is_that_of_clang_format():
    files = [str(path) for path in sources("service", "client", "tests")]
    try:
        done = subprocess.run(["clang-format", "--dry-run", "-Werror", *files], capture_output=True, text=True)
    except FileNotFoundError:
        raise tap.Skip("no clang-format here")
    none([line for line in done.stderr.splitlines() if "error:" in line][:10])


@test
def the_tests_weigh_nine_tenths_of_the_code():
    def weight(paths):
        return sum(len(path.read_text(errors="replace").splitlines()) for path in paths if path.is_file())

    code = weight(sources("service", "client"))
    suffixes = {".c", ".h", ".py", ".sh", ""}
    tests = weight(path for path in (SOURCE / "tests").rglob("*")
                   if path.suffix in suffixes and "corpus" not in path.parts and "out" not in path.parts)
    print(f"# {tests} lines of tests, {code} of code")
    assert tests >= 0.9 * code, f"{tests} lines of tests for {code} of code"


tap.run(tap.tests_of(sys.modules[__name__]))
