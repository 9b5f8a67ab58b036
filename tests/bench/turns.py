# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that measure once whenever they are told to (turn.h), one after the other on the same machine."""

import statistics
import subprocess


class Turns:
    """A program; each turn gives its figures."""

    def __init__(self, command, environment=None, log=None):
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=log, text=True, env=environment)
        self.command = command

    def turn(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"{self.command} ended with {self.process.wait(30)}"
        return {name: float(value) for name, _, value in (word.partition("=") for word in line.split())}

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(60)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def take_turns(peers, rounds, warm=1):
    """Name -> program or function, each in its turn; name -> list of what each of its turns gave."""
    taken = {name: [] for name in peers}
    for number in range(warm + rounds):
        for name, peer in peers.items():
            figures = peer.turn() if isinstance(peer, Turns) else peer()
            if number >= warm:
                taken[name].append(figures)
    return taken


def median(values):
    return statistics.median(values)


def percentile(values, percent):
    values = sorted(values)
    return values[min(len(values) - 1, round((len(values) - 1) * percent / 100))]
