"""The list of VMs, against a cloud at the wire: Azure's values, owners, and rows from records."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.functional.world import HERS, OURS, SPEC, VM, World, quick_world
from vmops.core.failures import Failure, FailureKind
from vmops.jobs.operation import Operation, State, Verb
from vmops.ops.listing import Lister, Listing
from vmops.ops.standing import standing

PLACE = (SPEC.cloud, SPEC.subscription)
MADE = Operation(
    *("1", Verb.PROVISION, SPEC.stack, SPEC.cloud, SPEC.subscription, "rg", "vm", "ada"),
    state=State.SUCCEEDED,
    created=1000.0,
)
QUOTA, CUT_OFF = (Failure(kind, "why") for kind in (FailureKind.QUOTA, FailureKind.INTERRUPTED))
REFUSED = replace(MADE, id="2", state=State.FAILED, failure=QUOTA)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with quick_world(tmp_path) as world:
        yield world


def no_price(*_: str | None) -> None:
    """Give no price."""


def take(world: World, *records: Operation, owner: str = "ada", gone: bool = False) -> Listing:
    """List the VMs of an owner, with the newest record of each."""
    lister = Lister({}, owner, {each.stack: each for each in records}, lambda _: [], no_price)
    return lister.take({PLACE: lambda: world.arm}, gone=gone)


def stands(found: Listing) -> list[tuple[Any, ...]]:
    return [(each["vmName"], each["power"], each["standing"]) for each in found.vms]


def test_listing_shows_azures_values(world: World) -> None:
    """No record is needed. Without VMs of ours one list is enough."""
    assert (take(world).vms, len(world.journal.asked)) == ([], 1)
    world.put_machine(OURS)
    world.journal.asked.clear()
    found = take(world)
    assert stands(found) == [("vm", "running", "provisioned")]
    assert (found.live, len(world.journal.asked)) == (True, 4)
    (row,) = found.vms
    assert (row["stack"], row["privateIp"], row["expires"]) == (SPEC.stack, "10.0.0.4", None)


def test_listing_omits_other_owners_and_copied_tags(world: World) -> None:
    """A policy may copy tags to other VMs; their stack tag does not match their name."""
    world.put_machine({**HERS, "vmops-owner": "ada"})
    assert take(world).vms == []
    world.send("PATCH", VM, {"tags": {**OURS, "vmops-owner": "grace"}})
    assert take(world).vms == []
    assert [each["owner"] for each in take(world, owner="").vms] == ["grace"]


def test_listing_adds_recorded_vms(world: World) -> None:
    """VMs that are queued, failed, or deleted by others are listed; removed ones only on request."""
    assert stands(take(world, MADE)) == [("vm", None, "missing")]
    assert stands(take(world, REFUSED)) == [("vm", None, "provision failed")]
    assert stands(take(world, replace(MADE, state=State.PENDING))) == [("vm", None, "provision queued")]
    removed = replace(MADE, verb=Verb.DEPROVISION)
    assert (take(world, removed).vms, take(world, removed).hidden) == ([], 1)
    assert stands(take(world, removed, gone=True)) == [("vm", None, "gone")]
    assert take(world, MADE, owner="grace").vms == []


@pytest.mark.parametrize(
    ("life", "provisioning", "stands"),
    [
        ([], "succeeded", "provisioned"),
        ([], "creating", "provision in flight"),
        ([REFUSED, MADE], "succeeded", "provisioned"),
        ([REFUSED, REFUSED, MADE], "succeeded", "provisioned"),
        ([REFUSED], "succeeded", "provision failed"),
        ([REFUSED, MADE], "failed", "provision failed"),
        ([replace(REFUSED, failure=CUT_OFF), MADE], "succeeded", "provision failed"),
        ([replace(MADE, state=State.RUNNING), MADE], "succeeded", "provision in flight"),
    ],
)
def test_a_refused_call_keeps_the_listed_standing(life: list[Operation], provisioning: str, stands: str) -> None:
    """An interrupted call does not keep it: half of the change may have been made."""
    assert standing(life, provisioning) == stands
