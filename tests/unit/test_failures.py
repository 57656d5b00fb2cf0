"""Failures: each refusal has a kind, and each kind a next step."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmops.azure.error_codes import NO_ADVICE, classify, failure_from_cloud_error
from vmops.core.errors import CloudError
from vmops.core.failures import NEXT_STEP, Failure, FailureKind

FAILURES = st.builds(Failure, st.sampled_from(FailureKind), st.text(), st.text(), st.text())
VM = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/exp1"


@pytest.mark.parametrize("kind", FailureKind)
def test_each_kind_has_a_next_step(kind: FailureKind) -> None:
    """A refusal always comes with advice."""
    assert NEXT_STEP[kind]
    assert str(Failure(kind, "why")).endswith(NEXT_STEP[kind])


def test_only_transient_kinds_are_retryable() -> None:
    """A program that calls again on the others would spin, or spend its quota of requests."""
    assert {kind.value for kind in FailureKind if Failure(kind, "why").retryable} == {
        "capacity",
        "throttled",
        "conflict",
        "locked",
        "fenced",
        "interrupted",
        "timeout",
    }


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid"),
        (401, "auth"),
        (403, "auth"),
        (404, "not_found"),
        (408, "timeout"),
        (409, "conflict"),
        (412, "invalid"),
        (429, "throttled"),
        (500, "interrupted"),
        (503, "interrupted"),
        (0, "engine"),
    ],
)
def test_an_unknown_code_is_classified_by_its_status(status: int, kind: str) -> None:
    """It gets no advice, which would be a guess."""
    failure = classify("NeverSeenBefore", "why", status=status)
    assert (failure.kind, failure.code) == (kind, "NeverSeenBefore")
    assert (failure.next_step == NO_ADVICE) is (status not in {401, 408, 429, 500, 503})


@pytest.mark.parametrize(("code", "status", "said"), [("Conflict", 409, "Conflict"), ("", 503, "HTTP 503")])
def test_a_refusal_without_message_shows_its_code_or_status(code: str, status: int, said: str) -> None:
    """A failure with an empty message would read as nothing."""
    assert classify(code, "", status=status).message == said


def test_a_missing_answer_is_interrupted() -> None:
    """The same call may succeed later."""
    failure = failure_from_cloud_error(CloudError("connection refused", resource=VM))
    assert failure == Failure(FailureKind.INTERRUPTED, "connection refused", resource=VM)


def test_a_failure_keeps_arms_code_message_and_resource() -> None:
    """Code, words and resource go into the record as ARM gave them."""
    refusal = CloudError("It is in use.", status=400, code="NicInUse", resource=VM)
    assert failure_from_cloud_error(refusal) == Failure(FailureKind.CONFLICT, "It is in use.", "NicInUse", VM)


@given(FAILURES)
def test_a_failure_is_read_back_from_json(failure: Failure) -> None:
    """The record, the CLI's output and a program's log all carry it as JSON."""
    read = Failure.from_dict(json.loads(json.dumps(failure.as_dict())))
    assert (read, read.since) == (failure, failure.since)


def test_failure_json_has_the_next_step() -> None:
    """A program that only reads the JSON needs no table of ours."""
    plain = Failure(FailureKind.QUOTA, "no cores left").as_dict()
    assert (plain["kind"], plain["retryable"], plain["nextStep"]) == ("quota", False, NEXT_STEP[FailureKind.QUOTA])


def test_a_failure_may_have_its_own_next_step() -> None:
    """It is kept in the record."""
    failure = Failure(FailureKind.CONFLICT, "it exists", step="deprovision it")
    assert str(failure) == "conflict: it exists; deprovision it"
    assert failure.as_dict()["nextStep"] == "deprovision it"
    assert Failure.from_dict(failure.as_dict()).next_step == "deprovision it"


def test_a_failure_is_one_sentence() -> None:
    """Kind, resource, reason, ARM's code and next step, in that order."""
    said = str(Failure(FailureKind.QUOTA, "No cores left.", "QuotaExceeded", "exp1"))
    assert said == f"quota: exp1: No cores left (QuotaExceeded); {NEXT_STEP[FailureKind.QUOTA]}"
    assert "(NicInUse)" not in str(Failure(FailureKind.CONFLICT, "NicInUse: it is in use", "NicInUse"))


@given(st.text())
def test_a_failures_sentence_is_one_line(message: str) -> None:
    """ARM and the engine answer with several lines."""
    assert len(str(Failure(FailureKind.ENGINE, message)).splitlines()) == 1


def test_an_arm_id_ends_the_sentence() -> None:
    """It fills a line, and text after it would be overlooked."""
    failure = Failure(FailureKind.CONFLICT, "it is in use.", "InUse", VM, step="wait")
    assert str(failure) == f"conflict: it is in use (InUse); wait [{VM}]"
    assert str(Failure(FailureKind.CONFLICT, "no", resource="Subnet s", step="wait")) == "conflict: Subnet s: no; wait"


def test_a_missing_login_names_the_login_command() -> None:
    """A refused token does not."""
    missing = CloudError("no Azure login: no credential is available", status=401, code="AuthenticationFailed")
    assert failure_from_cloud_error(missing).next_step.startswith("`az login`, or ")
    refused = CloudError("the token is of another tenant", status=401, code="AuthenticationFailed")
    assert failure_from_cloud_error(refused).next_step == NEXT_STEP[FailureKind.AUTH]
