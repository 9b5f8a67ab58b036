# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the daemon is killed in the middle of (see kill-anywhere): each prepared, done, and checked afterwards."""

from trial import ATTACHMENT, EVERYTHING, GONE, LIMIT, MANAGER, NIC0, ROOT, WEB, wait_for


class Operation:
    """What is done while the daemon is traced. Every step may find it dead."""

    traced_start = False
    variants = ("",)  # what may be different about it; each has points of its own

    def __init__(self, trial, chance, variant):
        self.trial, self.chance, self.variant = trial, chance, variant
        self.w, self.path = trial.w, None

    def prepare(self):
        pass

    def act(self):
        raise NotImplementedError

    def between(self):
        """The daemon is dead."""

    def after(self):
        """It has been started again, and nothing is settled yet."""

    def check(self):
        """All is settled."""

    def prepare_attachment(self):
        self.path, error = self.trial.attach("web", EVERYTHING)
        assert not error, error

    def number(self):
        return int(self.path.rsplit("/", 1)[1])

    def until(self, condition, what):
        """Gives whether the daemon lives on."""
        wait_for(lambda: not self.trial.alive() or condition(), what)
        return self.trial.alive()

    def is_held(self):
        return self.w.truth.ask("counts")["held"] == 1

    def was_asked(self):
        return self.w.truth.ask("counts")["unplugging"] > 0

    def let_go(self):
        self.w.truth.ask("guest", uuid=WEB, mode="accepts")
        self.w.truth.ask("let-go", uuid=WEB)

    def check_not_lent(self, why, request="nic:2"):
        path, error = self.trial.attach("database", request)
        assert error, f"{self.variant} {request}: {why}"

    def begin_attach(self):
        return self.trial.calling(ROOT, MANAGER, "Attach", "ssa{sv}", "web", EVERYTHING, "0")

    def begin_detach(self):
        return self.trial.calling(self.path, ATTACHMENT, "Detach", "a{sv}", "0")


class Attach(Operation):
    def act(self):
        self.path, self.error = self.trial.attach("web", EVERYTHING)
        assert not self.error or self.error in GONE, self.error

    def check(self):
        if self.path:
            assert self.number() in self.trial.attached(), "the caller was told of an attachment that is not there"


class Detach(Operation):
    def prepare(self):
        self.prepare_attachment()

    def act(self):
        self.error = self.trial.detach(self.path)
        assert not self.error or self.error in GONE, self.error

    def check(self):
        if not self.error:
            assert self.number() not in self.trial.attached(), "the caller was told of an end that did not come"


class SlowAttach(Operation):
    """libvirt acts only after a while; as it goes, after the daemon died or even after it was started again."""

    def act(self):
        self.w.truth.ask("next", kind="attach", hold="before")
        self.process = self.begin_attach()
        if self.until(lambda: self.is_held() or self.process.poll() is not None, "the call to libvirt"):
            self.w.truth.ask("release")
        self.process.wait(LIMIT)

    def between(self):
        self.early = self.chance.random() < 0.5
        if self.early:
            self.w.truth.ask("release")

    def after(self):
        if not self.early and self.is_held():
            self.check_not_lent("a device that libvirt may still be giving away was given to another")
        self.w.truth.ask("release")
        # What is laid down for a job that never came.
        self.w.truth.ask("forget")

    def check(self):
        if self.process.returncode == 0:
            assert self.trial.attached().get(max(self.trial.attached())) == "web"


class HalfAttach(Operation):
    """The second of the devices is refused: what was given is taken back."""

    def act(self):
        self.w.truth.ask("next", kind="attach", refuse_at=1 + self.chance.randrange(3))
        self.path, self.error = self.trial.attach("web", EVERYTHING)
        assert self.error, "it was refused"

    def after(self):
        self.w.truth.ask("forget")

    def check(self):
        if self.error not in GONE:
            assert "web" not in self.trial.attached().values(), "a failed call left an attachment"


class SlowDetach(Operation):
    """The guest lets go only after a while."""

    def prepare(self):
        self.prepare_attachment()
        self.w.truth.ask("guest", uuid=WEB, mode="ignores")

    def act(self):
        process = self.begin_detach()
        self.until(lambda: self.was_asked() or process.poll() is not None, "the guest to be asked")
        if self.trial.alive() or self.chance.random() < 0.5:
            self.let_go()
        process.wait(LIMIT)

    def after(self):
        self.let_go()


class PoolEdit(Operation):
    def act(self):
        self.added = self.trial.add_pool("trial-1")
        self.added_too = self.trial.add_pool("trial-2")
        self.removed = self.trial.remove_pool("trial-1")

    def check(self):
        found = self.trial.records()
        shown = {str(path).rsplit("/", 1)[1] for path in self.trial.objects() if "/pool/trial" in path}
        assert {"pool/" + name.replace("_2d", "-") for name in shown} == \
            {key for key in found if key.startswith("pool/trial")}, "memory and disk differ"
        if not self.removed:
            assert "pool/trial-1" not in found, "a removed pool is back"
        elif not self.added:
            assert "pool/trial-1" in found or self.removed in GONE, "an added pool is lost"
        if not self.added_too:
            assert "pool/trial-2" in found, "an added pool is lost"


class HotPlug(Operation):
    """A lent device is pulled and comes back."""

    def prepare(self):
        self.prepare_attachment()

    def state(self):
        return self.trial.property(f"{ROOT}/device/pci_" + NIC0.replace(":", "_").replace(".", "_"),
                                   "org.hostdev1.Device", "State")

    def plug(self):
        self.trial.plug()
        self.pulled = False

    def act(self):
        self.trial.pull()
        self.pulled = True
        if self.until(lambda: self.state() == "gone", "it to be gone") or self.chance.random() < 0.5:
            self.plug()
            self.until(lambda: self.state() == "attached", "it to be back")

    def after(self):
        if self.pulled:
            self.check_not_lent("a device that a guest has was lent")
            self.plug()

    def check(self):
        assert self.number() in self.trial.attached(), "libvirt has the devices, and the attachment is lost"


class Reconnect(Operation):
    """The connection to the hypervisor breaks, and what it tells when it is back is something else."""

    variants = ("same", "taken", "stopped", "given")

    def prepare(self):
        if self.variant != "given":
            self.prepare_attachment()

    def act(self):
        if self.variant == "given":
            self.w.truth.ask("next", kind="attach", hold="before")
            process = self.begin_attach()
            self.until(lambda: self.is_held() or process.poll() is not None, "the call to libvirt")
        self.w.truth.ask("drop", down=True)
        if self.variant == "taken":
            self.trial.take_by_other_hands()
        elif self.variant == "stopped":
            self.w.truth.ask("stop", uuid=WEB)
        self.w.truth.ask("release")
        self.until(lambda: not self.connected(), "the connection to be lost")
        self.w.truth.ask("up")
        if self.until(self.connected, "the connection"):
            self.until(lambda: self.trial.attach("database", "vf", dry_run=True)[0], "what it tells")
        if self.variant == "given":
            process.wait(LIMIT)

    def connected(self):
        return self.trial.property(ROOT, MANAGER, "LibvirtConnected")

    def between(self):
        self.w.truth.ask("up")
        self.w.truth.ask("release")
        self.w.truth.ask("forget")

    def check(self):
        if self.variant != "given":
            kept = self.variant != "taken"
            assert ("web" in self.trial.attached().values()) == kept, f"{self.variant}: {self.trial.attached()}"
        if self.variant == "stopped":
            self.w.truth.ask("start", uuid=WEB)


class Start(Operation):
    """The start itself, with work to be gone on with: reconcile."""

    traced_start = True

    variants = ("attached", "given", "half", "giving", "detaching", "unplugging", "giving-back", "taken", "stopped")

    def prepare(self):
        if self.variant in ("given", "half", "giving"):
            self.prepare_given()
            return
        self.prepare_attachment()
        if self.variant in ("detaching", "unplugging"):
            self.prepare_detaching()
        elif self.variant == "giving-back":
            self.prepare_giving_back()
        else:
            self.trial.kill()
        # By other hands, while nobody looks.
        if self.variant == "taken":
            self.trial.take_by_other_hands()
        elif self.variant == "stopped":
            self.w.truth.ask("stop", uuid=WEB)

    def kill_caller_and_daemon(self, process):
        self.trial.kill()
        process.wait(LIMIT)

    def prepare_given(self):
        """libvirt was called, and has done what it was asked for, or the first half of it, or is at it still."""
        plan = {"refuse_at": 1} if self.variant == "half" else {}
        self.w.truth.ask("next", kind="attach", hold="before", **plan)
        process = self.begin_attach()
        wait_for(self.is_held, "the call to libvirt")
        self.kill_caller_and_daemon(process)
        if self.variant != "giving":
            self.w.truth.ask("release")

    def prepare_detaching(self):
        """The guest was asked and answers when nobody listens, or has not answered yet."""
        self.w.truth.ask("guest", uuid=WEB, mode="ignores")
        process = self.begin_detach()
        wait_for(self.was_asked, "the guest to be asked")
        self.kill_caller_and_daemon(process)
        if self.variant == "detaching":
            self.let_go()

    def prepare_giving_back(self):
        """The guest has let go, and libvirt is giving the group back to its drivers."""
        self.w.truth.ask("next", kind="give-back", hold="before")
        process = self.begin_detach()
        wait_for(self.is_held, "the call to libvirt")
        self.kill_caller_and_daemon(process)

    def is_open(self):
        """Is libvirt or the guest still at it?"""
        return self.variant in ("giving", "unplugging", "giving-back")

    def check_open(self):
        # What only a member of a group waits for does not hold the others.
        self.check_not_lent("a device was lent that is not known to be free",
                            "gpu" if self.variant == "giving-back" else "nic:2")

    def close(self):
        self.w.truth.ask("release")
        self.let_go()

    def act(self):
        def usable():
            return not self.trial.alive() or self.trial.attach("database", "vf", dry_run=True)[0]
        wait_for(usable, "the start")
        if self.is_open() and self.trial.alive():
            self.check_open()
            if self.chance.random() < 0.5:
                return
            self.close()
        self.until(self.trial.is_settled, "everything to be settled")

    def after(self):
        if self.is_open() and (self.is_held() or self.was_asked()):
            self.check_open()
        self.close()

    def check(self):
        if self.variant != "giving":
            kept = self.variant in ("attached", "given", "stopped")
            assert ("web" in self.trial.attached().values()) == kept, f"{self.variant}: {self.trial.attached()}"
        if self.variant == "stopped":
            self.w.truth.ask("start", uuid=WEB)


OPERATIONS = {"attach": Attach, "detach": Detach, "slow-attach": SlowAttach, "half-attach": HalfAttach,
              "slow-detach": SlowDetach, "pool-edit": PoolEdit, "hot-plug": HotPlug, "reconnect": Reconnect,
              "start": Start}
