"""The local provider's diffs: changes between two declarations, replacements, and drift."""

from typing import Any

import pytest

from vmops.local.provider.diffs import Kind, deletes_first, diff, drift
from vmops.local.provider.resource_types import (
    NETWORK_INTERFACE,
    PUBLIC_IP_ADDRESS,
    RESOURCE_GROUP,
    SUBNET,
    TYPES,
    VIRTUAL_MACHINE,
    VIRTUAL_NETWORK,
)
from vmops.local.provider.schema import ResourceType


def changed(
    kind: ResourceType, olds: dict[str, Any], news: dict[str, Any], state: dict[str, Any] | None = None
) -> dict[str, tuple[str, bool]]:
    return {str(change): (change.kind.value, change.replaces) for change in diff(kind, olds, news, state or {})}


def test_equal_inputs_have_no_diff() -> None:
    """Values that the service added are no difference."""
    inputs = {"location": "westus2", "tags": {"a": "b"}, "ipConfigurations": [{"name": "main"}]}
    assert changed(NETWORK_INTERFACE, inputs, dict(inputs), {"macAddress": "00"}) == {}


def test_changes_are_named_with_their_full_path() -> None:
    """``replace_on_changes`` matches it."""
    olds = {"ipConfigurations": [{"name": "a", "subnet": {"id": "1"}}], "tags": {"x.y": "1", "gone": "1"}}
    news = {"ipConfigurations": [{"name": "a", "subnet": {"id": "2"}}, {"name": "b"}], "tags": {"x.y": "2"}}
    assert changed(NETWORK_INTERFACE, olds, news) == {
        "ipConfigurations[0].subnet.id": ("update", False),
        "ipConfigurations[1]": ("add", False),
        "tags.gone": ("delete", False),
        'tags["x.y"]': ("update", False),
    }


def test_provider_flags_have_no_diff() -> None:
    """The provider's own notes among the inputs are nothing that a program changed."""
    assert changed(RESOURCE_GROUP, {"__createBeforeDelete": True}, {}) == {}


@pytest.mark.parametrize(
    ("name", "old", "new", "differs"),
    [
        ("location", "West US 2", "westus2", False),
        ("location", "westus2", "eastus", True),
        ("resourceGroupName", "Group", "group", False),
        ("virtualNetworkName", "Net", "net", True),
    ],
)
def test_only_locations_and_groups_are_normalised(name: str, old: str, new: str, differs: bool) -> None:
    """As in azure-native."""
    assert bool(changed(VIRTUAL_NETWORK, {name: old}, {name: new})) is differs


@pytest.mark.parametrize("kind", TYPES.values(), ids=lambda kind: kind.name)
def test_a_change_of_name_or_parent_replaces(kind: ResourceType) -> None:
    """Both are in the URL."""
    assert kind.parameters
    for parameter in kind.parameters:
        assert changed(kind, {parameter: "a"}, {parameter: "b"}) == {parameter: ("update", True)}


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (RESOURCE_GROUP, {"location"}),
        (VIRTUAL_NETWORK, {"location"}),
        (SUBNET, set()),
        (PUBLIC_IP_ADDRESS, {"location", "publicIPAddressVersion", "publicIPPrefix", "sku"}),
        (NETWORK_INTERFACE, set()),
        (VIRTUAL_MACHINE, set()),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_replacing_properties_are_those_of_azure_native(kind: ResourceType, names: set[str]) -> None:
    """Everything else is an update in place, even if ARM will refuse it, because azure-native plans it so."""
    replacing = {name for name in kind.inputs if changed(kind, {name: "a"}, {name: "b"})[name][1]}
    assert replacing == names


def test_a_change_within_a_replacing_object_replaces() -> None:
    """A property that is only added or removed in it does not."""
    olds, news = {"sku": {"name": "Basic", "tier": "Regional"}}, {"sku": {"name": "Standard"}}
    assert changed(PUBLIC_IP_ADDRESS, olds, news) == {"sku.name": ("update", True), "sku.tier": ("delete", False)}


def test_declaring_the_present_value_replaces_nothing() -> None:
    """A program that now names its group's location changes no resource."""
    assert changed(RESOURCE_GROUP, {}, {"location": "westus2"}, {"location": "westus2"}) == {
        "location": (Kind.UPDATE.value, False)
    }
    assert changed(RESOURCE_GROUP, {}, {"location": "westus2"}, {"location": "eastus"}) == {"location": ("add", True)}


@pytest.mark.parametrize(("olds", "first"), [({}, True), ({"__createBeforeDelete": True}, False)])
def test_a_replacement_deletes_first_unless_it_has_an_auto_name(olds: dict[str, Any], first: bool) -> None:
    """Two resources cannot have the same name at once."""
    assert deletes_first(olds) is first


def test_drift_contains_only_changed_inputs() -> None:
    """And no defaults of the service."""
    inputs = {"tags": {"a": "1"}, "sku": {"name": "basic"}}
    before = {"tags": {"a": "1"}, "sku": {"name": "Basic", "tier": "Regional"}, "idleTimeoutInMinutes": 4}
    after = {"tags": {"a": "2"}, "sku": {"name": "Basic", "tier": "Regional"}, "idleTimeoutInMinutes": 4}
    assert drift(inputs, before, after) == {"tags": {"a": "2"}, "sku": {"name": "basic"}}
    assert drift(inputs, before, before) == inputs


def test_drift_handles_list_items_and_removals() -> None:
    """A change inside a list is reported at its index, and removed items leave the inputs."""
    inputs = {"rules": [{"name": "a", "port": "1"}], "tags": {"a": "1"}}
    before = {"rules": [{"name": "a", "port": "1", "x": 1}], "tags": {"a": "1"}}
    after = {"rules": [{"name": "a", "port": "2", "x": 1}]}
    assert drift(inputs, before, after) == {"rules": [{"name": "a", "port": "2"}]}


def test_drift_replaces_a_list_of_another_length() -> None:
    """Its items cannot be matched."""
    assert drift({"zones": ["1"]}, {"zones": ["1"]}, {"zones": ["1", "2"]}) == {"zones": ["1", "2"]}
