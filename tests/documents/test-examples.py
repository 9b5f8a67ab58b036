#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a document shows is what happens: each of its examples is run as printed.

usage: test-examples.py BUILD DOCUMENT [--update]

The host is that of tests/fakes/made-host; domains web01 (runs, and is defined), db01 (defined) and
lab-1 (runs, and is defined) wait for devices, and the users lab and nobody-special may do what the document says that
they may. --update writes into the document what was printed, for whoever writes it.
"""

import difflib
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "daemon"))

import examples  # noqa: found only now
import tap
import world

DOCUMENT = pathlib.Path(sys.argv[2]).resolve()
CONFIGURATION = pathlib.Path("/etc/hostdevd")
DOMAINS = (("web01", "6c1a1b9e-2f0f-4e0c-9c5e-0a8d6f1f0b01", True),
           ("db01", "6c1a1b9e-2f0f-4e0c-9c5e-0a8d6f1f0b02", False),
           ("lab-1", "6c1a1b9e-2f0f-4e0c-9c5e-0a8d6f1f0b03", True))


PROC = {"cpuinfo": "processor\t: 0\nflags\t\t: fpu vmx\n",
        "interrupts": "           CPU0\n 24:          1  IR-PCI-MSI 327680-edge      xhci_hcd\n"}


class Host(world.World):
    """The world, with everything where a reader of the document has it."""

    def __init__(self, build):
        super().__init__(build)
        self.place(self.configuration, CONFIGURATION)
        self.configuration = CONFIGURATION
        self.environment["PATH"] = f"{self.directory / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin"
        self.program("client/hostdevctl")
        self.home = self.directory / "home"
        self.home.mkdir()
        self.home.chmod(0o755)

    def place(self, directory, path):
        directory.chmod(0o755)
        os.makedirs(path, exist_ok=True)
        world.mount("--bind", directory, path)

    def begin(self):
        self.host()
        # Whatever machine this is, the host of the documents is fit to lend devices.
        for name, text in PROC.items():
            (self.directory / name).write_text(text)
            world.mount("--bind", self.directory / name, f"/proc/{name}")
        self.bus()
        self.polkit(rules="")
        self.configure(world.CONFIGURATION)
        self.truth = world.Truth(self)
        for name, uuid, running in DOMAINS:
            self.truth.ask("define", name=name, uuid=uuid, running=running)
        self.fake_daemon()

    def put(self, path, text):
        """A file of the document takes its place, and whoever reads it has read it."""
        path = self.home / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o644)
        if path.is_relative_to(CONFIGURATION):
            done = self.ctl("reload")
            assert done.returncode == 0, done.stderr
        elif path.suffix == ".rules":
            self.stop("polkit")
            self.start("polkit", ["/usr/lib/polkit-1/polkitd"])
            self.wait_name("org.freedesktop.PolicyKit1")

    def typed(self, user, command):
        """What stands on the terminal after a command."""
        options = {"user": world.USERS[user], "group": world.USERS[user], "extra_groups": []} if user else {}
        done = subprocess.run(["bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=120, stdin=subprocess.DEVNULL, cwd=self.home, env=self.environment, **options)
        return [self.said(line) for line in done.stdout.splitlines()]

    def said(self, line):
        """The document speaks of a host, where libvirt and the state directory have other names."""
        return line.replace(f"fake://{self.truth.path}", "qemu:///system").replace(str(self.state), "/var/lib/hostdevd")


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
    world.enter()
    UPDATE = "--update" in sys.argv
    FOUND = [example for example in examples.read(DOCUMENT) if example.kind in ("console", "ini", "js", "python")]
    CASES = [check(example) for example in FOUND]
    w = Host(sys.argv[1])
    try:
        w.begin()
        if UPDATE:
            update(FOUND, [case() for case in CASES])
        else:
            tap.run(CASES)
    finally:
        w.close()
