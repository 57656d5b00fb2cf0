"""The engine's backend as a whole: which stacks it knows, and which VM each of them declares."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulumi import automation

from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.engine.process import EngineCommand
from vmops.engine.workspace import PROJECT
from vmops.spec.names import TOKENS

_PROVIDER = "pulumi:providers:azure-native"


@dataclass(frozen=True)
class Backend:
    """A backend, asked by engine processes that work in ``directory``."""

    command: EngineCommand
    directory: Path

    def stacks(self) -> list[str]:
        """Name the stacks of our project.

        Raises: OperationFailed (engine) if the backend cannot be read, (timeout) if it cannot be read to its end.
        """
        (self.directory / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: python\n")
        return [str(stack["name"]) for stack in self._read("stack", "ls", "--json")]

    def declared(self, stack: str) -> Mapping[str, Any] | None:
        """Give the inputs of the VM that a stack has made, or was making; with ``subscriptionId``, its provider's.

        None if the stack got no further than what a VM needs.

        Raises: OperationFailed (engine) if the backend cannot be read, (timeout) if it cannot be read to its end.
        """
        deployment = self._read("stack", "export", "--stack", stack)["deployment"]
        pending = [each["resource"] for each in deployment.get("pending_operations") or ()]
        inputs = {each["type"]: each.get("inputs") or {} for each in [*(deployment.get("resources") or ()), *pending]}
        if TOKENS["vm"] not in inputs or _PROVIDER not in inputs:
            return None
        return {**inputs[TOKENS["vm"]], "subscriptionId": inputs[_PROVIDER]["subscriptionId"]}

    def _read(self, *arguments: str) -> Any:
        try:
            return json.loads(self.command.run(list(arguments), str(self.directory), {}).stdout)
        except automation.CommandError as error:
            raise OperationFailed(Failure(FailureKind.ENGINE, f"the backend cannot be read: {error}")) from None
