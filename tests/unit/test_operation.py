"""The record of an operation: its states, its handle, its JSON."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmops.core.failures import Failure, FailureKind
from vmops.jobs.operation import TERMINAL, TRANSITIONS, Operation, State, Verb, operation_id

OPERATION = Operation(
    id="7f3a",
    verb=Verb.PROVISION,
    stack="exp1-0a1b2c3d",
    cloud="local",
    subscription="00000000-0000-0000-0000-000000000000",
    resource_group="vmops-exp1",
    vm_name="exp1",
    owner="ada",
    created=1000.0,
)


def test_states_allow_only_their_transitions() -> None:
    """A deployment is queued, runs and ends once; a final state is never left."""
    assert {state.value: {after.value for after in following} for state, following in TRANSITIONS.items()} == {
        "pending": {"running", "failed"},
        "running": {"succeeded", "failed"},
        "succeeded": set(),
        "failed": set(),
    }


def test_final_states_have_no_transitions() -> None:
    """TIMED_OUT is the status of a wait, not a state."""
    assert {State.SUCCEEDED, State.FAILED} == TERMINAL
    assert "timed_out" not in set(State)


@pytest.mark.parametrize("state", State)
def test_an_operation_is_over_only_in_a_final_state(state: State) -> None:
    """Callers do not need to know the states."""
    operation = Operation(**{**vars(OPERATION), "state": state})
    assert operation.over == (state in TERMINAL)


def test_the_duration_counts_from_request_to_end() -> None:
    """It includes the queue."""
    ended = Operation(**{**vars(OPERATION), "started": 1000.5, "ended": 1012.25})
    assert (OPERATION.seconds, ended.seconds) == (0.0, 12.25)


@given(st.text(min_size=1))
def test_a_handle_gives_its_operation(name: str) -> None:
    """``asyncResultsUrl`` is all that a program in another process has."""
    operation = Operation(**{**vars(OPERATION), "id": name})
    assert operation_id(operation.handle) == name


@pytest.mark.parametrize("url", ["", "https://management.azure.com/subscriptions/s/x?api-version=1", "vmops:operation"])
def test_a_url_is_not_an_operation_handle(url: str) -> None:
    """Both are stored under the same key."""
    assert operation_id(url) is None


def test_operation_json_has_derived_values() -> None:
    """The CLI and ``status`` give it away as it is."""
    failed = Operation(**{**vars(OPERATION), "ended": 1001.0, "failure": Failure(FailureKind.QUOTA, "no cores left")})
    plain = json.loads(json.dumps(failed.as_dict()))
    assert (plain["verb"], plain["seconds"], plain["failure"]["retryable"]) == ("provision", 1.0, False)
    assert plain.keys() - vars(failed).keys() == {
        *("seconds", "vmName", "resourceGroup", "hostId", "startTicks"),
        *("createdAt", "startedAt", "endedAt", "expiresAt"),
    }
    assert not any("_" in key for key in plain)
