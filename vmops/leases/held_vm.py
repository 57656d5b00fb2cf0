"""One VM that a program holds: asked for, looked at until it runs, and looked at until it is gone."""

import logging
from collections.abc import Mapping
from typing import Any, cast

from vmops.core.errors import ProvisionError
from vmops.core.failures import Failure, FailureKind
from vmops.core.polling import NotYet, backoff
from vmops.core.times import format_utc
from vmops.leases.machine import Machine
from vmops.ops.api import VMOps
from vmops.ops.suggest import shell_command
from vmops.protocol import Params, Status
from vmops.spec.vm_spec import VmSpec

LOOK = 0.05
"""Seconds between two looks at what a worker has done."""

_ATTEMPTS = 4
"""How often a removal is asked for that fails for a reason which passes."""

_PASSING = frozenset({FailureKind.INTERRUPTED, FailureKind.THROTTLED, FailureKind.LOCKED})
"""Reasons that another attempt does not meet again; the worker itself has met the others again and again."""

_KEPT = 2 * 3600.0
"""Seconds that a VM stays for a look if its parameters name no ``ttl``."""

_log = logging.getLogger("vmops")


class Hold:
    """One VM: ``machine`` once it runs; ``begun`` tells whether there may be something of it to remove."""

    def __init__(self, params: Mapping[str, Any], spec: VmSpec) -> None:
        self.spec = spec
        self.begun = False
        self.machine: Machine | None = None
        self._params: Params = dict(params)
        self._attempts = 0
        self._asked = False

    def provision(self, ops: VMOps) -> None:
        """Begin to make the VM.

        Raises: ProvisionError if that is refused at once: then nothing was begun.
        """
        self.begun = True
        status, _ = ops.vm_provision(self._params)
        if status is Status.FAILED:
            self.begun = False
            raise self._error(ops)

    def runs(self, ops: VMOps) -> bool:
        """Look once whether the VM runs, unless it is known to.

        Raises: ProvisionError if it never will.
        """
        if self.machine is None:
            status, outputs = ops.wait_vm_deployment(True, self._once())
            if status is Status.FAILED:
                raise self._error(ops)
            if status is Status.SUCCEEDED:
                self.machine = Machine(ops, self._params, outputs)
        return self.machine is not None

    def deprovision(self, ops: VMOps) -> None:
        """Begin to remove the VM; what fails here is tried again by `gone`."""
        self._attempts += 1
        self._asked = False
        try:
            self._asked = ops.vm_deprovision(self._params)[0] is not Status.FAILED
        except Exception:
            _log.exception("the removal of %s could not be begun", self.spec.vm_name)

    def gone(self, ops: VMOps) -> bool | NotYet:
        """Look once whether the VM is gone; a removal that failed for a reason which passes is begun again.

        Raises: ProvisionError if it will not go.
        """
        status, _ = ops.wait_vm_deployment(False, self._once())
        if status is not Status.FAILED:
            return status is Status.SUCCEEDED or NotYet(LOOK)
        error = self._error(ops)
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

    def keep(self, ops: VMOps) -> None:
        """Leave the VM to a person for a while, and tell how to get in and how to remove it."""
        status, result = ops.extend(self._params, self.spec.ttl or _KEPT)
        until = (
            f"until {format_utc(result['expires'])}" if status is Status.SUCCEEDED else f"for good ({self._error(ops)})"
        )
        _log.warning(
            "%s stays %s: `%s` logs in, `%s` gives it more time, `%s` removes it",
            self.spec.vm_name,
            until,
            self.machine and self.machine.ssh,
            shell_command("extend", self._params, "2h"),
            shell_command("deprovision", self._params, "--wait"),
        )

    def _once(self) -> Params:
        return {**self._params, "pollTimeout": 0}

    def _error(self, ops: VMOps) -> ProvisionError:
        return ProvisionError(self.spec.vm_name, cast(Failure, ops.last_failure(self._params)))
