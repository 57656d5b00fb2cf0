"""The stand-in for azure-native, called in this process with the messages of its protocol."""

from collections.abc import Callable
from typing import Any

from pulumi.runtime.proto import provider_pb2 as protocol

from tests.simulation.goals import clear
from vmops.core.errors import VmopsError
from vmops.local.provider.arm import Arm
from vmops.local.provider.crud import InitFailed, explain
from vmops.local.provider.messages import properties, struct
from vmops.local.provider.resources import Resources
from vmops.local.provider.sessions import Caller, Session, Sessions

_PEER = "ipv4:127.0.0.1:1"


class Refused(Exception):
    """The provider refused."""


class HalfMade(Exception):
    """A resource exists and is not ready."""

    def __init__(self, failed: InitFailed) -> None:
        self.id, self.inputs, self.outputs, self.reason = failed.arm_id, failed.inputs, failed.outputs, str(failed)
        super().__init__(self.reason)


class Provider:
    """One engine's provider; values are plain, with plain secrets."""

    def __init__(self, arm: Arm, subscription: str) -> None:
        self._resources, sessions = Resources(arm), Sessions()
        self._session = sessions._sessions[_PEER] = Session(subscription)
        self._caller = Caller(_PEER, lambda: True, sessions)

    def cancel(self) -> None:
        """End every wait, now and from now on."""
        self._session.cancelled.set()

    def check(self, kind: str, name: str, olds: Any, news: Any) -> dict[str, Any]:
        """Fill in what the program left out. Raises: Refused."""
        request = protocol.CheckRequest(type=kind, name=name, olds=struct(clear(olds)), news=struct(clear(news)))
        answer = self._ask(self._resources.check, request)
        if answer.failures:
            raise Refused("; ".join(failure.reason for failure in answer.failures))
        return properties(answer.inputs)

    def diff(self, kind: str, entry: Any, news: Any) -> protocol.DiffResponse:
        """Compare declared inputs with the former ones."""
        request = protocol.DiffRequest(
            id=entry["id"],
            type=kind,
            olds=struct(clear(entry.get("outputs") or {})),
            old_inputs=struct(clear(entry.get("inputs") or {})),
            news=struct(clear(news)),
        )
        return self._resources.diff(request, self._caller)

    def create(self, kind: str, inputs: Any) -> tuple[str, dict[str, Any]]:
        """Create a resource. Raises: Refused, HalfMade."""
        request = protocol.CreateRequest(type=kind, properties=struct(clear(inputs)))
        made = self._ask(self._resources.create, request)
        return made.id, properties(made.properties)

    def update(self, kind: str, entry: Any, inputs: Any) -> dict[str, Any]:
        """Update a resource in place. Raises: Refused, HalfMade."""
        olds = struct(clear(entry.get("outputs") or {}))
        request = protocol.UpdateRequest(id=entry["id"], type=kind, olds=olds, news=struct(clear(inputs)))
        return properties(self._ask(self._resources.update, request).properties)

    def read(self, entry: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Read a resource: its inputs and outputs; None if it is gone. Raises: Refused."""
        request = protocol.ReadRequest(
            id=entry["id"],
            type=entry["type"],
            properties=struct(clear(entry.get("outputs") or {})),
            inputs=struct(clear(entry.get("inputs") or {})),
        )
        found = self._ask(self._resources.read, request)
        return (properties(found.inputs), properties(found.properties)) if found.id else None

    def delete(self, entry: Any) -> None:
        """Delete a resource; an absent one counts as deleted."""
        self._ask(self._resources.delete, protocol.DeleteRequest(id=entry["id"], type=entry["type"]))

    def _ask(self, call: Callable[[Any, Caller], Any], request: Any) -> Any:
        try:
            return call(request, self._caller)
        except InitFailed as failed:
            raise HalfMade(failed) from failed
        except VmopsError as error:
            raise Refused(explain(error)) from error
