"""The timeline of a deployment: the queue, the survey, each resource, and the final checks."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vmops.core import times
from vmops.core.log_reader import instant
from vmops.jobs.operation import Operation

Event = Mapping[str, Any]

_STEPS = frozenset({"resource_begun", "resource_done", "resource_failed"})


def is_provider(resource: str) -> bool:
    """Tell whether a resource is the engine's own provider, which is not part of the VM."""
    return resource.startswith("azure-native ")


def is_step(event: Event) -> bool:
    """Tell whether an event marks the beginning or the end of work on a resource."""
    return event["event"] in _STEPS and not is_provider(event["resource"])


@dataclass(frozen=True)
class Span:
    """One step of a deployment, of a ``kind`` (queue, survey, resource, checks), in seconds since the epoch.

    ``end`` is 0 while it lasts.
    """

    kind: str
    name: str
    start: float
    end: float = 0.0
    failed: bool = False

    @property
    def state(self) -> str:
        """Give its state: running, done or failed."""
        return "failed" if self.failed else "done" if self.end else "running"

    @property
    def seconds(self) -> float:
        """Give the seconds that it took, or has taken so far."""
        return max((self.end or time.time()) - self.start, 0.0)

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain JSON."""
        step = {"kind": self.kind, "name": self.name, "state": self.state, "seconds": round(self.seconds, 3)}
        return {**step, "start": self.start, "startAt": times.utc_or_none(self.start), "end": self.end or None}


def spans(operation: Operation, events: Sequence[Event]) -> list[Span]:
    """Give the steps of a deployment, sorted by their start, from its record and its log."""
    steps = list(_steps([event for event in events if is_step(event)], operation.ended))
    started, ended = operation.started, operation.ended
    found = [Span("queue", "waits in the queue", operation.created, started or ended)]
    if started:
        first = min((each.start for each in steps), default=ended)
        found.append(Span("survey", "reads what exists", started, first))
    last = max((each.end for each in steps), default=0.0)
    if steps and last and all(each.end for each in steps) and last < (ended or last + 1):
        steps.append(Span("checks", "checks the result", last, ended))
    return [*found, *steps]


def _steps(events: Sequence[Event], ended: float) -> Iterator[Span]:
    """Pair the start of each step with its end. A step without an end, in a deployment that has ended, has failed."""
    for number, event in enumerate(events):
        if event["event"] == "resource_begun":
            last = next((each for each in events[number + 1 :] if _is_end(each, event)), None)
            failed = last is not None and last["event"] == "resource_failed"
            end = instant(last) if last else ended
            name = f"{event['resource']} {event['operation']}"
            yield Span("resource", name, instant(event), end, failed or (last is None and bool(ended)))


def _is_end(event: Event, begin: Event) -> bool:
    same = all(event[name] == begin[name] for name in ("resource", "operation"))
    return event["event"] != "resource_begun" and same
