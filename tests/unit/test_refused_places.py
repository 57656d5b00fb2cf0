"""The recorded objections to places of a subscription."""

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
    """Give the objections of a refusal: a hard and a soft one."""
    search = Search([D4])
    search.refused(D4, NO_ROOM, time.time())
    return search.objections


def test_objections_are_shared_by_all_vms(refused: RefusedPlaces, tmp_path: Path) -> None:
    """A repeated objection is kept once, with the newer end."""
    learnt = met()
    refused.add(learnt)
    refused.add(learnt)
    assert Store(tmp_path).refused("local", "0").known() == learnt
    assert refused.known() == learnt
    assert Store(tmp_path).refused("local", "1").known() == []


def test_objections_to_a_place_are_forgotten_after_a_success(refused: RefusedPlaces) -> None:
    """Others stay; without a place all are forgotten."""
    elsewhere = [Objection(each.block, each.code, each.reason, each.until) for each in met()]
    search = Search([away := Place("Standard_D4s_v5", "eastus")])
    search.refused(away, NO_ROOM, time.time())
    refused.add([*elsewhere, *search.objections])
    assert refused.forget(D4) == elsewhere
    assert refused.known() == search.objections
    assert refused.forget() == search.objections
    assert refused.known() == []


def test_expired_objections_are_removed(refused: RefusedPlaces) -> None:
    """They are deleted when another refusal is stored."""
    search = Search([D4])
    search.refused(D4, NO_ROOM, time.time() - 24 * 3600)
    refused.add(search.objections)
    assert refused.known() == []
    refused.add([])
    assert refused.forget() == []


def test_a_place_is_noted_only_by_the_worker_that_knows_the_last_one(tmp_path: Path) -> None:
    """Of two workers of one operation only one continues."""
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
