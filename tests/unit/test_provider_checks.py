"""What Check fills in, and what it refuses."""

from typing import Any

import pytest

from vmops.local.provider.checks import complete, flaws
from vmops.local.provider.naming import Autonaming, Policy
from vmops.local.provider.resource_types import (
    NETWORK_SECURITY_GROUP,
    RESOURCE_GROUP,
    SUBNET,
    TYPES,
    VIRTUAL_MACHINE,
    VIRTUAL_NETWORK,
)
from vmops.local.provider.schema import ResourceType
from vmops.local.provider.translate import UNKNOWN

SEED = Autonaming(b"seed")


def checked(
    kind: ResourceType,
    news: dict[str, Any],
    olds: dict[str, Any] | None = None,
    wish: Autonaming = SEED,
    location: str | None = "westus2",
) -> dict[str, Any]:
    return complete(kind, news, olds or {}, logical_name="thing", wish=wish, default_location=lambda _inputs: location)


def test_made_name_is_the_logical_one_and_eight_digits() -> None:
    """A name that the program left out is made from the seed: the same again, and another for another seed."""
    first, again, other = (
        checked(RESOURCE_GROUP, {}, wish=Autonaming(seed))["resourceGroupName"] for seed in (b"1", b"1", b"2")
    )
    assert first == again != other
    assert first.startswith("thing")
    assert len(first) == len("thing") + 8
    assert int(first.removeprefix("thing"), 16) >= 0


def test_made_name_may_stand_beside_the_old_one() -> None:
    """A replacement with a name of its own is created before the old resource goes; one with the same name is not."""
    assert checked(RESOURCE_GROUP, {})["__createBeforeDelete"] is True
    assert "__createBeforeDelete" not in checked(RESOURCE_GROUP, {"resourceGroupName": "mine"})


def test_child_is_called_as_in_the_program() -> None:
    """A subnet's name is unique in its network already."""
    made = checked(SUBNET, {"resourceGroupName": "g", "virtualNetworkName": "n", "addressPrefix": "10.0.0.0/24"})
    assert made["subnetName"] == "thing"
    assert "__createBeforeDelete" not in made


@pytest.mark.parametrize("flag", [{"__createBeforeDelete": True}, {}])
def test_old_name_wins_over_a_new_one(flag: dict[str, Any]) -> None:
    """A resource that has a made name keeps it, and how it is replaced, in every later deployment."""
    made = checked(RESOURCE_GROUP, {}, {"resourceGroupName": "thing12345678", **flag})
    assert made == {
        "resourceGroupName": "thing12345678",
        "location": "westus2",
        "azureApiVersion": "2024-03-01",
        **flag,
    }


@pytest.mark.parametrize("kind", [RESOURCE_GROUP, SUBNET], ids=["group", "subnet"])
@pytest.mark.parametrize("policy", [Policy.PROPOSE, Policy.ENFORCE])
def test_proposed_name_is_taken(kind: ResourceType, policy: Policy) -> None:
    """The engine's own naming rules come first, and such a name may stand beside the old one."""
    made = checked(kind, {}, wish=Autonaming(b"", policy, "proposed"))
    assert made[kind.parameters[-1]] == "proposed"
    assert made["__createBeforeDelete"] is True


def test_forbidden_name_is_missed() -> None:
    """With made names switched off, the program must give one."""
    inputs = checked(RESOURCE_GROUP, {}, wish=Autonaming(b"", Policy.DISABLE))
    assert [flaw.reason for flaw in flaws(RESOURCE_GROUP, inputs)] == ["missing required property 'resourceGroupName'"]


def test_location_of_the_program_wins_then_the_old_one_then_the_default() -> None:
    """A default that changes later does not move what exists."""
    assert checked(RESOURCE_GROUP, {"location": "eastus"}, {"location": "uksouth"})["location"] == "eastus"
    assert checked(RESOURCE_GROUP, {}, {"location": "uksouth"})["location"] == "uksouth"
    assert checked(RESOURCE_GROUP, {})["location"] == "westus2"


def test_subnet_has_no_location() -> None:
    """A type without a location is given none, and nobody is asked for it."""
    assert "location" not in checked(SUBNET, {})


@pytest.mark.parametrize("kind", TYPES.values(), ids=lambda kind: kind.name)
def test_every_input_names_its_api_version(kind: ResourceType) -> None:
    """The state says by which API version a resource was made."""
    assert checked(kind, {})["azureApiVersion"] == kind.api_version


def test_missing_location_names_the_setting_that_gives_one() -> None:
    """A machine without a location cannot be made, and the sentence says how to give one."""
    inputs = checked(VIRTUAL_MACHINE, {"resourceGroupName": "g"}, location=None)
    (flaw,) = flaws(VIRTUAL_MACHINE, inputs)
    assert flaw.path == "location"
    assert flaw.reason.startswith("missing required property 'location'. Either set it")


def test_missing_nested_property_is_named_with_its_path() -> None:
    """What ARM would refuse late is refused before anything happens, with the place of the fault."""
    rule = {"name": "ssh", "access": "Allow", "protocol": "Tcp"}
    inputs = checked(NETWORK_SECURITY_GROUP, {"resourceGroupName": "g", "securityRules": [rule]})
    assert [flaw.reason for flaw in flaws(NETWORK_SECURITY_GROUP, inputs)] == [
        "missing required property 'securityRules[0].direction'"
    ]


def test_wrong_kind_of_value_is_named() -> None:
    """An object written as text is refused with its path."""
    inputs = checked(VIRTUAL_MACHINE, {"resourceGroupName": "g", "networkProfile": "nic"})
    assert [flaw.reason for flaw in flaws(VIRTUAL_MACHINE, inputs)] == ["'networkProfile' should be an object"]


def test_unknown_values_pass() -> None:
    """A preview does not know yet what other resources will say."""
    news = {"resourceGroupName": UNKNOWN, "virtualNetworkName": UNKNOWN, "subnets": UNKNOWN, "location": UNKNOWN}
    assert flaws(VIRTUAL_NETWORK, checked(VIRTUAL_NETWORK, news)) == []
