"""Ownership before a deployment: our own resources, external ones, and foreign ones."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.arm import GROUP
from tests.functional.world import HERS, NSG, OURS, SPEC, Tags, World, quick_world, refused, spec_of
from vmops.azure.ownership import Claim
from vmops.core.failures import FailureKind
from vmops.deploy import survey
from vmops.spec.vm_spec import VmSpec


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with quick_world(tmp_path) as world:
        yield world


def claim(spec: VmSpec = SPEC) -> Claim:
    return Claim(spec.identity, "ada", dict.fromkeys(map(str.lower, spec.own_ids()), ""))


def test_preflight_without_resources_uses_none(world: World) -> None:
    """An absent group will be ours."""
    assert survey.preflight(world.arm, spec_of(), claim()) == survey.Preflight(frozenset(), "westus2")


def test_preflight_uses_existing_external_resources(world: World) -> None:
    """A named resource that somebody else made is neither changed nor deleted."""
    world.put(GROUP)
    world.put_network(HERS)
    world.put(NSG)
    named = spec_of(virtualNetworkName="net", subnetName="sub", networkSecurityGroupName="nsg")
    assert survey.preflight(world.arm, named, claim(named)).external == {"group", "network", "subnet", "security_group"}
    new = spec_of(virtualNetworkName="net", subnetName="new", networkSecurityGroupName="other")
    assert survey.preflight(world.arm, new, claim(new)).external == {"group", "network"}


def test_preflight_declares_our_own_resources(world: World) -> None:
    """A second provision recognises the resources of the first."""
    world.put_machine(OURS)
    spec = spec_of(virtualNetworkName="net", subnetName="sub")
    found = survey.preflight(world.arm, spec, claim(spec))
    assert (found.external, found.machine is None) == (frozenset(), False)


def test_the_default_location_is_that_of_the_group(world: World) -> None:
    """A new group requires a location."""
    nowhere = spec_of().model_copy(update={"location": None})
    with refused(FailureKind.INVALID, "location: needed, because the resource group rg is new"):
        survey.preflight(world.arm, nowhere, claim())
    world.put(GROUP)
    assert survey.preflight(world.arm, nowhere, claim()).location == "westus2"


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"location": "northeurope"}, "location: the VM has westus2 and cannot be changed to northeurope"),
        ({"zone": "2"}, "zone: the VM has none and cannot be changed to 2"),
        (
            {"priority": "Spot", "vmSize": "Standard_D2s_v5"},
            "priority: the VM has Regular and cannot be changed to Spot",
        ),
    ],
)
def test_a_changed_immutable_value_is_refused_with_both_values(world: World, params: Tags, words: str) -> None:
    """Before the engine runs; the next step is to deprovision."""
    world.put_machine(OURS)
    with refused(FailureKind.IMMUTABLE, words, "deprovision first"):
        survey.preflight(world.arm, spec_of(**params), claim())
