"""The record of a deployment: where it may stand, how it is named, how it is shown."""

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


def test_every_state_says_what_may_follow() -> None:
    """A deployment begins, runs, and ends once: nothing follows an end, and no end comes without a beginning."""
    assert {state.value: {after.value for after in following} for state, following in TRANSITIONS.items()} == {
        "pending": {"running", "failed"},
        "running": {"succeeded", "failed"},
        "succeeded": set(),
        "failed": set(),
    }


def test_the_ends_are_those_that_nothing_follows() -> None:
    """A waiter stops at these; TIMED_OUT, its own verdict, is no state."""
    assert {State.SUCCEEDED, State.FAILED} == TERMINAL
    assert "timed_out" not in set(State)


@pytest.mark.parametrize("state", State)
def test_an_operation_is_over_in_an_end_only(state: State) -> None:
    """Whoever asks must not have to know the states."""
    operation = Operation(**{**vars(OPERATION), "state": state})
    assert operation.over == (state in TERMINAL)


def test_it_took_from_being_asked_for_to_its_end() -> None:
    """The caller's waiting counts, the worker's start too; what is not over has no length yet."""
    ended = Operation(**{**vars(OPERATION), "started": 1000.5, "ended": 1012.25})
    assert (OPERATION.seconds, ended.seconds) == (0.0, 12.25)


@given(st.text(min_size=1))
def test_a_handle_leads_back_to_its_operation(name: str) -> None:
    """``asyncResultsUrl`` is all that a program in another process has."""
    operation = Operation(**{**vars(OPERATION), "id": name})
    assert operation_id(operation.handle) == name


@pytest.mark.parametrize("url", ["", "https://management.azure.com/subscriptions/s/x?api-version=1", "vmops:operation"])
def test_an_url_is_no_handle_of_ours(url: str) -> None:
    """Both kinds come under one key: they must not be mistaken for each other."""
    assert operation_id(url) is None


def test_it_is_shown_as_json_with_what_is_derived() -> None:
    """The CLI and ``status`` give it away as it is."""
    failed = Operation(**{**vars(OPERATION), "ended": 1001.0, "failure": Failure(FailureKind.QUOTA, "no cores left")})
    plain = json.loads(json.dumps(failed.as_dict()))
    assert (plain["verb"], plain["seconds"], plain["failure"]["retryable"]) == ("provision", 1.0, False)
    assert plain.keys() - vars(failed).keys() == {
        *("seconds", "vmName", "resourceGroup", "hostId", "startTicks"),
        *("createdAt", "startedAt", "endedAt", "expiresAt"),
    }
    assert not any("_" in key for key in plain)
