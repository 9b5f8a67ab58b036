# SPDX-License-Identifier: LGPL-2.1-or-later
"""The daemon with the fake hypervisor, traced, killed and started again, as often as one likes."""

import os
import pathlib
import re
import signal
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "daemon"), str(HERE.parent / "lint")]

import checker  # noqa: the paths come first
import tap  # noqa
import world  # noqa
from world import DATABASE, MANAGER, ROOT, WEB, wait_for  # noqa

ATTACHMENT = "org.hostdev1.Attachment"
LIMIT = 60  # seconds; how long anything is waited for, far above what it takes
NIC0, NIC1 = "0000:21:00.0", "0000:22:00.0"
# Two plain devices, and a card of two functions in one IOMMU group, which is handed over as a whole.
EVERYTHING = "nic:2,gpu"
GONE = ("org.freedesktop.DBus.Error.NoReply", "org.freedesktop.DBus.Error.ServiceUnknown",
        "org.freedesktop.DBus.Error.NameHasNoOwner", "org.freedesktop.DBus.Error.Disconnected")

SYSTEM_CALL = re.compile(r"^(\d+) +(\w+)\(")


class Trial:
    def __init__(self, build):
        import dbus

        self.dbus = dbus
        self.w = world.with_fake(build)
        # Whoever is traced cannot look for leaks when it ends.
        self.w.environment["ASAN_OPTIONS"] = self.w.environment.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
        self.trace = self.w.directory / "trace"
        self.strace = None
        self.highest = 0  # number of an attachment

    # Calls. Each gives (answer, None) or (None, name of the error).

    def attach(self, domain, request, **options):
        options = {key.replace("_", "-"): value for key, value in options.items()}
        answer, error = self.w.call_raw(ROOT, MANAGER, "Attach", "ssa{sv}", domain, request,
                                        self.dbus.Dictionary(options, signature="sv"), seconds=LIMIT)
        if answer and str(answer) != "/":
            number = int(answer.rsplit("/", 1)[1])
            assert number > self.highest, f"attachment {number} after {self.highest}: a number was used again"
            self.highest = number
        return (str(answer) if answer else None), error

    def detach(self, path):
        return self.w.call_raw(path, ATTACHMENT, "Detach", "a{sv}", self.dbus.Dictionary({}, signature="sv"),
                               seconds=LIMIT)[1]

    def add_pool(self, name):
        match = self.dbus.Array([{"vendor_id": "ffff"}], signature="a{ss}")
        return self.w.call_raw(ROOT, MANAGER, "AddPool", "saa{ss}a{sv}", name, match,
                               self.dbus.Dictionary({}, signature="sv"), seconds=LIMIT)[1]

    def remove_pool(self, name):
        return self.w.call_raw(ROOT, MANAGER, "RemovePool", "sa{sv}", name,
                               self.dbus.Dictionary({}, signature="sv"), seconds=LIMIT)[1]

    def objects(self):
        answer, error = self.w.call_raw(ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", "",
                                        seconds=LIMIT)
        assert not error, f"reading fails: {error}"
        return answer

    def property(self, path, interface, name):
        return self.w.call_raw(path, "org.freedesktop.DBus.Properties", "Get", "ss", interface, name)[0]

    def calling(self, path, interface, method, *arguments):
        """A call whose answer is not waited for: a process."""
        return self.w.start("calling", ["busctl", "--system", "--quiet", f"--timeout={LIMIT}", "call", world.NAME, path,
                                        interface, method, *arguments])

    # What is so.

    def domains(self):
        return [self.w.truth.ask("read", uuid=uuid)["domain"] for uuid in (WEB, DATABASE)]

    def handed(self):
        return self.w.truth.ask("counts")["handed"]

    def records(self):
        return checker.records(self.w.state)

    def attached(self):
        return {number: record["domain"] for number, record in checker.attachments(self.records()).items()}

    def unsettled(self):
        """What is under way."""
        # The journal first: it is the last that lets go of what is taken back meanwhile.
        found, domains, handed = self.records(), self.domains(), self.handed()
        problems = checker.always(domains, found, handed)
        assert not problems, problems
        return checker.unsettled(domains, found)

    def is_settled(self):
        return not self.unsettled()

    def settle(self):
        """Waits until nothing is under way; how long that took."""
        began = time.monotonic()
        while True:
            unsettled = self.unsettled()
            if not unsettled:
                return time.monotonic() - began
            assert time.monotonic() - began < LIMIT, f"not settled: {unsettled}"
            time.sleep(0.01)

    def check_dead(self):
        """Nobody runs: what the hypervisor has and what is recorded must fit even so."""
        found, domains, handed = self.records(), self.domains(), self.handed()
        problems = checker.always(domains, found, handed)
        assert not problems, problems

    # The daemon.

    def settings(self):
        return {"STATE_DIRECTORY": str(self.w.state), "CONFIGURATION_DIRECTORY": str(self.w.configuration),
                "LIBVIRT_DEFAULT_URI": str(self.w.truth.path)}

    def program(self):
        return self.w.program("tests/fakes/hostdevd-fake")

    def alive(self):
        return "daemon" in self.w.processes and self.w.processes["daemon"].poll() is None

    def wait_dead(self, seconds):
        """Gives it that long to end; whether it has."""
        try:
            self.w.processes["daemon"].wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def start(self):
        """Until a change is accepted; how long that took."""
        began = time.monotonic()
        self.w.start("daemon", [self.program()], user="hostdevd", environment=self.settings())
        self.wait_usable()
        return time.monotonic() - began

    def wait_usable(self):
        def usable():
            answer, error = self.attach("database", "vf", dry_run=True)
            assert not error or error in GONE or error.endswith(".HypervisorUnavailable"), error
            assert self.alive(), f"it ended: {self.w.log('daemon')[-2000:]}"
            return answer
        wait_for(usable, "a daemon that accepts changes", LIMIT)

    def kill(self):
        if "daemon" in self.w.processes:
            self.w.stop("daemon", signal.SIGKILL)
        self.end_trace()

    def follow(self, *options):
        """Traces the running daemon from here on."""
        self.strace = subprocess.Popen(["strace", "-f", "-y", "-p", str(self.w.processes["daemon"].pid), "-o", self.trace,
                                        *options], stderr=subprocess.PIPE, text=True)
        line = self.strace.stderr.readline()
        assert "attached" in line, line
        return self

    def start_traced(self, *options):
        """Starts the daemon under strace and does not wait; the process is strace's."""
        if self.trace.exists():
            self.trace.unlink()
        self.w.start("daemon", ["strace", "-f", "-y", "-u", "hostdevd", "-o", self.trace, *options, self.program()],
                     environment=self.settings())

    def kill_traced(self):
        """Kills the daemon below a strace that started it."""
        process = self.w.processes.pop("daemon")
        if process.poll() is None and "strace" not in process.args[0]:
            process.kill()
        elif process.poll() is None:
            wait_for(lambda: process.poll() is not None or self.children(process.pid), "the daemon below strace")
            for pid in self.children(process.pid):
                os.kill(pid, signal.SIGKILL)
        process.wait(LIMIT)

    @staticmethod
    def children(pid):
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout
        return [int(word) for word in found.split()]

    def end_trace(self):
        if self.strace:
            self.strace.wait(LIMIT)
            self.strace.stderr.close()
            self.strace = None

    def traced(self):
        """The system calls of the trace, in order: name and the whole line."""
        lines = self.trace.read_text(errors="replace").splitlines() if self.trace.exists() else []
        return [(found.group(2), line) for line in lines if (found := SYSTEM_CALL.match(line))]

    # Afterwards.

    def clear(self):
        """Takes back what the trial left, except for what was there before it."""
        for number, domain in self.attached().items():
            if domain == "web":
                error = self.detach(f"{ROOT}/attachment/{number}")
                assert not error, f"attachment {number} cannot be detached: {error}"
        for key in self.records():
            if key.startswith("pool/trial"):
                error = self.remove_pool(key.split("/", 1)[1])
                assert not error, f"{key} cannot be removed: {error}"
        self.w.truth.ask("forget")  # it remembers each job, and tells all of them whenever it is asked

    def check_fresh(self):
        """Everything can be lent once more, and is given back."""
        path, error = self.attach("web", EVERYTHING)
        assert not error, f"a fresh attach fails: {error}"
        assert len(self.w.truth.held(WEB, "live")) == len(self.w.truth.held(WEB, "config")) == 4
        error = self.detach(path)
        assert not error, f"a fresh detach fails: {error}"
        for side in ("live", "config"):
            assert self.w.truth.held(WEB, side) == [], "something is left"
        self.settle()

    def reset(self):
        """A trial went wrong: everything is as at the beginning, but for what the kernel keeps (mounts)."""
        if "daemon" in self.w.processes:
            self.kill_traced() if not self.strace else self.kill()
        self.end_trace()
        self.w.stop("hypervisor", signal.SIGKILL)
        self.w.truth.path.unlink(missing_ok=True)
        (self.w.directory / "hypervisor.log").unlink()  # it says that the old one is ready
        self.begin_hypervisor()
        self.highest = 0
        for path in self.w.state.iterdir():
            path.unlink()
        if not (self.w.sys / "bus/pci/devices" / NIC0).exists():
            self.plug()

    def take_by_other_hands(self):
        """Somebody takes out of web what it has, and asks nobody."""
        for address in self.w.truth.held(WEB, "live"):
            self.w.truth.ask("foreign_detach", uuid=WEB, address=address, live=True, config=True)

    def begin_hypervisor(self):
        self.w.truth = world.Truth(self.w)
        self.w.truth.ask("define", name="web", uuid=WEB, running=True)
        self.w.truth.ask("define", name="database", uuid=DATABASE)

    def pull(self):
        self.w.made_host("remove", NIC0, "--notify")

    def plug(self):
        self.w.made_host("add", NIC0, "vendor=8086", "device=10d3", "class=020000", "subsystem_device=a01f",
                         "node=0", "group=22", "driver=e1000e", "--notify")

    def close(self):
        self.w.close()


def tap_run(tests):
    """Runs (name, function) pairs as tests."""
    functions = []
    for name, function in tests:
        def test(function=function):
            function()
        test.__name__ = name
        functions.append(test)
    tap.run(functions)
