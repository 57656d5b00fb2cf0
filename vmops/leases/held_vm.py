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

POLL_INTERVAL = 0.05
"""Seconds between two polls of a worker's progress."""

_MAX_ATTEMPTS = 4
"""The most attempts of a removal that fails for a transient reason."""

_RETRIED_KINDS = frozenset({FailureKind.INTERRUPTED, FailureKind.THROTTLED, FailureKind.LOCKED})
"""Kinds of failures after which a removal is retried here. The worker itself retries other transient failures."""

_KEPT_TTL = 2 * 3600.0
"""Seconds after which a kept VM without a ``ttl`` expires."""

_log = logging.getLogger("vmops")


class Hold:
    """One VM, or a fleet, held by ``holder``; ``machines`` is filled once they run.

    ``wanted`` tells whether it must be requested, ``started`` whether there may be something to remove.
    """

    def __init__(self, params: Mapping[str, Any], spec: VmSpec, holder: Holder, *, take_over: bool) -> None:
        self.spec = spec
        self.wanted, self.started = True, False
        self.machines: list[Machine] = []
        self._params: Params = dict(params)
        self._holder, self._take_over = holder, take_over
        self._attempts = 0
        self._removal_accepted = False

    def provision(self, ops: HolderOps) -> None:
        """Start making the VM, or taking it over.

        Raises: ProvisionError if this is refused at once, and nothing was started.
        """
        self.wanted, self.started = False, True
        status, _ = ops.enter(self._params, self._holder, take_over=self._take_over)
        if status is Status.FAILED:
            self.started = False
            raise self._error(ops)

    def poll_running(self, ops: HolderOps) -> bool:
        """Poll once whether the VM runs, unless that is known.

        When a deployment that a dead holder had started has ended, the VM is requested again to take it over.

        Raises: ProvisionError if it failed, or another holds it; in that case there is nothing to remove.
        """
        if not self.machines:
            status, outputs = ops.wait_vm_deployment(True, self._once())
            if status is Status.FAILED:
                error = self._error(ops)
                self.started = error.failure.code != HELD
                raise error
            if status is Status.SUCCEEDED and ops.holds(self._params, self._holder):
                self.machines = made(ops, self._params, outputs)
            self.wanted = status is Status.SUCCEEDED and not self.machines
        return bool(self.machines)

    def deprovision(self, ops: HolderOps) -> None:
        """Start removing the VM, unless another holder has it. `poll_removed` retries a failure."""
        self._attempts += 1
        self._removal_accepted = False
        try:
            status, _ = ops.leave(self._params, self._holder)
            self._removal_accepted, self.started = status is not Status.FAILED, status is not Status.SUCCEEDED
        except Exception:
            _log.exception("the removal of %s could not be started", self.spec.vm_name)

    def poll_removed(self, ops: HolderOps) -> bool | NotYet:
        """Poll once whether the VM is gone, or another holder has it.

        A removal that failed for a transient reason is restarted.

        Raises: ProvisionError if it cannot be removed.
        """
        status, _ = ops.wait_vm_deployment(False, self._once())
        if status is not Status.FAILED:
            return status is Status.SUCCEEDED or NotYet(POLL_INTERVAL)
        error = self._error(ops)
        if error.failure.code == HELD:
            _log.warning("%s is not removed: %s", self.spec.vm_name, error.failure.message)
            return True
        retried = error.failure.kind in _RETRIED_KINDS or not self._removal_accepted
        if not retried or self._attempts >= _MAX_ATTEMPTS:
            raise error
        self.deprovision(ops)
        return NotYet(backoff(self._attempts))

    def timed_out(self, what: str) -> ProvisionError:
        """Give the error for a deployment or removal that timed out."""
        return ProvisionError(
            self.spec.vm_name, Failure(FailureKind.TIMEOUT, f"its {what} timed out", resource=self.spec.vm_id)
        )

    def keep(self, ops: HolderOps) -> None:
        """Keep the VM without a holder until it expires, and log how to log in and how to remove it."""
        status, result = ops.keep(self._params, self._holder, self.spec.ttl or _KEPT_TTL)
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
