"""VMs that a program holds together: made in parallel, all or none, and removed when the program releases them.

Workers make and remove them, and outlive this process. Signals cannot interrupt the start of a worker. They may
interrupt every wait, and the workers continue.
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
from vmops.leases.held_vm import POLL_INTERVAL, Hold
from vmops.leases.machine import Machine
from vmops.ops.holding import HolderOps
from vmops.spec.vm_spec import VmSpec

_REPORT_SECONDS = 60.0
"""Seconds after ``deployTimeout`` for which a lease still waits for the worker's result."""


class Lease:
    """The VMs of one block of a program.

    Thread-safe: a released VM is not started any more, and one that is being started is released afterwards. In a
    forked process its methods do nothing. Everything is released when the program exits at the latest.
    """

    def __init__(
        self, wanted: Sequence[Mapping[str, Any]], settings: Settings | None, kind: Kind, *, take_over: bool
    ) -> None:
        """Check the parameters. ``kind`` is the kind of holder; with ``take_over``, VMs are taken from any holder.

        Raises: SpecError if a parameter is wrong, or a VM is requested twice.
        """
        self._settings = settings or Settings()
        specs = [VmSpec.from_params(params, self._settings.defaults()) for params in wanted]
        _refuse_twins(specs)
        self._holds = [
            Hold(params, spec, Holder.here(kind), take_over=take_over)
            for params, spec in zip(wanted, specs, strict=True)
        ]
        self._timeout = max((spec.deploy_timeout for spec in specs), default=0.0) + _REPORT_SECONDS
        self._released = self._stopped_waiting = False
        self._mutex = threading.Lock()
        self._pid = os.getpid()

    def acquire(self) -> list[Machine]:
        """Make the VMs, and wait until all of them run, for as long as ``deployTimeout`` allows.

        Raises: ProvisionError for the first that fails; the caller must still release all of them.
        """
        ops = HolderOps(self._settings)
        if not poll_until(lambda: self._released or self._run(ops) or NotYet(POLL_INTERVAL), timeout=self._timeout):
            raise next(hold for hold in self._holds if not hold.machines).timed_out("deployment")
        return [machine for hold in self._holds for machine in hold.machines]

    def release(self) -> None:
        """Start the removal of everything that was started, by workers. Calling it again does nothing."""
        with signals_deferred(), self._mutex:
            if self._released or self._is_forked():
                return
            ops = HolderOps(self._settings)
            for hold in self._started():
                hold.deprovision(ops)
            self._close()

    def wait_removed(self) -> None:
        """Wait until the workers have verified that everything released is gone.

        Raises: ProvisionError for the first that cannot be removed, once the others are gone.
        """
        if self._is_forked():
            return
        ops, stuck = HolderOps(self._settings), list[ProvisionError]()
        for hold in self._started():
            try:
                self._wait_removed(hold, ops)
            except ProvisionError as error:
                stuck.append(error)
        if stuck:
            raise stuck[0]

    def stop_waiting(self) -> None:
        """Stop a `wait_removed` in any thread; the workers continue."""
        self._stopped_waiting = True

    def keep(self) -> None:
        """Keep the VMs without a holder until they expire, instead of releasing them."""
        with signals_deferred(), self._mutex:
            ops = HolderOps(self._settings)
            for hold in self._started():
                hold.keep(ops)
                hold.started = False
            self._close()

    def _begin(self, ops: HolderOps) -> None:
        with signals_deferred(), self._mutex:
            if self._released:
                return
            atexit.register(self.release)
            for hold in filter(lambda hold: hold.wanted, self._holds):
                hold.provision(ops)

    def _close(self) -> None:
        self._released = True
        atexit.unregister(self.release)

    def _run(self, ops: HolderOps) -> bool:
        """Request the wanted VMs, and poll once all that are not known to run; tell whether all run."""
        if any(hold.wanted for hold in self._holds):
            self._begin(ops)
        if self._released:
            return False
        running = [hold.poll_running(ops) for hold in self._holds]
        return all(running)

    def _wait_removed(self, hold: Hold, ops: HolderOps) -> None:
        if not poll_until(lambda: self._stopped_waiting or hold.poll_removed(ops), timeout=self._timeout):
            raise hold.timed_out("removal")

    def _started(self) -> list[Hold]:
        return [hold for hold in self._holds if hold.started]

    def _is_forked(self) -> bool:
        return os.getpid() != self._pid


def _refuse_twins(specs: Sequence[VmSpec]) -> None:
    """Check that no VM is requested twice. Raises: SpecError."""
    counted = Counter(spec.stack for spec in specs)
    for spec in specs:
        if counted[spec.stack] > 1:
            raise SpecError(f"vmName: {spec.vm_name!r} is asked for {counted[spec.stack]} times in one block")
