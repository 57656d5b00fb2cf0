"""What is done to the engine's state after a death: decided from the state and from what ARM shows, nothing else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmops.engine.reconcile.plan import Ownership, Plan, Wanted, plan, unknown

KEYS = ("t:Group::a", "t:Nic::b", "t:Vm::c", "t:Disk::d")
PROVIDER: dict[str, Any] = {"subscription_id": "0"}


def entry(key: str, **more: Any) -> dict[str, Any]:
    """Give what the engine knows of a resource that it made."""
    whole = {"provider": "p", "created": "then", "outputs": {"id": key}, "id": f"/{key}"}
    return {"urn": f"urn:pulumi:s::p::{key}", "type": key.partition("::")[0], **whole, **more}


def state(*known: dict[str, Any], begun: tuple[str, ...] = ()) -> dict[str, Any]:
    """Give a state with what is known, and what the engine was at when it died."""
    return {"resources": list(known), "pending_operations": [{"resource": entry(key)} for key in begun]}


def wanted(*keys: str, provider: dict[str, Any] | None = PROVIDER) -> Wanted:
    """Give what a program declares."""
    return Wanted({key: f"/{key}" for key in keys}, provider=provider)


def test_a_state_that_is_whole_is_left_alone() -> None:
    """Nothing is asked, nothing changes, nothing is read anew."""
    whole = state(entry(KEYS[0]), entry(KEYS[1]))
    assert unknown(whole, wanted(*KEYS[:2])) == {}
    assert plan(whole, wanted(*KEYS[:2]), {}) == Plan()
    assert not plan(whole, wanted(*KEYS[:2]), {}).needs_refresh


@pytest.mark.parametrize(
    ("seen", "adopted", "cleared", "foreign"),
    [
        (Ownership.OURS, True, False, False),
        (Ownership.ABSENT, False, True, False),
        (Ownership.FOREIGN, False, True, True),
    ],
)
def test_a_create_that_was_begun_is_adopted_only_if_it_is_there_and_ours(
    seen: Ownership, adopted: bool, cleared: bool, foreign: bool
) -> None:
    """What another has made meanwhile under that name is named, and never taken."""
    key = KEYS[2]
    made = plan(state(begun=(key,)), wanted(key, provider=None), {key: seen})
    assert (key in made.adopted, key in made.cleared, f"/{key}" in made.foreign) == (adopted, cleared, foreign)
    assert made.changes


def test_what_was_deleted_to_be_made_anew_may_be_there_again() -> None:
    """The engine died before it knew: what it has is of the one before, and would refuse the one that is there."""
    gone = state(entry(KEYS[2], pendingReplacement=True), begun=(KEYS[2],))
    assert unknown(gone, wanted(KEYS[2])) == {KEYS[2]: f"/{KEYS[2]}"}


def test_without_a_program_to_complete_it_only_what_was_begun_is_adopted() -> None:
    """Of the rest nobody knows with which inputs it was made."""
    seen = dict.fromkeys(KEYS[:2], Ownership.OURS)
    made = plan(state(begun=(KEYS[0],)), wanted(*KEYS[:2], provider=None), seen)
    assert (list(made.adopted), made.id_only) == ([KEYS[0]], ())


def test_what_is_adopted_unbegun_must_be_completed() -> None:
    """It is in the state by its id alone."""
    made = plan(state(), wanted(KEYS[0]), {KEYS[0]: Ownership.OURS})
    assert made.id_only == (f"/{KEYS[0]}",)


def test_what_an_earlier_plan_left_incomplete_is_still_to_be_completed() -> None:
    """Cut off after the adoption, it goes on where it was."""
    bare = entry(KEYS[0], outputs={})
    del bare["created"]
    made = plan(state(bare), wanted(KEYS[0]), {})
    assert (made.changes, made.needs_refresh, made.id_only) == (False, True, (f"/{KEYS[0]}",))


def test_what_is_unwanted_and_foreign_is_no_obstacle() -> None:
    """Only what is intended must be ours."""
    only = Wanted({}, unwanted={KEYS[3]: "/d"}, provider=PROVIDER)
    assert plan(state(), only, {KEYS[3]: Ownership.FOREIGN}) == Plan()
    assert plan(state(), only, {KEYS[3]: Ownership.OURS}).adopted == {KEYS[3]: "/d"}


@given(
    known=st.sets(st.sampled_from(KEYS)),
    begun=st.sets(st.sampled_from(KEYS)),
    seen=st.fixed_dictionaries(dict.fromkeys(KEYS, st.sampled_from(Ownership))),
    provided=st.booleans(),
)
def test_nothing_foreign_is_adopted_and_no_begun_create_is_forgotten(
    known: set[str], begun: set[str], seen: dict[str, Ownership], provided: bool
) -> None:
    """Whatever the state lacks and whatever ARM shows."""
    before = state(*map(entry, known), begun=tuple(sorted(begun)))
    asked = wanted(*KEYS, provider=PROVIDER if provided else None)
    shown = {key: seen[key] for key in unknown(before, asked)}
    made = plan(before, asked, shown)
    assert all(shown[key] is Ownership.OURS for key in made.adopted)
    assert set(made.adopted).isdisjoint(known)
    assert begun == set(made.cleared) | (begun & set(made.adopted))
    assert set(made.foreign) == {f"/{key}" for key in shown if shown[key] is Ownership.FOREIGN}
