#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What tests/try shows works to its end."""

import pathlib
import subprocess
import sys

import tap
from tap import test

TRY = pathlib.Path(__file__).resolve().parent / "try.py"


@test
def the_walk_through_the_main_job_comes_to_its_end():
    done = subprocess.run([sys.executable, TRY, sys.argv[1]], capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert "That is the whole of it." in done.stdout


tap.run(tap.tests_of(sys.modules[__name__]))
