"""Size, location, zone and priority as lists."""

from typing import Any

import pytest

from vmops.core.errors import SpecError
from vmops.deploy.placed import candidates, home_of
from vmops.spec import fleet
from vmops.spec.vm_spec import VmSpec

KEY = bytes(range(32))
D4, A4, ARM = "Standard_D4s_v5", "Standard_D4as_v5", "Standard_D4ps_v5"
EVERYWHERE: dict[str, Any] = {
    "vmSize": f"{D4}, {A4},{D4}",
    "location": ["West US 2", "eastus"],
    "zone": "any",
    "priority": "spotThenRegular",
}


def spec_of(**params: object) -> VmSpec:
    return VmSpec.from_params({"vmName": "exp1", **params})


def test_lists_are_read_from_text_or_lists() -> None:
    """Without duplicates, in order of preference; at first the VM is in the first place."""
    spec = spec_of(**EVERYWHERE)
    assert spec.lists == {
        "vmSize": (D4, A4),
        "location": ("westus2", "eastus"),
        "zone": ("1", "2", "3"),
        "priority": ("Spot", "Regular"),
    }
    assert (spec.vm_size, spec.location, spec.zone, spec.priority) == (D4, "westus2", "1", "Spot")
    assert VmSpec.from_wire(spec.to_wire()).canonical() == spec.canonical()
    assert VmSpec.from_wire(spec.to_wire()).lists == spec.lists


def test_a_list_of_one_equals_its_item() -> None:
    """It has the same digest."""
    alone = spec_of(vmSize=[D4], location="westus2,", zone=[2], priority="Regular,regular")
    assert (alone.lists, alone.digest(KEY)) == ({}, spec_of(vmSize=D4, zone="2").digest(KEY))


def test_the_digest_covers_the_requested_lists() -> None:
    """Not the chosen place, nor ``prefer``."""
    spec = spec_of(**EVERYWHERE)
    assert spec.digest(KEY) == spec_of(**EVERYWHERE, prefer="price").digest(KEY)
    assert spec.digest(KEY) == spec_of(**{**EVERYWHERE, "zone": "1,2,3", "priority": ["Spot", "Regular"]}).digest(KEY)
    others = [{"vmSize": f"{A4},{D4}"}, {"vmSize": D4}, {"zone": "1"}, {"zone": "spread"}, {"priority": "Regular"}]
    assert len({spec.digest(KEY), *(spec_of(**{**EVERYWHERE, **other}).digest(KEY) for other in others)}) == 6


def test_names_have_a_suffix_only_outside_the_first_location() -> None:
    """Elsewhere all names except the VM's end with the location, so the first place's resources may still exist."""
    spec = spec_of(**EVERYWHERE, dataDisks=[8])
    here, there = spec.at(A4, "westus2", "2", "Regular", "westus2"), spec.at(D4, "eastus", None, "Spot", "westus2")
    assert here.ids() == spec_of(vmSize=A4, zone=2, dataDisks=[8]).ids()
    assert {role: arm_id.rpartition("/")[2] for role, arm_id in there.ids().items()} == {
        "group": "vmops-exp1",
        "network": "exp1-vnet-eastus",
        "subnet": "exp1-subnet-eastus",
        "security_group": "exp1-nsg-eastus",
        "address": "exp1-ip-eastus",
        "nic": "exp1-nic-eastus",
        "vm": "exp1",
        "os_disk": "exp1-osdisk-eastus",
        "data_disk_0": "exp1-data-0-eastus",
    }
    assert there.named_roles == frozenset()
    sent = VmSpec.from_wire(there.to_wire())
    assert (sent.ids(), sent.lists, sent.moves) == (there.ids(), {}, frozenset(EVERYWHERE))


def test_names_with_a_location_suffix_are_recognised() -> None:
    """Also without records; names of other VMs are not."""
    spec = spec_of(**EVERYWHERE, dataDisks=[8])
    placed = spec.at(D4, "eastus", None, "Regular", "westus2")
    assert all(spec.identity.names(arm_id) for role, arm_id in placed.ids().items() if role not in {"group", "subnet"})
    for other in ("exp1-nic", "exp1-ip", "exp2", "exp1-data"):
        theirs = VmSpec.from_params({"vmName": other, "resourceGroup": "vmops-exp1", "dataDisks": [8]})
        assert not [each for each in theirs.own_ids() if spec.identity.names(each)]


def test_members_start_at_different_zones_only_if_spread() -> None:
    """Each member has all places; with ``spread`` each starts at another zone, otherwise at the same one."""
    spread, gathered = (spec_of(vmCount=4, vmSize=[D4, A4], zone=each) for each in ("spread", "any"))
    found = [candidates(each) for each in fleet.members(spread, range(4))]
    assert [[place.zone for place in each[:3]] for each in found] == [[*"123"], [*"231"], [*"312"], [*"123"]]
    assert [place.vm_size for place in found[1]] == [D4] * 3 + [A4] * 3
    assert [candidates(each)[0].zone for each in fleet.members(gathered, range(4))] == [*"1111"]


@pytest.mark.parametrize(
    ("cards", "home"),
    [
        ({}, "eastus"),
        ({"exp1-0-nic": "westus2", "exp1-1-nic-eastus": "eastus"}, "westus2"),
        ({"exp1-1-nic-eastus": "eastus", "exp1-0-nic": "westus2"}, "westus2"),
        ({"exp1-0-nic-westus2": "westus2"}, "eastus"),
        ({"exp1-0-nic-eastus": "eastus"}, ""),
    ],
)
def test_home_of_follows_the_existing_interfaces(cards: dict[str, str], home: str) -> None:
    """Whichever is the first of the list now; nowhere if in that one, too, they are named by it."""
    kind = "Microsoft.Network/networkInterfaces"
    found = [{"name": name, "location": location, "type": kind} for name, location in cards.items()]
    assert home_of([*found, {"name": "exp1-0", "location": "eastus", "type": "x/virtualMachines"}], "eastus") == home


def test_a_regular_place_has_no_spot_parameters() -> None:
    """Spot parameters apply to Spot places only."""
    spec = spec_of(vmSize=D4, priority="Regular,Spot", maxPrice=0.1, evictionPolicy="Delete")
    spot, regular = (spec.at(D4, "westus2", None, each, "westus2") for each in ("Spot", "Regular"))
    assert (spot.max_price, spot.eviction_policy) == (0.1, "Delete")
    assert (regular.max_price, regular.eviction_policy) == (None, None)


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"vmSize": f"{D4},nonsense"}, "vmSize: 'nonsense' is not a VM size"),
        ({"zone": [1, 4]}, "zone: '4' is not a zone"),
        ({"vmSize": ","}, "vmSize: is an empty list"),
        ({"vmSize": f"{D4},{ARM}"}, "vmSize: .*some have an Arm processor and some not, so an image is required"),
        ({"location": "eastus,westus", "virtualNetworkName": "net"}, "location: eastus, westus: virtualNetworkName is"),
        ({"location": "eastus,westus", "privateIpAddress": "10.0.0.9"}, "privateIpAddress is in one location"),
        ({"priority": "Spot"}, "priority: Spot needs a vmSize, such as Standard_D2s_v5 or Standard_D2as_v5"),
        ({"priority": "SpotThenRegular"}, "priority: Spot needs a vmSize"),
        ({"vmSize": [f"Standard_D{n}s_v5" for n in range(22)], "zone": "any"}, "vmSize x zone: 66 places, and 64 is"),
        ({"prefer": "luck"}, "prefer: 'luck' is not one of order, price"),
        (
            {"location": "eastus,westus", "vmCount": 2, "networkSecurityGroupName": "n"},
            "networkSecurityGroupName is in",
        ),
    ],
)
def test_a_contradictory_list_is_refused(params: dict[str, object], problem: str) -> None:
    """By one sentence, before anything happens."""
    with pytest.raises(SpecError, match=problem) as refusal:
        spec_of(**params)
    assert len(refusal.value.problems) == 1


def test_there_is_no_spot_in_china() -> None:
    """Source: Azure documentation, use Spot VMs."""
    real = {"cloud": "china", "subscription": "0" * 8 + "-0000-0000-0000-" + "0" * 12, "sourceAddressPrefixes": "*"}
    with pytest.raises(SpecError, match="priority: there is no Spot in the cloud china"):
        spec_of(**real, vmSize=D4, priority="Spot")


def test_processors_may_be_mixed_if_the_image_is_given() -> None:
    """The user knows on which processor the image boots."""
    assert spec_of(vmSize=f"{D4},{ARM}", image="a:b:c:d").lists == {"vmSize": (D4, ARM)}
