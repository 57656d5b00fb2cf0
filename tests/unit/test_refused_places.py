"""What is remembered of refusals: by all VMs of a subscription, until it ends, or until a VM was made there."""

import time
from pathlib import Path

import pytest

from vmops.core.failures import Failure, FailureKind
from vmops.jobs.operation import Operation, State, Verb
from vmops.jobs.refused import RefusedPlaces
from vmops.jobs.store import Store
from vmops.placement.place import Hardware, Place
from vmops.placement.search import Objection, Search

D4 = Place("Standard_D4s_v5", "westus2", "1", hardware=Hardware("standardDSv5Family", 4))
NO_ROOM = Failure(FailureKind.CAPACITY, "Allocation failed.", "ZonalAllocationFailed")


@pytest.fixture
def refused(tmp_path: Path) -> RefusedPlaces:
    return Store(tmp_path).refused("local", "0")


def met() -> list[Objection]:
    """Give what is learnt from a refusal: a hard and a soft objection."""
    search = Search([D4])
    search.refused(D4, NO_ROOM, time.time())
    return search.objections


def test_what_was_refused_is_known_to_all_that_share_the_records(refused: RefusedPlaces, tmp_path: Path) -> None:
    """As it was learnt; met again, it is known once, and as long as the newer says."""
    learnt = met()
    refused.add(learnt)
    refused.add(learnt)
    assert Store(tmp_path).refused("local", "0").known() == learnt
    assert refused.known() == learnt
    assert Store(tmp_path).refused("local", "1").known() == []


def test_it_is_forgotten_once_a_vm_was_made_there(refused: RefusedPlaces) -> None:
    """And what speaks against other places is not; without a place all is."""
    elsewhere = [Objection(each.block, each.code, each.reason, each.until) for each in met()]
    search = Search([away := Place("Standard_D4s_v5", "eastus")])
    search.refused(away, NO_ROOM, time.time())
    refused.add([*elsewhere, *search.objections])
    assert refused.forget(D4) == elsewhere
    assert refused.known() == search.objections
    assert refused.forget() == search.objections
    assert refused.known() == []


def test_what_has_ended_is_no_longer_known(refused: RefusedPlaces) -> None:
    """Nor kept, once something else is."""
    search = Search([D4])
    search.refused(D4, NO_ROOM, time.time() - 24 * 3600)
    refused.add(search.objections)
    assert refused.known() == []
    refused.add([])
    assert refused.forget() == []


def test_a_place_is_noted_by_whoever_knows_the_one_before(tmp_path: Path) -> None:
    """Of two workers of one operation only one goes on, and none once it is over."""
    store, place = Store(tmp_path), {"exp1": {"vmSize": "Standard_B2s"}}
    store.insert(Operation("1", Verb.PROVISION, "exp1-0a1b2c3d", "local", "0", "vmops-exp1", "exp1", "ada"))
    assert not store.place("1", place, {})
    assert store.transition("1", State.RUNNING)
    assert store.place("1", place, {})
    assert not store.place("1", {}, {})
    assert (found := store.get("1"))
    assert found.places == place
    assert store.place("1", {}, place)
    assert store.transition("1", State.SUCCEEDED)
    assert not store.place("1", place, {})
