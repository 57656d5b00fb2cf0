"""The plan for reconciling the engine's state, from the state and from what ARM returns."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmops.engine.reconcile.plan import Ownership, Plan, Wanted, plan, unknown

KEYS = ("t:Group::a", "t:Nic::b", "t:Vm::c", "t:Disk::d")
PROVIDER: dict[str, Any] = {"subscription_id": "0"}


def entry(key: str, **more: Any) -> dict[str, Any]:
    """Give the entry of a resource that the engine made."""
    whole = {"provider": "p", "created": "then", "outputs": {"id": key}, "id": f"/{key}"}
    return {"urn": f"urn:pulumi:s::p::{key}", "type": key.partition("::")[0], **whole, **more}


def state(*known: dict[str, Any], begun: tuple[str, ...] = ()) -> dict[str, Any]:
    """Give a state with known resources and interrupted operations."""
    return {"resources": list(known), "pending_operations": [{"resource": entry(key)} for key in begun]}


def wanted(*keys: str, provider: dict[str, Any] | None = PROVIDER) -> Wanted:
    """Give the resources that a program declares."""
    return Wanted({key: f"/{key}" for key in keys}, provider=provider)


def test_a_complete_state_needs_no_change() -> None:
    """Nothing is requested, changed or refreshed."""
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
def test_an_interrupted_create_is_adopted_only_if_it_exists_and_is_ours(
    seen: Ownership, adopted: bool, cleared: bool, foreign: bool
) -> None:
    """What another has made meanwhile under that name is named, and never taken."""
    key = KEYS[2]
    made = plan(state(begun=(key,)), wanted(key, provider=None), {key: seen})
    assert (key in made.adopted, key in made.cleared, f"/{key}" in made.foreign) == (adopted, cleared, foreign)
    assert made.changes


def test_a_replacement_that_exists_is_adopted() -> None:
    """The engine died before it recorded it."""
    gone = state(entry(KEYS[2], pendingReplacement=True), begun=(KEYS[2],))
    assert unknown(gone, wanted(KEYS[2])) == {KEYS[2]: f"/{KEYS[2]}"}


def test_without_a_program_only_interrupted_creates_are_adopted() -> None:
    """The inputs of all others are unknown."""
    seen = dict.fromkeys(KEYS[:2], Ownership.OURS)
    made = plan(state(begun=(KEYS[0],)), wanted(*KEYS[:2], provider=None), seen)
    assert (list(made.adopted), made.id_only) == ([KEYS[0]], ())


def test_a_resource_adopted_by_id_must_be_completed() -> None:
    """It is in the state by its id alone."""
    made = plan(state(), wanted(KEYS[0]), {KEYS[0]: Ownership.OURS})
    assert made.id_only == (f"/{KEYS[0]}",)


def test_an_incomplete_entry_of_an_earlier_plan_must_be_completed() -> None:
    """After an interruption following the adoption, it continues there."""
    bare = entry(KEYS[0], outputs={})
    del bare["created"]
    made = plan(state(bare), wanted(KEYS[0]), {})
    assert (made.changes, made.needs_refresh, made.id_only) == (False, True, (f"/{KEYS[0]}",))


def test_an_unwanted_foreign_resource_is_ignored() -> None:
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
def test_any_plan_adopts_nothing_foreign_and_keeps_no_interrupted_operation(
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
