"""One VM that a program holds: requested, polled until it runs, and polled until it is gone."""

import logging
from collections.abc import Mapping
from typing import Any, cast

from vmops.core.errors import ProvisionError
from vmops.core.failures import Failure, FailureKind
from vmops.core.holder import HELD, Holder
from vmops.core.polling import NotYet, backoff
from vmops.core.times import format_utc
from vmops.leases.machine import Machine, made
from vmops.ops.holding import HolderOps
from vmops.ops.suggest import shell_command
from vmops.protocol import Params, Status
from vmops.spec.vm_spec import VmSpec

LOOK = 0.05
"""Seconds between two polls of a worker's progress."""

_ATTEMPTS = 4
"""How often a removal is retried that fails for a transient reason."""

_PASSING = frozenset({FailureKind.INTERRUPTED, FailureKind.THROTTLED, FailureKind.LOCKED})
"""Reasons that a retry here may overcome. The worker itself has retried all others many times."""

_KEPT = 2 * 3600.0
"""Seconds that a kept VM lives if its parameters name no ``ttl``."""

_log = logging.getLogger("vmops")


class Hold:
    """One VM, or a fleet, held by ``holder``: ``machines`` once they run.

    ``wanted`` tells whether it is to be asked for, ``begun`` whether there may be something of it to remove.
    """

    def __init__(self, params: Mapping[str, Any], spec: VmSpec, holder: Holder, *, take_over: bool) -> None:
        self.spec = spec
        self.wanted, self.begun = True, False
        self.machines: list[Machine] = []
        self._params: Params = dict(params)
        self._holder, self._take_over = holder, take_over
        self._attempts = 0
        self._asked = False

    def provision(self, ops: HolderOps) -> None:
        """Start making the VM, or taking it over.

        Raises: ProvisionError if that is refused at once: then nothing was started.
        """
        self.wanted, self.begun = False, True
        status, _ = ops.enter(self._params, self._holder, take_over=self._take_over)
        if status is Status.FAILED:
            self.begun = False
            raise self._error(ops)

    def runs(self, ops: HolderOps) -> bool:
        """Poll once whether the VM runs, unless that is known.

        When a dead holder's deployment has ended, the VM is wanted again: now it can be taken over.

        Raises: ProvisionError if it never will run; there is nothing to remove if another holds it.
        """
        if not self.machines:
            status, outputs = ops.wait_vm_deployment(True, self._once())
            if status is Status.FAILED:
                error = self._error(ops)
                self.begun = error.failure.code != HELD
                raise error
            if status is Status.SUCCEEDED and ops.holds(self._params, self._holder):
                self.machines = made(ops, self._params, outputs)
            self.wanted = status is Status.SUCCEEDED and not self.machines
        return bool(self.machines)

    def deprovision(self, ops: HolderOps) -> None:
        """Start removing the VM, unless another holder has it. A failure is retried by `gone`."""
        self._attempts += 1
        self._asked = False
        try:
            status, _ = ops.leave(self._params, self._holder)
            self._asked, self.begun = status is not Status.FAILED, status is not Status.SUCCEEDED
        except Exception:
            _log.exception("the removal of %s could not be begun", self.spec.vm_name)

    def gone(self, ops: HolderOps) -> bool | NotYet:
        """Poll once whether the VM is gone, or another holder's.

        A removal that failed for a transient reason is restarted.

        Raises: ProvisionError if it cannot be removed.
        """
        status, _ = ops.wait_vm_deployment(False, self._once())
        if status is not Status.FAILED:
            return status is Status.SUCCEEDED or NotYet(LOOK)
        error = self._error(ops)
        if error.failure.code == HELD:
            _log.warning("%s is left to another: %s", self.spec.vm_name, error.failure.message)
            return True
        passes = error.failure.kind in _PASSING or not self._asked
        if not passes or self._attempts >= _ATTEMPTS:
            raise error
        self.deprovision(ops)
        return NotYet(backoff(self._attempts))

    def late(self, what: str) -> ProvisionError:
        """Give the error for what should have ended by now."""
        return ProvisionError(
            self.spec.vm_name, Failure(FailureKind.TIMEOUT, f"its {what} does not end", resource=self.spec.vm_id)
        )

    def keep(self, ops: HolderOps) -> None:
        """Leave the VM to a person for a while, and say how to log in and how to remove it."""
        status, result = ops.keep(self._params, self._holder, self.spec.ttl or _KEPT)
        until = (
            f"until {format_utc(result['expires'])}" if status is Status.SUCCEEDED else f"for good ({self._error(ops)})"
        )
        _log.warning(
            "%s stays %s: `%s` logs in, `%s` gives it more time, `%s` removes it",
            self.spec.vm_name,
            until,
            ", ".join(each.ssh for each in self.machines) or None,
            shell_command("extend", self._params, "2h"),
            shell_command("deprovision", self._params, "--wait"),
        )

    def _once(self) -> Params:
        return {**self._params, "pollTimeout": 0}

    def _error(self, ops: HolderOps) -> ProvisionError:
        return ProvisionError(self.spec.vm_name, cast(Failure, ops.failure(self._params)))
