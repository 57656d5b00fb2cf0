"""Lists the stacks in the engine's backend, and the VM that each of them declares."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulumi import automation

from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.engine.backend.checkpoint import is_export_usable
from vmops.engine.backend.refusals import refused_state
from vmops.engine.process import EngineCommand
from vmops.spec.names import PROJECT, TOKENS

_PROVIDER = "pulumi:providers:azure-native"
_NAMES = ("subscriptionId", "resourceGroupName", "vmName")


@dataclass(frozen=True)
class Backend:
    """A backend, which is queried by engine processes that work in ``directory``."""

    command: EngineCommand
    directory: Path

    def stacks(self) -> list[str]:
        """Name the stacks of our project.

        Raises: OperationFailed (engine) if the backend cannot be read, (timeout) if that takes too long.
        """
        (self.directory / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: python\n")
        return [str(stack["name"]) for stack in json.loads(self._output("stack", "ls", "--json"))]

    def declared(self, stack: str) -> Mapping[str, Any] | None:
        """Give the inputs of the VM that a stack has made or started to make, and ``subscriptionId`` of its provider.

        None if the stack has no VM yet.

        Raises: OperationFailed (engine) if the backend cannot be read, or the state is inconsistent, (timeout) if
        reading takes too long.
        """
        text = self._output("stack", "export", "--stack", stack)
        if not is_export_usable(text):
            raise OperationFailed(Failure(FailureKind.ENGINE, f"the engine's state of {stack} is inconsistent"))
        deployment = json.loads(text)["deployment"] or {}
        pending = [each["resource"] for each in deployment.get("pending_operations") or ()]
        inputs = {each["type"]: each.get("inputs") or {} for each in [*(deployment.get("resources") or ()), *pending]}
        machine, provider = inputs.get(TOKENS["vm"], {}), inputs.get(_PROVIDER, {})
        named = {**machine, "subscriptionId": provider.get("subscriptionId")}
        return named if all(isinstance(named.get(name), str) for name in _NAMES) else None

    def _output(self, *arguments: str) -> str:
        try:
            return self.command.run(list(arguments), str(self.directory), {}).stdout
        except automation.CommandError as error:
            unread = Failure(FailureKind.ENGINE, f"the backend cannot be read: {error}")
            raise OperationFailed(refused_state(str(error)) or unread) from None
