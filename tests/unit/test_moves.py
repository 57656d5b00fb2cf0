"""Whether a failure lets a VM be moved to another place."""

from typing import Any

import pytest

from vmops.core.failures import Failure, FailureKind
from vmops.deploy import first_run, moves
from vmops.engine.events import ENGINE_LOST, PROVIDER_GONE
from vmops.placement.refusals import Next

NOTHING: Any = None


@pytest.mark.parametrize("never_ran", [True, False])
@pytest.mark.parametrize(
    ("following", "code", "moves_on"),
    [
        (Next.MOVE, "SkuNotAvailable", True),
        (Next.AGAIN, "InternalOperationError", True),
        (Next.AGAIN, "", False),
        (Next.AGAIN, PROVIDER_GONE, False),
        (Next.AGAIN, ENGINE_LOST, False),
    ],
)
def test_only_a_refusal_of_arm_moves_a_vm(
    monkeypatch: pytest.MonkeyPatch, following: Next, code: str, *, moves_on: bool, never_ran: bool
) -> None:
    """And only a VM that has never run; a process that died says nothing about the place."""
    monkeypatch.setattr(first_run, "has_never_run", lambda *_: never_ran)
    failure = Failure(FailureKind.INTERRUPTED, "why", code)
    assert moves.may_move(NOTHING, NOTHING, following, failure) is (moves_on and never_ran)
