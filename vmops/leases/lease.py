"""VMs that a program holds together: made together, all of them or none, and removed when it releases them.

Workers make and remove them, and outlive this process; starting a worker is not interrupted by a signal. Every wait may
be interrupted: the workers go on.
"""

import atexit
import os
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from vmops.core.errors import ProvisionError, SpecError
from vmops.core.holder import Holder, Kind
from vmops.core.polling import NotYet, poll_until
from vmops.core.settings import Settings
from vmops.core.signals import signals_deferred
from vmops.leases.held_vm import LOOK, Hold
from vmops.leases.machine import Machine
from vmops.ops.holding import HolderOps
from vmops.spec.vm_spec import VmSpec

_GRACE = 60.0
"""Seconds after ``deployTimeout`` within which a worker has reported how its deployment ended."""


class Lease:
    """The VMs of one block of a program.

    Safe for threads: a released VM is not started any more, and one that is being started is released afterwards. A
    forked process has no part in it. Everything is released at the program's end at the latest.
    """

    def __init__(
        self, wanted: Sequence[Mapping[str, Any]], settings: Settings | None, kind: Kind, *, take_over: bool
    ) -> None:
        """Hold nothing yet. ``kind`` is the kind of holder; with ``take_over``, VMs are taken from any holder.

        Raises: SpecError if a parameter is wrong, or if two of the VMs are the same one.
        """
        self._settings = settings or Settings()
        specs = [VmSpec.from_params(params, self._settings.defaults()) for params in wanted]
        _refuse_twins(specs)
        self._holds = [
            Hold(params, spec, Holder.here(kind), take_over=take_over)
            for params, spec in zip(wanted, specs, strict=True)
        ]
        self._patience = max((spec.deploy_timeout for spec in specs), default=0.0) + _GRACE
        self._over = self._abandoned = False
        self._mutex = threading.Lock()
        self._pid = os.getpid()

    def acquire(self) -> list[Machine]:
        """Make the VMs, and wait until all of them run, for as long as ``deployTimeout`` allows.

        Raises: ProvisionError for the first that fails; all must still be released then.
        """
        ops = HolderOps(self._settings)
        if not poll_until(lambda: self._over or self._run(ops) or NotYet(LOOK), timeout=self._patience):
            raise next(hold for hold in self._holds if not hold.machines).late("deployment")
        return [machine for hold in self._holds for machine in hold.machines]

    def let_go(self) -> None:
        """Send the removal of everything that was started to workers. Calling it again does nothing."""
        with signals_deferred(), self._mutex:
            if self._over or self._is_forked():
                return
            ops = HolderOps(self._settings)
            for hold in self._begun():
                hold.deprovision(ops)
            self._close()

    def wait_gone(self) -> None:
        """Wait until everything released is gone, as verified by the workers.

        Raises: ProvisionError for the first that cannot be removed, once the others are gone.
        """
        if self._is_forked():
            return
        ops, stuck = HolderOps(self._settings), list[ProvisionError]()
        for hold in self._begun():
            try:
                self._wait_gone(hold, ops)
            except ProvisionError as error:
                stuck.append(error)
        if stuck:
            raise stuck[0]

    def abandon(self) -> None:
        """Stop a `wait_gone` in any thread; the workers go on."""
        self._abandoned = True

    def keep(self) -> None:
        """Leave the VMs to a person for a while, instead of releasing them."""
        with signals_deferred(), self._mutex:
            ops = HolderOps(self._settings)
            for hold in self._begun():
                hold.keep(ops)
                hold.begun = False
            self._close()

    def _begin(self, ops: HolderOps) -> None:
        with signals_deferred(), self._mutex:
            if self._over:
                return
            atexit.register(self.let_go)
            for hold in filter(lambda hold: hold.wanted, self._holds):
                hold.provision(ops)

    def _close(self) -> None:
        self._over = True
        atexit.unregister(self.let_go)

    def _run(self, ops: HolderOps) -> bool:
        """Start what is wanted, and poll once everything that is not known to run. The first failure ends it."""
        if any(hold.wanted for hold in self._holds):
            self._begin(ops)
        if self._over:
            return False
        running = [hold.runs(ops) for hold in self._holds]
        return all(running)

    def _wait_gone(self, hold: Hold, ops: HolderOps) -> None:
        if not poll_until(lambda: self._abandoned or hold.gone(ops), timeout=self._patience):
            raise hold.late("removal")

    def _begun(self) -> list[Hold]:
        return [hold for hold in self._holds if hold.begun]

    def _is_forked(self) -> bool:
        return os.getpid() != self._pid


def _refuse_twins(specs: Sequence[VmSpec]) -> None:
    """Check that no VM is requested twice. Raises: SpecError."""
    counted = Counter(spec.stack for spec in specs)
    for spec in specs:
        if counted[spec.stack] > 1:
            raise SpecError(f"vmName: {spec.vm_name!r} is asked for {counted[spec.stack]} times in one block")
