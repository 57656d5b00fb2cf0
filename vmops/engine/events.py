"""The engine's events: logged as they arrive, with its refusals kept.

Success is never read from events, because they change between engine versions and may be lost. The cause of a failure
is.
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
"""ARM's refusal as the azure-native provider words it. Source: pulumi-azure-native, azure client's error text."""

_TIMED_OUT = "operation timed out"
"""The provider's words for a deadline that passed. Source: pulumi-azure-native, azure client's error text."""

_EXISTS = "cannot create already existing resource"
EXISTS_ALREADY = "ExistsAlready"
"""Our code for a create that the provider refuses because the resource exists but is not in the state.

Source: pulumi-azure-native, the existence check before a create.
"""

_GONE = re.compile(
    r"Cancelling all calls|error reading from server|transport is closing|connection refused|code = Unavailable"
)
PROVIDER_GONE = "ProviderGone"
"""Our code for a provider that died while the engine was calling it. Source: gRPC's own words for UNAVAILABLE."""

_QUIET = frozenset({"same"})
_GENERIC = ("update failed", "resource operation failed", "destroy failed", "Resource monitor has terminated")
"""Beginnings of messages that report a failure without its cause. Source: the engine's words; the last are the SDK's.
"""


class EventLog:
    """Turns engine events into log lines (``resource``, ``operation``, ``seconds``); keeps the first cause of failure.

    Called from the engine's event thread. ``last_refusal`` is the last refusal by ARM, whoever received it.
    """

    def __init__(self, log: Any = None) -> None:
        self._log = log or get_logger()
        self._begun: dict[str, float] = {}
        self._causes: list[Failure] = []
        self._mutex = threading.Lock()
        self._heard = time.monotonic()
        self.last_refusal: Failure | None = None
        self.steps: list[dict[str, str]] = []

    def __call__(self, event: EngineEvent) -> None:
        """Handle one event; kinds without information are skipped."""
        self._heard = time.monotonic()
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
        return len(self._begun)

    @property
    def silence(self) -> float:
        """Give the seconds since the last event; 0 while a resource is worked on, which may take long without events.

        Source: seen with engine 3.274: between the begin and the end of a resource's create there is no event.
        """
        return 0.0 if self.in_flight else time.monotonic() - self._heard

    def forget(self) -> None:
        """Reset: an engine starts."""
        with self._mutex:
            self._causes.clear()
        self._begun.clear()
        self._heard = time.monotonic()

    def meet(self, refusal: Failure) -> None:
        """Record a refusal by ARM; a timeout reports it."""
        self.last_refusal = refusal

    @property
    def causes(self) -> list[Failure]:
        """Give why the engine failed: ARM's own refusals first, then the engine's words."""
        with self._mutex:
            return sorted(self._causes, key=lambda cause: (not cause.code, cause.message.startswith(_GENERIC)))

    def cause(self, fallback: str) -> Failure:
        """Give the first of them, else ``fallback``."""
        return next(iter(self.causes), Failure(FailureKind.ENGINE, fallback))

    def _begin(self, metadata: Any) -> None:
        if metadata.op in _QUIET or not short_name(metadata.urn):
            return
        self._begun[metadata.urn] = time.monotonic()
        self.steps.append({"operation": metadata.op.value, "resource": short_name(metadata.urn)})
        self._log.info("resource_begun", resource=short_name(metadata.urn), operation=metadata.op.value)

    def _end(self, metadata: Any, *, failed: bool = False) -> None:
        begun = self._begun.pop(metadata.urn, None)
        if begun is None and not failed:
            return
        seconds = round(time.monotonic() - begun, 3) if begun else 0.0
        event = "resource_failed" if failed else "resource_done"
        self._log.info(event, resource=short_name(metadata.urn), operation=metadata.op.value, seconds=seconds)

    def _refuse(self, urn: str, message: str) -> None:
        failure = read_refusal(message, resource=short_name(urn))
        with self._mutex:
            self._causes.append(failure)
        if failure.code:
            self.meet(failure)
        self._log.error("resource_refused", resource=failure.resource, kind=str(failure.kind), message=failure.message)


def read_refusal(message: str, resource: str = "") -> Failure:
    """Read a provider's error text: ARM's code and message if it contains them, else the whole text."""
    if _EXISTS in message:
        return Failure(FailureKind.CONFLICT, message.strip(), EXISTS_ALREADY, resource)
    if _GONE.search(message):
        return Failure(FailureKind.INTERRUPTED, f"the provider died: {message.strip()}", PROVIDER_GONE, resource)
    found = _REFUSAL.search(message)
    if not found:
        text = re.sub(r"\x1b\[[0-9;]*m|<\{%\w+%\}>", "", message).strip()
        return Failure(FailureKind.TIMEOUT if _TIMED_OUT in text else FailureKind.ENGINE, text, resource=resource)
    return classify(found["code"] or "", found["message"], status=int(found["status"]), resource=resource)
