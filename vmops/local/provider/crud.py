"""Create, read, update and delete one resource through ARM, in azure-native's order of calls."""

import logging
from collections.abc import Set
from dataclasses import dataclass

from vmops.core.errors import CloudError, VmopsError
from vmops.local.provider.answers import Answer
from vmops.local.provider.arm import Arm, Call, DeadlinePassed, Stopped
from vmops.local.provider.schema import ResourceType
from vmops.local.provider.translate import Properties, to_body, to_outputs

_WRITE_PAUSE, _DELETE_PAUSE = 10.0, 30.0
"""Seconds between polls of an operation if the service names none. Source: azure-native's pollers."""

_ENDINGS = (CloudError, Stopped, DeadlinePassed)
_log = logging.getLogger(__name__)


class InitFailed(VmopsError):
    """ARM accepted the resource but it did not become ready: it exists, and the engine must keep it in its state."""

    def __init__(self, reason: str, arm_id: str, inputs: Properties, outputs: Properties) -> None:
        self.arm_id, self.inputs, self.outputs = arm_id, inputs, outputs
        super().__init__(reason)


@dataclass(frozen=True)
class Resource:
    """One resource of one type, at one ARM id."""

    arm: Arm
    kind: ResourceType
    arm_id: str

    @property
    def path(self) -> str:
        """Give the path and query of its own URL."""
        return f"{self.arm_id}?api-version={self.kind.api_version}"

    def create(self, call: Call, inputs: Properties) -> tuple[str, Properties]:
        """Create a resource that does not exist yet.

        Returns: the id as ARM spells it, and the outputs.
        Raises: `CloudError` when ARM refused, or the resource exists; `InitFailed`; `Stopped`; `DeadlinePassed`.
        """
        self._must_not_exist(call)
        return self._write(call, inputs, {name: [] for name in self.kind.children})

    def update(self, call: Call, inputs: Properties) -> Properties:
        """Bring the resource to the inputs; child arrays that they leave out stay unchanged.

        Raises: as `create`, except that the resource may exist.
        """
        unset = self.kind.children - inputs.keys()
        return self._write(call, inputs, self._children(call, unset) if unset else {})[1]

    def read(self, call: Call) -> Properties | None:
        """Give the outputs; None if ARM does not know the resource."""
        try:
            return to_outputs(self.kind, self._get(call).body)
        except CloudError as error:
            if error.status == 404:
                return None
            raise

    def delete(self, call: Call) -> None:
        """Delete the resource; it may be gone already, or go meanwhile."""
        try:
            begun = self.arm.send(call, "DELETE", self.path)
            self.arm.follow(call, begun, self.path, _DELETE_PAUSE)
        except CloudError as error:
            if error.status != 404:
                raise

    def _get(self, call: Call) -> Answer:
        return self.arm.send(call, "GET", self.path)

    def _must_not_exist(self, call: Call) -> None:
        try:
            found = self._get(call)
        except CloudError as error:
            if error.status == 404:
                return
            raise
        if found.body:
            raise VmopsError(f"cannot create already existing resource '{self.arm_id}'")

    def _children(self, call: Call, names: Set[str]) -> Properties:
        outputs = to_outputs(self.kind, self._get(call).body)
        return {name: outputs[name] for name in names if name in outputs}

    def _write(self, call: Call, inputs: Properties, children: Properties) -> tuple[str, Properties]:
        accepted = self.arm.send(call, "PUT", self.path, to_body(self.kind, {**children, **inputs}))
        arm_id = str(accepted.body.get("id") or self.arm_id)
        try:
            self.arm.follow(call, accepted, self.path, _WRITE_PAUSE)
        except _ENDINGS as error:
            reason, outputs = self._half_made(call, error)
            raise InitFailed(reason, arm_id, inputs, outputs) from error
        return arm_id, to_outputs(self.kind, self._read_back(call) or accepted.body)

    def _read_back(self, call: Call) -> Properties:
        """Read what was written; a failure here does not undo the success."""
        try:
            return self._get(call).body
        except _ENDINGS as error:
            _log.warning("cannot read back '%s': %s", self.arm_id, explain(error))
            return {}

    def _half_made(self, call: Call, cause: VmopsError) -> tuple[str, Properties]:
        try:
            return explain(cause), to_outputs(self.kind, self._get(call).body)
        except _ENDINGS as error:
            return f"resource created but read failed: {explain(error)}: {explain(cause)}", {}


def explain(error: VmopsError) -> str:
    """Give the reason in the form in which azure-native passes on ARM's refusals."""
    if isinstance(error, CloudError):
        return f'Status={error.status} Code="{error.code}" Message="{error}"'
    return str(error)
