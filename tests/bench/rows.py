# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is measured: a function for each row of the table, which tells its figures for one made host."""

import contextlib
import os
import re
import subprocess
import time

from large_host import CONFIGURATION, FLOOR, HERE, MANAGER, PORT_FUNCTIONS, ROOT, make_ports, memory_of, world
from turns import Turns, take_turns

REQUEST = "a1:8,b:4"
CLIENTS = 100
REQUESTS = ("a1:2", REQUEST)
SINGLE_PROCESSES = 64  # of virsh, one for each device, are started at most
OBJECT_MANAGER = "org.freedesktop.DBus.ObjectManager"

ROWS = {}


def row(function):
    """The row's name is the function's, with hyphens; rows run in the order of the file."""
    ROWS[function.__name__.replace("_", "-")] = function
    return function


class Bench:
    """One made host, with whatever of its parts is running."""

    def __init__(self, w, options, tell, note):
        """options: functions, whole, peers, effort, as of measure."""
        self.w, self.functions, self.whole, self.peers, self.effort = (
            w, options.functions, options.whole, options.peers, options.effort)
        self.tell, self.note = tell, note
        self.running = set()

    def rounds(self, most):
        return max(5, round(most * self.effort))

    def program(self, name, *arguments):
        return [self.w.bench / name, *arguments]

    def turns(self, command, **environment):
        return Turns(command, {**self.w.environment, **environment})

    def has(self, part):
        """Starts a part of the host once."""
        if part not in self.running:
            self.running.add(part)
            getattr(self, "start_" + part)()

    def start_daemon(self):
        self.daemon = self.w.start_daemon()

    def start_libvirt_dbus(self):
        self.w.node_devices()
        self.w.libvirt_dbus()

    def define(self, *names):
        """Domains, and hostdevd knows them."""
        self.has("daemon")
        self.w.define(*names)
        import dbus  # not needed by who only wants the names of the rows

        options = dbus.Dictionary({"config": True, "live": False, "dry-run": True}, signature="sv")
        for name in names:
            world.wait_for(lambda name=name: not self.w.call_raw(ROOT, MANAGER, "Attach", "ssa{sv}", name, "a1", options)[1],
                           f"domain {name} to be known")

    def services(self):
        """Who -> process, of those that know the devices."""
        self.has("daemon")
        if self.peers:
            self.has("libvirt_dbus")
        others = {who: self.w.processes[who].pid for who in ("libvirt-dbus", "libvirtd") if self.peers}
        return {"hostdevd": self.daemon.pid, **others}

    def stop_daemon(self):
        if "daemon" in self.running:
            self.running.remove("daemon")
            self.w.stop("daemon")

    def start_floor(self):
        self.has("daemon")
        self.w.start("floor", self.program("floor", REQUEST))
        self.w.wait_name(FLOOR)

    def restart_floor(self):
        if "floor" in self.running:
            self.running.remove("floor")
            self.w.stop("floor")
        self.has("floor")

    def call(self, name, path, interface, method, *text):
        return self.turns(self.program("call", name, path, interface, method, *text))


def column(taken, name):
    return [figures[name] for figures in taken]


def tell_all(bench, name, peers, rounds):
    """Peers that say the same take turns."""
    taken = take_turns(peers, rounds)
    values = {who: figures[0]["values"] for who, figures in taken.items()}
    assert len(set(values.values())) == 1, f"they do not say the same: {values}"
    for who, figures in taken.items():
        bench.tell(name, who, "us", column(figures, "usec"))
        peers[who].close()
    return taken


@row
def memory(bench):
    """Resident memory after the start, and when everything was read once; of the peers too."""
    w = bench.w
    processes = bench.services()
    after_start = {who: memory_of(pid) for who, pid in processes.items()}
    with bench.call(world.NAME, ROOT, OBJECT_MANAGER, "GetManagedObjects") as client:
        client.turn()
    if bench.peers:
        with bench.turns(bench.program("libvirt-dbus-devices")) as client:
            client.turn()
    for who, pid in processes.items():
        w.wait_idle(pid)
        bench.tell("memory", who, "KiB", [after_start[who][0]])
        bench.tell("memory", f"{who}, its share", "KiB", [after_start[who][1]])
        bench.tell("memory", f"{who}, when all was read", "KiB", [memory_of(pid)[0]])
    with bench.turns(bench.program("libvirt-define", w.uri, "test", "0000:00:00.1")) as bare:
        bare.turn()
        bench.tell("memory", "a bare client of libvirt", "KiB", [memory_of(bare.process.pid)[0]])


@row
def managed_objects(bench):
    """Everything about all devices, one client, from the call to the last value."""
    bench.has("floor")
    taken = tell_all(bench, "managed-objects", {
        "hostdevd": bench.call(world.NAME, ROOT, OBJECT_MANAGER, "GetManagedObjects"),
        "floor": bench.call(FLOOR, ROOT, OBJECT_MANAGER, "GetManagedObjects"),
        "ready reply": bench.call(FLOOR, "/floor", FLOOR, "Everything"),
    }, bench.rounds(20))
    bench.tell("managed-objects", "hostdevd, until the answer is there", "us", column(taken["hostdevd"], "answered"))

    if bench.peers:
        ask_libvirt(bench)


def ask_libvirt(bench):
    """These take seconds: fewer turns, and ours once more among them."""
    bench.has("libvirt_dbus")
    names = bench.w.node_devices()
    with bench.turns(bench.program("libvirt-dbus-devices")) as libvirt_dbus, \
            bench.call(world.NAME, ROOT, OBJECT_MANAGER, "GetManagedObjects") as ours:
        taken = take_turns({"hostdevd": ours, "libvirt-dbus": libvirt_dbus, "virsh": lambda: ask_virsh(bench.w, names)},
                           bench.rounds(5))
    assert {figures["devices"] for figures in taken["libvirt-dbus"] + taken["virsh"]} == {bench.functions}, taken
    bench.tell("managed-objects", "libvirt-dbus", "us", column(taken["libvirt-dbus"], "usec"))
    bench.tell("managed-objects", "virsh, one process for all", "us", column(taken["virsh"], "usec"))
    bench.tell("managed-objects", "hostdevd, beside these", "us", column(taken["hostdevd"], "usec"))
    if len(names) <= SINGLE_PROCESSES:
        bench.tell("managed-objects", "virsh, a process each", "us", [ask_virsh_each(bench.w, names) for _ in range(3)])


VIRSH = ["virsh", "-q", "-c", "qemu:///system"]


def ask_virsh(w, _):
    """The list by one virsh, and the XML of each by another one that reads its commands."""
    began = time.monotonic()
    names = w.node_devices()
    commands = "".join(f"nodedev-dumpxml {name}\n" for name in names)
    text = subprocess.run(VIRSH, input=commands, capture_output=True, text=True, check=True, env=w.environment).stdout
    return {"usec": 1e6 * (time.monotonic() - began), "devices": text.count("<device>")}


def ask_virsh_each(w, names):
    began = time.monotonic()
    w.node_devices()
    for name in names:
        subprocess.run([*VIRSH, "nodedev-dumpxml", name], capture_output=True, check=True, env=w.environment)
    return 1e6 * (time.monotonic() - began)


@row
def decide(bench):
    """A decision in process: again, and the first after a change of the registry; and Nova's own."""
    for request in REQUESTS:
        peers = {"hostdevd": bench.turns(bench.program("bench-decide", bench.functions, request, "--turns"))}
        if bench.peers:
            peers["Nova"] = bench.turns([HERE / "nova-decide", bench.functions, request])
        taken = take_turns(peers, bench.rounds(20), 2)
        for peer in peers.values():
            peer.close()
        bench.tell(f"decide {request}", "hostdevd", "us", column(taken["hostdevd"], "usec"))
        bench.tell(f"decide {request}", "hostdevd, after a change", "us", column(taken["hostdevd"], "first"))
        if not bench.peers:
            continue
        bench.tell(f"decide {request}", "Nova's consume_requests", "us", column(taken["Nova"], "usec"))
        bench.tell(f"decide {request}", "Nova's support_requests", "us", column(taken["Nova"], "support"))


@row
def search(bench):
    """The slowest of thousands of decisions on hosts that are made to be hard, of up to 4,096 functions."""
    if not bench.whole:
        return
    text = subprocess.run([bench.w.build / "tests/core/test-core-allocate-hard", str(bench.rounds(80))],
                          capture_output=True, text=True, check=True).stdout
    fits, refused = map(float, re.search(r"slowest: ([\d.]+) ms when it fits .*?, ([\d.]+) ms when not", text).groups())
    bench.tell("search", "hostdevd, when it fits", "us", [1000 * fits])
    bench.tell("search", "hostdevd, when not", "us", [1000 * refused])


@row
def explain(bench):
    """Explain over the bus, and a reply that was made beforehand with the same content."""
    bench.has("floor")
    peers = {
        "hostdevd": bench.call(world.NAME, ROOT, MANAGER, "Explain", REQUEST),
        "floor": bench.call(FLOOR, "/floor", FLOOR, "Explain", REQUEST),
    }
    tell_all(bench, "explain", peers, bench.rounds(20))


@row
def idle(bench):
    """How often who has nothing to do wakes, watched by strace."""
    if bench.peers and not bench.whole:
        return
    w, seconds = bench.w, 60 if bench.effort >= 1 else 5
    tell_wakes(bench, bench.services(), seconds)
    if bench.whole:
        # With a hypervisor of its own process nobody is there to be asked, or to ask.
        bench.stop_daemon()
        daemon = w.start_daemon({"LIBVIRT_DEFAULT_URI": "test:///default"})
        tell_wakes(bench, {"hostdevd without libvirtd": daemon.pid}, seconds)
        w.stop("daemon")


def tell_wakes(bench, watched, seconds):
    w = bench.w
    with contextlib.ExitStack() as stack:
        for pid in watched.values():
            w.wait_idle(pid, quiet=2)
        traces = {who: stack.enter_context(w.traced(pid, WAITS)) for who, pid in watched.items()}
        time.sleep(seconds)
    for who, pid in watched.items():
        main, others = traces[who].wakes(pid)
        bench.tell("idle", f"{who}, main loop", f" in {seconds} s", [main])
        bench.tell("idle", f"{who}, other threads", f" in {seconds} s", [others])


# Where a thread sleeps.
WAITS = ("epoll_wait,epoll_pwait,epoll_pwait2,poll,ppoll,select,pselect6,futex,nanosleep,clock_nanosleep,restart_syscall,"
         "recvmsg,read")


@row
def attach(bench):
    """Attach and Detach in a definition, and what libvirt takes for the same when a bare program asks it."""
    w = bench.w
    bench.define("ours", "bare")
    peers = {"hostdevd": bench.turns(bench.program("attach", 1, 1, "a1", "ours")),
             "libvirt": bench.turns(bench.program("libvirt-define", w.uri, "bare", "0000:00:00.1"))}
    taken = take_turns({**peers, "disk": lambda: sync_disk(w)}, bench.rounds(60), 5)
    for peer in peers.values():
        peer.close()
    for what in ("attach", "detach"):
        bench.tell(what, "hostdevd", "us", column(taken["hostdevd"], what))
        bench.tell(what, "libvirt alone", "us", column(taken["libvirt"], what))
    bench.tell("attach", "one fdatasync of this disk", "us", taken["disk"])
    count_calls(bench)


def sync_disk(w):
    """A record as long as the journal's, where the journal is."""
    with open(w.directory / "record", "ab", buffering=0) as file:
        began = time.perf_counter()
        file.write(b"x" * 200)
        os.fdatasync(file.fileno())
        return 1e6 * (time.perf_counter() - began)


PAIRS = 10  # of Attach and Detach whose calls are counted


def count_calls(bench):
    """What one pair asks of libvirt and of the disk: the daemon runs once more, with libvirt's log and traced."""
    w = bench.w
    bench.stop_daemon()
    calls = w.open_file("calls")
    settings = {"LIBVIRT_LOG_FILTERS": "1:libvirt", "LIBVIRT_LOG_OUTPUTS": f"1:file:{calls}"}
    daemon = w.start_daemon(settings)
    with bench.turns(bench.program("attach", 1, 1, "a1", "ours")) as client:
        client.turn()  # the journal is opened by the first
        w.wait_idle(daemon.pid)
        begin = calls.stat().st_size
        with w.traced(daemon.pid, "fsync,fdatasync,sync_file_range,sync,syncfs") as trace:
            for _ in range(PAIRS):
                client.turn()
                w.wait_idle(daemon.pid)
    bench.tell("attach", "fsyncs of a pair", "", [len(trace.lines()) / PAIRS])
    with open(calls, encoding="utf-8") as file:
        file.seek(begin)
        asked = re.findall(r" debug : (vir(?:Domain|Connect)\w+):\d+ : ", file.read())
    asked = [name for name in asked if not re.search(LOCAL_CALLS, name)]
    bench.tell("attach", "calls of libvirt of a pair", "", [len(asked) / PAIRS])
    bench.note("attach", "a pair asks libvirt: " + ", ".join(
        f"{asked.count(name) / PAIRS:g} {name}" for name in sorted(set(asked))))
    w.stop("daemon")


# What libvirt answers without asking anybody, and what only calls another one of the list.
LOCAL_CALLS = r"Free$|Ref$|GetName$|GetUUID\w*$|GetID$|IsAlive$|LookupByUUIDString$|GetConnect$"


@row
def clients(bench):
    """Many clients attach at once, each for a domain of its own, and one alone makes as many pairs."""
    bench.define(*(f"guest{number}" for number in range(CLIENTS)))
    names = [f"guest{number}" for number in range(min(CLIENTS, bench.functions // 3))]
    pairs = max(len(names), bench.rounds(2 * CLIENTS))
    peers = {"one": bench.turns(bench.program("attach", 1, pairs, "a1", *names[:1])),
             "many": bench.turns(bench.program("attach", len(names), pairs, "a1", *names))}
    taken = take_turns(peers, bench.rounds(5))
    for peer in peers.values():
        peer.close()
    for who, figures in taken.items():
        bench.tell("clients", f"{who}, pairs a second", "/s", [1e6 * pairs / usec for usec in column(figures, "usec")])
        bench.tell("clients", f"{who}, Attach", "us", column(figures, "attach"))
        bench.tell("clients", f"{who}, Attach, 99th of 100", "us", column(figures, "attach99"))
    bench.note("clients", f"{len(names)} clients, {pairs} pairs")
    bench.w.wait_idle(bench.daemon.pid)
    bench.tell("memory", "hostdevd, after a crowd", "KiB", [memory_of(bench.daemon.pid)[0]])
    for name in names:
        bench.w.virsh("undefine", name)


@row
def event(bench):
    """From udev's event to the signal on the bus, and to a bare libudev monitor."""
    bench.has("daemon")
    address = sorted(path.name for path in (bench.w.sys / "bus/pci/devices").iterdir())[len(REQUEST)]
    device = (bench.w.sys / "bus/pci/devices" / address).resolve().relative_to(bench.w.sys.resolve())
    name = "pci_" + re.sub("[:.]", "_", address)
    with bench.turns(bench.program("event", f"/{device}", f"{ROOT}/device/{name}")) as program:
        taken = take_turns({"hostdevd": program}, bench.rounds(200), 5)["hostdevd"]
    bench.tell("event", "hostdevd", "us", column(taken, "usec"))
    bench.tell("event", "libudev", "us", column(taken, "floor"))
    bench.tell("event", "hostdevd over libudev", "us", column(taken, "over"))


@row
def start(bench):
    """From exec to READY, and lspci -n on the same host from exec to its end."""
    bench.stop_daemon()
    w = bench.w
    settings = {"STATE_DIRECTORY": str(w.state), "CONFIGURATION_DIRECTORY": str(w.configuration),
                "LIBVIRT_DEFAULT_URI": w.uri}
    peers = {
        "hostdevd": bench.turns(bench.program("launch", "--user", str(world.USERS["hostdevd"]), "--ready",
                                              w.program("service/hostdevd")), **settings),
    }
    if bench.peers:
        peers["lspci -n"] = bench.turns(bench.program("launch", "lspci", "-n"))
    taken = take_turns(peers, bench.rounds(20), 2)
    for who, figures in taken.items():
        bench.tell("start", who, "us", column(figures, "usec"))
        peers[who].close()
    if bench.peers:
        bench.tell("start", "libvirtd, until it has listed the devices", "us",
                   [1e6 * w.restart_libvirtd(bench.functions) for _ in range(bench.rounds(5))])


@row
def added(bench):
    """So many VFs come at once, and go again: until the last is announced; and a bare service that tells of as many."""
    w = bench.w
    bench.stop_daemon()
    ports = -(-bench.functions // (PORT_FUNCTIONS - 1))
    before, _ = make_ports(w.empty("trees/before"), ports, False)
    after, addresses = make_ports(w.empty("trees/after"), ports, True)
    devices = w.directory / "added"
    devices.write_text("".join(f"{after.function(address)[len(after.root):]}\n" for address in addresses))
    w.show(before)
    bench.has("daemon")
    with bench.turns(bench.program("announced", world.NAME, devices)) as program:
        def come_and_go():
            w.show(after)
            came = program.turn()
            w.hide()
            went = program.turn()
            w.wait_idle(bench.daemon.pid)
            return {"came": came["usec"], "went": went["usec"], "telling": came["telling"], "signals": came["signals"],
                    "announced": came["announced"]}
        taken = take_turns({"hostdevd": come_and_go}, bench.rounds(8))["hostdevd"]
    assert {figures["announced"] for figures in taken} == {len(addresses)}, taken
    bench.tell("added", "hostdevd", "us", column(taken, "came"))
    bench.tell("added", "hostdevd, removed", "us", column(taken, "went"))
    bench.tell("added", "telling alone", "us", column(taken, "telling"))
    bench.tell("added", "signals beside one for each", "", [figures["signals"] - len(addresses) for figures in taken])
    bench.tell("added", "PFs, pools and aliases concerned", "", [ports + CONFIGURATION.count("[")])
    w.show(after)
    bench.stop_daemon()
    bench.has("daemon")
    bench.restart_floor()
    devices.write_text(devices.read_text() + "".join(f"/PF/{number}\n" for number in range(ports)))
    with bench.turns(bench.program("announced", FLOOR, devices)) as program:
        taken = take_turns({"floor": program}, bench.rounds(8))["floor"]
    bench.tell("added", "floor", "us", column(taken, "usec"))
