# SPDX-License-Identifier: LGPL-2.1-or-later
"""The host that the documents speak of: the world of tests/daemon, with everything where a reader has it."""

import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.append(str(HERE.parent / "daemon"))

import world  # noqa: found only now

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
        self.environment["FAKE_HYPERVISOR_URI"] = "qemu:///system"
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
        """The document speaks of a host, where the state directory has another name."""
        return line.replace(str(self.state), "/var/lib/hostdevd")
