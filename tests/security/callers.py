# SPDX-License-Identifier: LGPL-2.1-or-later
"""Callers of several users in one process, and a polkit that does as it is told."""

import os
import pathlib
import signal
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "daemon"), str(HERE.parent / "lint")]

import world  # noqa: the paths come first
from gi.repository import Gio, GLib  # noqa

ADDRESS = "unix:path=/run/dbus/system_bus_socket"
DENIED = "org.freedesktop.DBus.Error.AccessDenied"
CHALLENGED = "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"


def error_name(error):
    return Gio.DBusError.get_remote_error(error) or f"{error.domain}:{error.code}"


class Caller:
    """A connection of a user: the bus takes the effective uid that connects."""

    def __init__(self, user=None):
        uid = world.USERS[user] if isinstance(user, str) else user or 0
        if uid:
            os.setegid(uid)
            os.seteuid(uid)
        try:
            self.bus = Gio.DBusConnection.new_for_address_sync(
                ADDRESS, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT
                | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION, None, None)
        finally:
            os.seteuid(0)
            os.setegid(0)
        self.bus.set_exit_on_close(False)

    def call(self, path, interface, member, signature="()", arguments=(), interactive=False, seconds=60):
        """Gives (answer, None) or (None, the name of the error)."""
        flags = Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION if interactive else Gio.DBusCallFlags.NONE
        try:
            answer = self.bus.call_sync(world.NAME, path, interface, member, GLib.Variant(signature, arguments), None,
                                        flags, seconds * 1000, None)
        except GLib.Error as error:
            return None, error_name(error)
        return answer.unpack(), None

    def send(self, path, interface, member, signature="()", arguments=()):
        """A call that is not waited for: its answer is appended to the list that is given back."""
        answers = []

        def on_answer(bus, result):
            try:
                answers.append((bus.call_finish(result).unpack(), None))
            except GLib.Error as error:
                answers.append((None, error_name(error)))

        self.bus.call(world.NAME, path, interface, member, GLib.Variant(signature, arguments), None,
                      Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION, 2 ** 31 - 1, None, on_answer)
        self.bus.flush_sync(None)
        return answers

    def leave(self):
        self.bus.close_sync(None)


def turn():
    """What has come is taken."""
    while GLib.MainContext.default().iteration(False):
        pass


def wait_for(condition, what, seconds=60):
    def settled():
        turn()
        return condition()
    return world.wait_for(settled, what, seconds)


class Puppet:
    """In the place of polkit, in a world where that was stopped."""

    def __init__(self, w, mood="hold"):
        self.w, self.path = w, w.directory / "mood"
        self.set(mood)
        self.process = w.start("puppet", [w.program("tests/security/puppet"), self.path])
        w.wait_name("org.freedesktop.PolicyKit1", self.process)
        # The daemon has heard of it when it has asked.
        world.wait_for(lambda: w.log("daemon").count("polkit knows all") > self.n_known, "the daemon to see it")

    def set(self, mood):
        self.n_known = self.w.log("daemon").count("polkit knows all")
        fresh = self.path.with_suffix(".new")
        fresh.write_text(mood)
        fresh.chmod(0o644)
        fresh.rename(self.path)

    def questions(self):
        """Action and details of each question so far."""
        found = []
        for line in self.w.log("puppet").splitlines():
            if line.startswith("question "):
                head, *details = line.rstrip("|").split("|")
                found.append((head.split()[2], dict(detail.split("=", 1) for detail in details)))
        return found

    def n_cancelled(self):
        return self.w.log("puppet").count("cancelled\n")

    def release(self):
        self.process.send_signal(signal.SIGUSR1)
