"""The timeline of a deployment, from its record and its log."""

from dataclasses import replace

from vmops.core.times import format_utc
from vmops.jobs.operation import Operation, State, Verb
from vmops.ops.timeline import spans

RUNNING = Operation(
    *("1", Verb.PROVISION, "vm-1", "local", "s", "rg", "vm", "ada"), state=State.RUNNING, created=1000.0, started=1002.0
)
ENDED = replace(RUNNING, state=State.SUCCEEDED, ended=1010.0)


def event(kind: str, at: float, resource: str = "Subnet s") -> dict[str, str]:
    return {"event": kind, "timestamp": format_utc(at), "resource": resource, "operation": "create"}


BEGUN, DONE = event("resource_begun", 1003), event("resource_done", 1005)


def told(operation: Operation, *events: dict[str, str]) -> list[tuple[str, float, float, str]]:
    return [(each.kind, each.start, each.end, each.state) for each in spans(operation, events)]


def test_the_timeline_covers_call_to_end() -> None:
    """Queue, preflight, resources and readiness; without the engine's own provider."""
    provider = event("resource_begun", 1002, "azure-native azure")
    assert told(ENDED, provider, BEGUN, DONE, {"event": "ended"}) == [
        ("queue", 1000.0, 1002.0, "done"),
        ("survey", 1002.0, 1003.0, "done"),
        ("resource", 1003.0, 1005.0, "done"),
        ("checks", 1005.0, 1010.0, "done"),
    ]


def test_a_running_step_has_no_end() -> None:
    """It is drawn up to now."""
    assert told(replace(RUNNING, started=0.0)) == [("queue", 1000.0, 0.0, "running")]
    assert told(RUNNING)[-1] == ("survey", 1002.0, 0.0, "running")
    assert told(RUNNING, BEGUN)[-1] == ("resource", 1003.0, 0.0, "running")
    assert told(RUNNING, BEGUN, DONE)[-1] == ("checks", 1005.0, 0.0, "running")


def test_unfinished_steps_of_a_dead_worker_have_failed() -> None:
    """So has what the engine says has failed."""
    dead = replace(ENDED, state=State.FAILED)
    assert told(dead, BEGUN)[-1] == ("resource", 1003.0, 1010.0, "failed")
    failed = event("resource_failed", 1004)
    assert ("resource", 1003.0, 1004.0, "failed") in told(dead, BEGUN, failed)
