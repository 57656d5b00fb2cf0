"""The local provider's Check: what it adds to the inputs, and what it refuses."""

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


def test_auto_name_is_the_logical_name_and_eight_digits() -> None:
    """They come from the seed."""
    first, again, other = (
        checked(RESOURCE_GROUP, {}, wish=Autonaming(seed))["resourceGroupName"] for seed in (b"1", b"1", b"2")
    )
    assert first == again != other
    assert first.startswith("thing")
    assert len(first) == len("thing") + 8
    assert int(first.removeprefix("thing"), 16) >= 0


def test_a_new_auto_name_allows_create_before_delete() -> None:
    """A replacement with the same name does not."""
    assert checked(RESOURCE_GROUP, {})["__createBeforeDelete"] is True
    assert "__createBeforeDelete" not in checked(RESOURCE_GROUP, {"resourceGroupName": "mine"})


def test_a_child_has_its_logical_name() -> None:
    """A subnet's name is unique in its network."""
    made = checked(SUBNET, {"resourceGroupName": "g", "virtualNetworkName": "n", "addressPrefix": "10.0.0.0/24"})
    assert made["subnetName"] == "thing"
    assert "__createBeforeDelete" not in made


@pytest.mark.parametrize("flag", [{"__createBeforeDelete": True}, {}])
def test_an_existing_auto_name_is_kept(flag: dict[str, Any]) -> None:
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
def test_the_engines_proposed_name_is_used(kind: ResourceType, policy: Policy) -> None:
    """It allows create before delete."""
    made = checked(kind, {}, wish=Autonaming(b"", policy, "proposed"))
    assert made[kind.parameters[-1]] == "proposed"
    assert made["__createBeforeDelete"] is True


def test_without_auto_names_a_name_is_required() -> None:
    """With made names switched off, the program must give one."""
    inputs = checked(RESOURCE_GROUP, {}, wish=Autonaming(b"", Policy.DISABLE))
    assert [flaw.reason for flaw in flaws(RESOURCE_GROUP, inputs)] == ["missing required property 'resourceGroupName'"]


def test_location_comes_from_the_program_then_the_state_then_the_default() -> None:
    """A default that changes later does not move what exists."""
    assert checked(RESOURCE_GROUP, {"location": "eastus"}, {"location": "uksouth"})["location"] == "eastus"
    assert checked(RESOURCE_GROUP, {}, {"location": "uksouth"})["location"] == "uksouth"
    assert checked(RESOURCE_GROUP, {})["location"] == "westus2"


def test_a_type_without_location_gets_none() -> None:
    """A type without a location gets none, and the group's is not read for it."""
    assert "location" not in checked(SUBNET, {})


@pytest.mark.parametrize("kind", TYPES.values(), ids=lambda kind: kind.name)
def test_inputs_have_the_api_version(kind: ResourceType) -> None:
    """The state says by which API version a resource was made."""
    assert checked(kind, {})["azureApiVersion"] == kind.api_version


def test_missing_location_names_the_setting_that_gives_one() -> None:
    """A machine without a location cannot be made, and the sentence says how to give one."""
    inputs = checked(VIRTUAL_MACHINE, {"resourceGroupName": "g"}, location=None)
    (flaw,) = flaws(VIRTUAL_MACHINE, inputs)
    assert flaw.path == "location"
    assert flaw.reason.startswith("missing required property 'location'. Either set it")


def test_missing_nested_property_is_named_with_its_path() -> None:
    """It is refused before anything happens."""
    rule = {"name": "ssh", "access": "Allow", "protocol": "Tcp"}
    inputs = checked(NETWORK_SECURITY_GROUP, {"resourceGroupName": "g", "securityRules": [rule]})
    assert [flaw.reason for flaw in flaws(NETWORK_SECURITY_GROUP, inputs)] == [
        "missing required property 'securityRules[0].direction'"
    ]


def test_a_value_of_a_wrong_type_is_named_with_its_path() -> None:
    """An object written as text is refused with its path."""
    inputs = checked(VIRTUAL_MACHINE, {"resourceGroupName": "g", "networkProfile": "nic"})
    assert [flaw.reason for flaw in flaws(VIRTUAL_MACHINE, inputs)] == ["'networkProfile' should be an object"]


def test_unknown_values_pass() -> None:
    """As in a preview."""
    news = {"resourceGroupName": UNKNOWN, "virtualNetworkName": UNKNOWN, "subnets": UNKNOWN, "location": UNKNOWN}
    assert flaws(VIRTUAL_NETWORK, checked(VIRTUAL_NETWORK, news)) == []
