"""Logs the engine's events as they arrive, and keeps the causes of failures.

Success is never read from events, because they change between engine versions and may be lost. Only the cause of a
failure is.
"""

import re
import threading
import time
from typing import Any

from pulumi.automation import EngineEvent

from vmops.azure.error_codes import classify
from vmops.core.failures import Failure, FailureKind
from vmops.core.log import get_logger
from vmops.spec.names import short_name

_REFUSAL = re.compile(r'Status=(?P<status>\d+)(?: Code="(?P<code>\w+)")? Message="(?P<message>.*)"', re.DOTALL)
"""The text of an ARM refusal from the azure-native provider. Source: pulumi-azure-native, azure client's error text."""

_TIMED_OUT = "operation timed out"
"""The provider's text for a timeout. Source: pulumi-azure-native, azure client's error text."""

_EXISTS = "cannot create already existing resource"
EXISTS_ALREADY = "ExistsAlready"
"""Our code for a create that the provider refuses because the resource exists but is not in the state.

Source: pulumi-azure-native, the existence check before a create.
"""

_GONE = re.compile(
    r"Cancelling all calls|error reading from server|transport is closing|connection refused|code = Unavailable"
)
PROVIDER_GONE = "ProviderGone"
"""Our code for a provider that died during a call of the engine. Source: gRPC's messages for UNAVAILABLE."""

_LOST = "Resource monitor has terminated"
ENGINE_LOST = "EngineLost"
"""Our code for a program that could not reach its engine.

Source: Pulumi's SDK reports so that a call to the engine was answered by gRPC's UNAVAILABLE.
"""

NOT_BY_ARM = frozenset({"", PROVIDER_GONE, ENGINE_LOST})
"""The codes of failures that are no refusal of ARM."""

_QUIET = frozenset({"same"})
_GENERIC = ("update failed", "resource operation failed", "destroy failed")
"""Prefixes of the engine's messages that report a failure without its cause."""


class EventLog:
    """Turns engine events into log lines (``resource``, ``operation``, ``seconds``); keeps the causes of failures.

    Called from the engine's event thread. ``last_refusal`` is ARM's last refusal, to the engine or to vmops.
    """

    def __init__(self, log: Any = None) -> None:
        self._log = log or get_logger()
        self._started: dict[str, float] = {}
        self._causes: list[Failure] = []
        self._mutex = threading.Lock()
        self._last_event = time.monotonic()
        self.last_refusal: Failure | None = None
        self.steps: list[dict[str, str]] = []

    def __call__(self, event: EngineEvent) -> None:
        """Handle one event; kinds that say nothing about a resource are skipped."""
        self._last_event = time.monotonic()
        if event.resource_pre_event:
            self._begin(event.resource_pre_event.metadata)
        elif event.res_outputs_event:
            self._end(event.res_outputs_event.metadata)
        elif event.res_op_failed_event:
            self._end(event.res_op_failed_event.metadata, failed=True)
        elif event.diagnostic_event and event.diagnostic_event.severity == "error":
            self._refuse(event.diagnostic_event.urn or "", event.diagnostic_event.message)

    @property
    def in_flight(self) -> int:
        """Count the resource operations that have started and not ended."""
        return len(self._started)

    @property
    def idle_seconds(self) -> float:
        """Give the seconds since the last event; 0 while an operation on a resource is in flight.

        Source: seen with engine 3.274: there is no event between the start and the end of a resource's create.
        """
        return 0.0 if self.in_flight else time.monotonic() - self._last_event

    def forget(self) -> None:
        """Reset everything before an engine starts."""
        with self._mutex:
            self._causes.clear()
        self._started.clear()
        self._last_event = time.monotonic()

    def note_refusal(self, refusal: Failure) -> None:
        """Record a refusal by ARM; a timeout reports it."""
        self.last_refusal = refusal

    @property
    def causes(self) -> list[Failure]:
        """Give the causes of the engine's failure: ARM's refusals first, generic messages last."""
        with self._mutex:
            return sorted(self._causes, key=lambda cause: (_is_generic(cause), not cause.code))

    def cause(self, fallback: str) -> Failure:
        """Give the first cause, else one with the message ``fallback``."""
        return next(iter(self.causes), Failure(FailureKind.ENGINE, fallback))

    def _begin(self, metadata: Any) -> None:
        if metadata.op in _QUIET or not short_name(metadata.urn):
            return
        self._started[metadata.urn] = time.monotonic()
        self.steps.append({"operation": metadata.op.value, "resource": short_name(metadata.urn)})
        self._log.info("resource_begun", resource=short_name(metadata.urn), operation=metadata.op.value)

    def _end(self, metadata: Any, *, failed: bool = False) -> None:
        started = self._started.pop(metadata.urn, None)
        if started is None and not failed:
            return
        seconds = round(time.monotonic() - started, 3) if started else 0.0
        event = "resource_failed" if failed else "resource_done"
        self._log.info(event, resource=short_name(metadata.urn), operation=metadata.op.value, seconds=seconds)

    def _refuse(self, urn: str, message: str) -> None:
        failure = read_refusal(message, resource=short_name(urn))
        with self._mutex:
            self._causes.append(failure)
        if failure.code and not _is_generic(failure):
            self.note_refusal(failure)
        self._log.error("resource_refused", resource=failure.resource, kind=str(failure.kind), message=failure.message)


def _is_generic(cause: Failure) -> bool:
    """Tell whether any other cause explains a failure better."""
    return cause.code == ENGINE_LOST or cause.message.startswith(_GENERIC)


def read_refusal(message: str, resource: str = "") -> Failure:
    """Parse a provider's error text: ARM's code and message if it contains them, else the whole text."""
    if _EXISTS in message:
        return Failure(FailureKind.CONFLICT, message.strip(), EXISTS_ALREADY, resource)
    if _LOST in message:
        return Failure(FailureKind.INTERRUPTED, f"the program lost the engine: {message}", ENGINE_LOST, resource)
    if _GONE.search(message):
        return Failure(FailureKind.INTERRUPTED, f"the provider died: {message.strip()}", PROVIDER_GONE, resource)
    found = _REFUSAL.search(message)
    if not found:
        text = re.sub(r"\x1b\[[0-9;]*m|<\{%\w+%\}>", "", message).strip()
        return Failure(FailureKind.TIMEOUT if _TIMED_OUT in text else FailureKind.ENGINE, text, resource=resource)
    return classify(found["code"] or "", found["message"], status=int(found["status"]), resource=resource)
