# SPDX-License-Identifier: LGPL-2.1-or-later
"""A host of its own for a test: real dbus-daemon with the stock policy, real polkitd, real libvirtd
with its test driver, a made /sys, and hostdevd as its own user.

Everything happens in new mount, network and process namespaces, so that the paths are the real ones
(/run/dbus/system_bus_socket, /usr/share/polkit-1/actions, /sys) while nothing of the machine's own is
touched; and when the test ends, whatever it started ends with it.
"""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
FAKES = SOURCE / "tests" / "fakes"

# Beside root: the daemon's own user, one who may attach by a rule, and one who may not.
USERS = {"hostdevd": 60901, "lab": 60902, "nobody-special": 60903}

NAME, ROOT = "org.hostdev1", "/org/hostdev1"
MANAGER = "org.hostdev1.Manager"

RULES = """
polkit.addRule(function(action, subject) {
    if (subject.user == "lab" && action.id.indexOf("org.hostdev1.") == 0 &&
        action.id != "org.hostdev1.force")
        return polkit.Result.YES;
});
"""


def enter():
    """Goes on in namespaces of our own: the script starts once more there. Needs root."""
    if os.environ.get("HOSTDEVD_WORLD") == "inside":
        return
    if os.geteuid() != 0:
        print("1..0 # SKIP needs root for namespaces of its own")
        sys.exit(0)
    os.environ["HOSTDEVD_WORLD"] = "inside"
    os.execvp("unshare", ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc",
                          "--propagation", "private", sys.executable, *sys.argv])


def wait_for(condition, what, seconds=60):
    """Until the condition gives something true; its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.02)


def mount(*arguments):
    subprocess.run(["mount", *map(str, arguments)], check=True)


class World:
    """Call what is needed, in this order: host(), bus(), polkit(), libvirtd(), daemon()."""

    def __init__(self, build):
        self.build = pathlib.Path(build).resolve()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="hostdevd-world-"))
        self.directory.chmod(0o755)
        self.state = self.directory / "state"
        self.configuration = self.directory / "etc"
        self.configuration.mkdir()
        self.processes = {}
        self.environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8",
                            "SYSTEMD_DEVICE_VERIFY_SYSFS": "0"}
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = os.environ[name]
        self._own_directories()
        self._users()

    def _own_directories(self):
        """/run is empty; dbus and polkit find what is installed here and what the project brings."""
        mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
        for path in ("/run/dbus", "/run/libvirt"):
            os.makedirs(path)
        policy = self.overlay("/etc/dbus-1")
        (policy / "system.d").mkdir(exist_ok=True)
        shutil.copy(SOURCE / "dbus" / "org.hostdev1.conf", policy / "system.d")
        # The bus starts nobody by itself: who was stopped stays stopped.
        self.overlay("/usr/share/dbus-1/system-services", empty=True)
        actions = self.overlay("/usr/share/polkit-1/actions")
        shutil.copy(SOURCE / "polkit" / "org.hostdev1.policy", actions)
        self.rules = self.overlay("/etc/polkit-1/rules.d", empty=True)
        self.overlay("/usr/share/polkit-1/rules.d", empty=True)

    def overlay(self, path, empty=False):
        """A copy of a directory in its place, to be written to."""
        copy = self.directory / path.strip("/").replace("/", "-")
        if os.path.isdir(path) and not empty:
            shutil.copytree(path, copy, symlinks=True)
        else:
            copy.mkdir()
        copy.chmod(0o755)
        os.makedirs(path, exist_ok=True)
        mount("--bind", copy, path)
        return copy

    def _users(self):
        for name in ("passwd", "group"):
            lines = pathlib.Path("/etc", name).read_text()
            for user, number in USERS.items():
                lines += f"{user}:x:{number}:{number}::/nonexistent:/usr/sbin/nologin\n" if name == "passwd" \
                    else f"{user}:x:{number}:\n"
            copy = self.directory / name
            copy.write_text(lines)
            mount("--bind", copy, f"/etc/{name}")
        self.state.mkdir(mode=0o700)
        os.chown(self.state, USERS["hostdevd"], USERS["hostdevd"])

    def program(self, name):
        """A program of the build, where every user may run it: the checkout may be closed to them."""
        copy = self.directory / "bin" / pathlib.Path(name).name
        if not copy.exists():
            copy.parent.mkdir(exist_ok=True)
            shutil.copy(self.build / name, copy)
            copy.parent.chmod(0o755)
        return copy

    # Processes.

    def start(self, name, command, user=None, environment=None):
        """Starts a process whose output goes to NAME.log in the world's directory."""
        with open(self.directory / f"{name}.log", "ab") as log:
            options = {}
            if user:
                options = {"user": USERS[user], "group": USERS[user], "extra_groups": []}
            process = subprocess.Popen([str(word) for word in command], stdout=log, stderr=log,
                                       stdin=subprocess.DEVNULL,
                                       env={**self.environment, **(environment or {})}, **options)
        self.processes[name] = process
        return process

    def stop(self, name, how=signal.SIGTERM):
        process = self.processes.pop(name)
        process.send_signal(how)
        return process.wait(60)

    def log(self, name):
        path = self.directory / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def close(self):
        for name in list(self.processes):
            try:
                self.stop(name, signal.SIGKILL)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass
        shutil.rmtree(self.directory, ignore_errors=True)

    # The parts of the host.

    def host(self, *arguments):
        """A made /sys (see tests/fakes/made-host)."""
        self.sys = self.directory / "sys"
        self.made_host("create", *arguments)
        mount("--bind", self.sys, "/sys")

    def made_host(self, verb, *arguments):
        subprocess.run([sys.executable, FAKES / "made-host", self.sys, verb, *map(str, arguments)], check=True,
                       env=self.environment)

    def bus(self, configuration="/usr/share/dbus-1/system.conf"):
        self.start("bus", ["dbus-daemon", f"--config-file={configuration}", "--nofork", "--nopidfile"])
        wait_for(lambda: os.path.exists("/run/dbus/system_bus_socket"), "the bus")

    def polkit(self, rules=RULES):
        (self.rules / "10-test.rules").write_text(rules)
        os.chmod(self.rules / "10-test.rules", 0o644)
        self.start("polkit", ["/usr/lib/polkit-1/polkitd"])
        self.wait_name("org.freedesktop.PolicyKit1")

    def libvirtd(self):
        """A libvirtd that keeps the domains of the test driver for all who come; returns its URI."""
        directory = self.directory / "libvirt"
        directory.mkdir()
        sockets = self.directory / "libvirt-sockets"
        sockets.mkdir()
        sockets.chmod(0o755)
        (directory / "libvirtd.conf").write_text(
            f'unix_sock_dir = "{sockets}"\nauth_unix_rw = "none"\nunix_sock_rw_perms = "0777"\n'
            f'log_outputs = "3:stderr"\nhost_uuid = "6dee6f0f-6b1c-4b0b-9e0f-0d6b6a0c7a11"\n')
        self.start("libvirtd", ["libvirtd", "-f", directory / "libvirtd.conf", "-p", directory / "pid"])
        path = sockets / "libvirt-sock"
        wait_for(path.exists, "libvirtd")
        self.uri = f"test+unix:///default?socket={path}"
        # The driver forgets its domains with its last connection: one stays.
        self.start("keeper", ["virsh", "-c", self.uri, "event", "--loop", "--all", "--domain", "test"])
        wait_for(lambda: self.virsh("list", "--name", check=False).returncode == 0, "the test driver")
        return self.uri

    def virsh(self, *arguments, check=True, text=None):
        return subprocess.run(["virsh", "-q", "-c", self.uri, *arguments], check=check, capture_output=True,
                              text=True, input=text, env=self.environment)

    def configure(self, text, name="hostdevd.conf"):
        path = self.configuration / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o644)

    def daemon(self, program="service/hostdevd", environment=None, wait=True):
        settings = {"STATE_DIRECTORY": str(self.state), "CONFIGURATION_DIRECTORY": str(self.configuration)}
        if hasattr(self, "uri"):
            settings["LIBVIRT_DEFAULT_URI"] = self.uri
        process = self.start("daemon", [self.program(program), "--debug"], user="hostdevd",
                             environment={**settings, **(environment or {})})
        if wait:
            self.wait_name(NAME, process)
        return process

    def fake_daemon(self):
        """The daemon with the fake hypervisor, once it has seen every domain."""
        self.daemon("tests/fakes/hostdevd-fake", {"LIBVIRT_DEFAULT_URI": str(self.truth.path)})
        wait_for(lambda: self.property(ROOT, MANAGER, "LibvirtConnected"), "the fake hypervisor")

    def wait_name(self, name, process=None):
        def owned():
            assert process is None or process.poll() is None, f"it ended: {self.log('daemon')}"
            return self.busctl("call", "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                               "NameHasOwner", "s", name, check=False).stdout.strip() == "b true"
        wait_for(owned, f"the bus name {name}")

    # Callers.

    def run(self, command, user=None, check=False, seconds=120, text=None):
        options = {"user": USERS[user], "group": USERS[user], "extra_groups": []} if user else {}
        return subprocess.run([str(word) for word in command], check=check, capture_output=True, text=True,
                              timeout=seconds, input=text, env=self.environment, **options)

    def busctl(self, *arguments, user=None, check=True):
        done = self.run(["busctl", "--system", "--no-pager", *arguments], user)
        assert not check or done.returncode == 0, f"busctl {arguments}: {done.stderr}\n{self.log('daemon')}"
        return done

    def ctl(self, *arguments, user=None):
        return self.run([self.program("client/hostdevctl"), *arguments], user)

    def call(self, path, interface, method, *arguments, user=None, seconds=120):
        """Calls a method through busctl. Gives (answer, None) or (None, the text of the error)."""
        done = self.run(["busctl", "--system", "--json=short", f"--timeout={seconds}", "call", NAME, path, interface,
                         method, *map(str, arguments)], user, seconds=seconds + 10)
        if done.returncode == 0:
            return (json.loads(done.stdout)["data"] if done.stdout.strip() else []), None
        return None, done.stderr.strip()

    def attach(self, domain, request, *options, user=None):
        """options: triples of key, signature, value. Gives (path, None) or (None, error)."""
        answer, error = self.call(ROOT, MANAGER, "Attach", "ssa{sv}", domain, request, len(options) // 3, *options,
                                  user=user)
        return (answer[0] if answer else None), error

    def detach(self, path, *options, user=None):
        return self.call(path, "org.hostdev1.Attachment", "Detach", "a{sv}", len(options) // 3, *options, user=user)[1]

    def objects(self):
        """Every object: path -> interface -> property -> value."""
        answer, error = self.call(ROOT, "org.freedesktop.DBus.ObjectManager", "GetManagedObjects")
        assert not error, error
        return {path: {interface: {name: value["data"] for name, value in properties.items()}
                       for interface, properties in interfaces.items() if interface.startswith("org.hostdev1")}
                for path, interfaces in answer[0].items()}

    def device(self, address):
        path = f"{ROOT}/device/pci_" + address.replace(":", "_").replace(".", "_")
        return self.objects().get(path, {}).get("org.hostdev1.Device")

    def attachments(self):
        return {path: interfaces["org.hostdev1.Attachment"] for path, interfaces in self.objects().items()
                if "org.hostdev1.Attachment" in interfaces}

    def property(self, path, interface, name):
        done = self.run(["busctl", "--system", "--json=short", "get-property", NAME, path, interface, name])
        return json.loads(done.stdout)["data"] if done.returncode == 0 else None

    # Calls of root in this process: many, or larger than a command line.

    def connection(self):
        if not hasattr(self, "_connection"):
            import dbus.bus

            self._connection = dbus.bus.BusConnection("unix:path=/run/dbus/system_bus_socket")
        return self._connection

    def call_raw(self, path, interface, method, signature, *arguments, seconds=60):
        """Gives (answer, None) or (None, the name of the error)."""
        import dbus

        try:
            return self.connection().call_blocking(NAME, path, interface, method, signature, arguments, seconds), None
        except dbus.DBusException as error:
            return None, error.get_dbus_name()

    def everything(self):
        """All that a failed call must leave as it was: state directory, libvirt, objects."""
        state = {path.name: path.read_bytes() for path in sorted(self.state.iterdir())}
        domains = [self.virsh("dumpxml", "--inactive", name).stdout
                   for name in self.virsh("list", "--all", "--name").stdout.split()]
        return state, domains, self.objects()


CONFIGURATION = """\
[Pool nics]
Description=Ports for guests
Match=vendor_id=8086 product_id=10d3
Match=address=0000:41:*.* tag.physical_network=physnet1

[Pool gpus]
Match=vendor_id=10de

[Alias nic]
Match=product_id=10d3

[Alias vf]
Match=product_id=10ed device_type=type-VF

[Alias gpu]
Match=vendor_id=10de
Unit=slot
"""


def standard(build, configuration=CONFIGURATION, rules=RULES):
    """The world that most tests want: a made host, every real part, and the daemon connected to libvirt."""
    w = World(build)
    w.host()
    w.bus()
    w.polkit(rules)
    w.libvirtd()
    w.configure(configuration)
    w.daemon()
    wait_for(lambda: w.property(ROOT, MANAGER, "LibvirtConnected"), "libvirt")
    return w


def main(module, build, make=standard):
    """Runs the tests of a module, which are given the world as the module's `w`."""
    import tap

    module.w = make(build)
    try:
        tap.run(tap.tests_of(module))
    finally:
        module.w.close()


class Truth:
    """The fake hypervisor: a process of its own that keeps what domains hold, whatever dies."""

    def __init__(self, w):
        self.path = w.directory / "hypervisor"
        w.start("hypervisor", [sys.executable, FAKES / "hypervisor-process", self.path])
        wait_for(lambda: "ready" in w.log("hypervisor"), "the fake hypervisor")
        self.path.chmod(0o777)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(self.path))
        self.file = self.socket.makefile("r")
        self.number = 0

    def ask(self, call, **arguments):
        self.number += 1
        message = {"call": call, "id": self.number, **{key.replace("_", "-"): value for key, value in arguments.items()}}
        self.socket.sendall(json.dumps(message).encode() + b"\n")
        while True:
            answer = json.loads(self.file.readline())
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer

    def held(self, uuid, side):
        """Addresses in the running ("live") or saved ("config") domain, as the hypervisor has them."""
        for domain in self.ask("truth")["domains"]:
            if domain["uuid"] == uuid:
                return sorted(device["address"] for device in domain[side])
        return []


WEB, DATABASE = "11111111-2222-3333-4444-555555555555", "99999999-2222-3333-4444-555555555555"


def with_fake(build, configuration=CONFIGURATION):
    """As standard(), with the fake hypervisor: domain web runs and is defined, database is defined."""
    w = World(build)
    w.host()
    w.bus()
    w.polkit()
    w.configure(configuration)
    w.truth = Truth(w)
    w.truth.ask("define", name="web", uuid=WEB, running=True)
    w.truth.ask("define", name="database", uuid=DATABASE)
    w.fake_daemon()
    return w
