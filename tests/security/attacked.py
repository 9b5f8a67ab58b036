# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon with the fake hypervisor, looked at from outside before and after an attack."""

import os
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "reliability"), str(HERE.parent / "daemon"), str(HERE.parent / "lint")]

import checker  # noqa: the paths come first
from trial import tap_run, world  # noqa
from world import MANAGER, ROOT, WEB, wait_for  # noqa

MOST_GROWTH = 8 * 1024  # KiB; what malloc keeps of the largest messages it has seen
REPORT = re.compile(r"runtime error|ERROR: \w+Sanitizer|Assertion .* failed")


class Attacked:
    def __init__(self, build):
        self.w = world.with_fake(build)
        self.pid = self.w.processes["daemon"].pid
        # Everything once: what is made at the first call only is not a leak.
        path, error = self.w.attach("web", "nic")
        assert not error and self.w.detach(path) is None, error
        assert not self.w.call(ROOT, MANAGER, "CheckHost")[1]
        self.descriptors, self.memory = self.count_descriptors(), self.count_memory()

    def count_descriptors(self):
        assert self.w.property(ROOT, MANAGER, "Version")
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def count_memory(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))

    def is_sanitized(self):
        return "libasan" in pathlib.Path(f"/proc/{self.pid}/maps").read_text(encoding="ascii", errors="replace")

    def last_words(self):
        return self.w.log("daemon")[-5000:]

    def truth(self):
        """All that a call without authorization must leave as it was."""
        return {"files": {path.name: path.read_bytes() for path in sorted(self.w.state.iterdir())},
                "domains": self.w.truth.ask("truth")["domains"], "objects": self.w.objects()}

    def check_alive(self):
        assert self.w.processes["daemon"].poll() is None, self.last_words()
        assert not REPORT.search(self.w.log("daemon")), REPORT.search(self.w.log("daemon")).group(0) + self.last_words()
        # What was sent before is worked off first.
        wait_for(lambda: self.w.property(ROOT, MANAGER, "LibvirtConnected"), f"an answer: {self.last_words()}")

    def check_descriptors(self):
        wait_for(lambda: self.count_descriptors() == self.descriptors, f"{self.descriptors} descriptors as at the start")

    def check_invariants(self):
        """What must be so at any moment, and what when nothing is under way, by the files and the hypervisor alone."""
        def settled():
            found = checker.records(self.w.state)
            domains, handed = self.w.truth.ask("truth")["domains"], self.w.truth.ask("counts")["handed"]
            problems = checker.always(domains, found, handed)
            assert not problems, problems
            return not checker.unsettled(domains, found)
        wait_for(settled, "nothing to be under way")

    def clear(self):
        """Gives back and removes all that callers have made; each must go."""
        for path in self.w.attachments():
            error = self.w.detach(path)
            assert not error, f"{path}: {error}"
        for path, interfaces in self.w.objects().items():
            for kind in ("Pool", "Alias"):
                made = interfaces.get(f"org.hostdev1.{kind}")
                if made and made["Source"] == "runtime":
                    error = self.w.call(ROOT, MANAGER, f"Remove{kind}", "sa{sv}", made["Name"], 0)[1]
                    assert not error, f"{path}: {error}"

    def check_memory(self):
        now = self.count_memory()
        print(f"# memory {self.memory} KiB before, {now} KiB after; {self.descriptors} descriptors")
        assert self.is_sanitized() or now - self.memory <= MOST_GROWTH, f"grown by {now - self.memory} KiB"

    def check_end(self):
        """In order: with sanitizers that means without a leak, too."""
        assert self.w.truth.held(WEB, "live") == self.w.truth.held(WEB, "config") == []
        status = self.w.stop("daemon")
        assert status == 0, f"ended with {status}\n{self.last_words()}"
        assert not REPORT.search(self.w.log("daemon")), self.last_words()
