"""One guest on the host's side: its present state, and the next step towards the wanted one."""

import os
import re
import signal
import time
from base64 import b64decode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from uuid import uuid4

from vmops.core import host
from vmops.core.processes import only_child
from vmops.local.guests import first_boot
from vmops.local.guests.directory import Directory, remember_begun
from vmops.local.guests.disk import Account, prepare
from vmops.local.guests.handle import Handle
from vmops.local.guests.host_key import HostKey
from vmops.local.guests.namespaces import ENDED, KILLED, REFUSED, Plan
from vmops.local.guests.protocol import Seen, State, Wanted
from vmops.local.guests.ssh_server import SshServer
from vmops.local.guests.zygote import Zygote

_END_TIMEOUT = 8.0
"""Seconds from the request to end until the kill: a guest gives its own processes five."""

_HANG = 5.0
"""Seconds for a guest that hangs, and does not hear the request."""

_KEY = 5.0
"""Seconds after which a host key is requested again: its maker was killed."""

_STOP, _POWER_OFF = signal.SIGPWR, signal.SIGUSR2
"""Signals that make the first process end all others and itself: for a stop from outside, and a power-off from inside.
"""

_FIRST = ("/bin/sh", "/run/vmops/init")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}")
"""Names of users and hosts that a guest may have: as directories they lead nowhere else."""


class Guest:
    """A guest in its directory, below the one that a descriptor stands for; ``scripts`` are installed at each boot."""

    def __init__(
        self, guests: int, scripts: Mapping[str, bytes], zygote: Zygote, ssh_server: SshServer, wanted: Wanted
    ) -> None:
        self.wanted, self._scripts, self._zygote, self._ssh_server = wanted, scripts, zygote, ssh_server
        self._directory = Directory(guests, wanted.vm_id)
        self.key, self.handle = HostKey(self._directory), self._directory.handle()
        self.waiting = _descriptor(self.handle.pid) if self.handle.lives else None
        self._first: int | None = None
        self._deadline, self._key_deadline, self._refusal = 0.0, 0.0, ""

    @property
    def why(self) -> str:
        """Say why it is down, as `protocol.Why`; empty while it is up, or if it never was."""
        if self._refusal or self.waiting is not None or not self.handle.pid:
            return self._refusal
        return "asked" if self.handle.asked else self._directory.read(ENDED).decode() or "lost"

    @property
    def state(self) -> State:
        """Tell its state; a lost guest no longer starts, or ended without saying why."""
        if self.waiting is None:
            return "lost" if self._is_refused() or self.why == "lost" else "down"
        if self.handle.asked:
            return "stopping"
        return "up" if self.handle.up and self.wanted.fault.name != "guest-never-up" else "booting"

    @property
    def ready(self) -> bool:
        """Tell whether it accepts logins and its first boot is over."""
        broken = self.wanted.fault.name in ("guest-silent", "guest-panics")
        return self.state == "up" and self.handle.ready and self.key.is_there and not broken

    @property
    def settled(self) -> bool:
        """Tell whether nothing needs polling; other changes are announced."""
        if self.waiting is None:
            return not self.wanted.up or not self._begins()
        return self.wanted.up and not self.handle.asked and self.handle.ready and self.key.is_there

    def seen(self) -> Seen:
        """Give its state for the daemon."""
        handle, key = self.handle, self.key.public
        return Seen(self.wanted.vm_id, handle.boot, self.state, self.why, self.ready, handle.port, key)

    def remember_port(self, port: int) -> None:
        """Remember the port where it is reached."""
        if port != self.handle.port:
            self._remember(replace(self.handle, port=port))

    def first(self) -> int | None:
        """Give a descriptor of its first process; None until it is up, because its starter may still exist."""
        up = self.waiting is not None and self.handle.up
        if self._first is None and up and (found := only_child(self.handle.pid)):
            self._first = _descriptor(found)
        return self._first

    def step(self) -> None:
        """Take the next step towards the wanted state, without waiting."""
        if self.waiting is not None and not self.handle.lives:
            self._bury()
        self._hear()
        self._ask_for_key()
        if self.waiting is None:
            if self.wanted.up and self._begins():
                self._begin()
        elif self.handle.asked:
            self._press()
        elif not self.wanted.up or self.handle.boot < self.wanted.boot:
            self._stop()
        elif self.wanted.fault.name == "guest-shuts-down" and self.state == "up":
            self._signal(_POWER_OFF)

    def _ask_for_key(self) -> None:
        """Have the host key made while the guest boots."""
        if self.wanted.up and not self.key.is_there and time.monotonic() > self._key_deadline:
            self._key_deadline = time.monotonic() + _KEY
            with suppress(BlockingIOError):
                self._ssh_server.make_key(self._directory.descriptor)

    def _hear(self) -> None:
        """Store the guest's reports of its boot; the guest may delete their files later."""
        known = self.handle
        if self.waiting is not None and not known.ready:
            up = known.up or self._directory.has("run/up")
            heard = replace(known, up=up, ready=up and self._directory.has("run/ready"))
            if heard != known:
                self._remember(heard)

    def end(self) -> None:
        """Kill it; a moment later nothing of it is left."""
        if self.waiting is not None:
            _send(self.waiting, signal.SIGKILL)

    def close(self) -> None:
        """Close its descriptors, and leave it as it is."""
        self._bury()
        self._directory.close()

    def _begins(self) -> bool:
        """Tell whether a guest that is down is to start: Azure says so, or its end was not its own doing."""
        return self.handle.boot < self.wanted.boot or not (self.why in ("poweroff", KILLED) or self._is_refused())

    def _is_refused(self) -> bool:
        return self.why.startswith(REFUSED)

    def _begin(self) -> None:
        """Start it, once its predecessor in this directory is gone."""
        self._refusal = ""
        self._ssh_server.expect()
        lock = self._directory.lock()
        if lock is None:
            return
        console = self._directory.console()
        try:
            self._begin_holding(lock, console)
        except OSError as refusal:
            self._refuse(refusal.strerror or str(refusal))
        finally:
            os.close(lock)
            os.close(console)

    def _begin_holding(self, lock: int, console: int) -> None:
        wanted = self.wanted
        if not (_NAME.fullmatch(wanted.user) and _NAME.fullmatch(wanted.name)):
            self._refuse("it has a name that no directory may have")
            return
        self._directory.forget(ENDED)
        self._directory.renew("run", {**self._scripts, "boot_id": f"{uuid4()}\n".encode()})
        begun = Handle(host_id=host.identity(), boot=wanted.boot, allocation=wanted.allocation, port=self.handle.port)
        make = partial(prepare, self._account(), fresh=self.handle.allocation != wanted.allocation)
        plan = Plan(_FIRST, wanted.name, make, partial(remember_begun, begun))
        pid = self._zygote.boot(self._directory.descriptor, lock, console, plan)
        self.handle, self.waiting = self._directory.handle(), _descriptor(pid)

    def _refuse(self, why: str) -> None:
        self._refusal = f"{REFUSED}: {why}"
        self._remember(replace(self.handle, boot=self.wanted.boot))

    def _account(self) -> Account:
        wanted = self.wanted
        first = first_boot.script(b64decode(wanted.custom_data), wanted.user) if wanted.custom_data else b""
        return Account(wanted.name, wanted.user, wanted.keys, first)

    def _stop(self) -> None:
        """Ask it to end, or kill it with ``force``, and record the request."""
        self._remember(replace(self.handle, asked=True))
        self._deadline = time.monotonic() + (_HANG if self._hangs else _END_TIMEOUT)
        self._press()

    def _press(self) -> None:
        """Kill it if it was asked to end and its time is over.

        If the process that asked has died, the time starts again. A guest that is not up yet does not get a request,
        and a repeated request does no harm.
        """
        self._deadline = self._deadline or time.monotonic() + _END_TIMEOUT
        if self.wanted.force or time.monotonic() > self._deadline:
            self.end()
        elif not self._hangs:
            self._signal(_STOP)

    @property
    def _hangs(self) -> bool:
        return self.wanted.fault.name == "guest-hangs-on-shutdown"

    def _signal(self, number: int) -> None:
        """Send a signal to its first process, if that is there."""
        if (first := self.first()) is not None:
            _send(first, number)

    def _bury(self) -> None:
        for each in (self.waiting, self._first):
            if each is not None:
                os.close(each)
        self.waiting, self._first, self._deadline = None, None, 0.0

    def _remember(self, handle: Handle) -> None:
        self.handle = handle
        self._directory.remember(handle)


def _descriptor(pid: int) -> int | None:
    with suppress(ProcessLookupError):
        return os.pidfd_open(pid)
    return None


def _send(process: int, number: int) -> None:
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(process, number)
