"""A machine's whole life through the unmodified Azure SDK, with its pollers and exceptions, over a real socket."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.core.pipeline.policies import AzureKeyCredentialPolicy

from tests.conformance.arm import TOKEN, Served, machine
from tests.conformance.deployments import DEPLOYMENT, address, request, text
from tests.conformance.sdk import Azure, clients, live_and_die, make_machine, power

FAST = 0.001
DEPLOYED = "2022-09-01"
"""The API version of deployments."""


@pytest.fixture
def azure(tmp_path: Path) -> Iterator[Azure]:
    """Give clients of a cloud that is a thousand times faster than Azure."""
    credential = AzureKeyCredential(TOKEN)
    policy = AzureKeyCredentialPolicy(credential, "Authorization", prefix="Bearer")
    with (
        Served(tmp_path / "cloud.db", FAST, None) as served,
        clients(served.url, credential=credential, authentication_policy=policy) as azure,
    ):
        yield azure


def cause(error: HttpResponseError) -> tuple[str | None, str | None]:
    """Return code and target of an exception of the SDK."""
    assert error.error
    return error.error.code, error.error.target


def test_the_sdk_creates_and_deletes_a_machine(azure: Azure) -> None:
    """Create, stop, start, restart, deallocate, resize, tag, list and delete, each to its end."""
    live_and_die(azure)


def test_absence_raises_resource_not_found(azure: Azure) -> None:
    """Deleting an absent resource succeeds."""
    azure.resources.resource_groups.create_or_update("rg", {"location": "westus2"})
    with pytest.raises(ResourceNotFoundError) as caught:
        azure.compute.virtual_machines.get("rg", "vm")
    assert cause(caught.value) == ("ResourceNotFound", None)
    azure.compute.virtual_machines.begin_delete("rg", "vm").result()


def test_conflicts_raise_resource_exists(azure: Azure) -> None:
    """A refusal of 409 has its code and target."""
    make_machine(azure)
    other = machine()
    other["properties"]["osProfile"]["adminUsername"] = "other"
    with pytest.raises(ResourceExistsError) as caught:
        azure.compute.virtual_machines.begin_create_or_update("rg", "vm", other)
    assert cause(caught.value) == ("PropertyChangeNotAllowed", "adminUsername")


def test_a_resource_in_use_raises_its_code(azure: Azure) -> None:
    """A refusal of 400 is an HttpResponseError with ARM's code."""
    make_machine(azure)
    with pytest.raises(HttpResponseError) as caught:
        azure.network.network_interfaces.begin_delete("rg", "vm-nic")
    assert cause(caught.value)[0] == "NicInUse"


def test_a_failed_operation_raises_its_cause(azure: Azure) -> None:
    """The poller raises the error of the operation, although the URL answered 200."""
    azure.resources.resource_groups.create_or_update("rg", {"location": "westus2"})
    disk = {"location": "westus2", "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 32}}
    azure.compute.disks.begin_create_or_update("rg", "vm-os", disk).result()
    with pytest.raises(HttpResponseError) as caught:
        make_machine(azure)
    assert cause(caught.value)[0] == "ConflictingUserInput"
    assert power(azure) == ["ProvisioningState/failed/ConflictingUserInput"]


def test_a_continuation_token_resumes_a_poller(azure: Azure) -> None:
    """A saved poller continues in another client."""
    make_machine(azure)
    begun = azure.compute.virtual_machines.begin_restart("rg", "vm")
    token = begun.continuation_token()
    resumed = azure.compute.virtual_machines.begin_restart("rg", "vm", continuation_token=token)
    assert resumed.result() is None
    assert resumed.status() == "Succeeded"
    begun.result()


def test_security_rules_and_lists_read_back(azure: Azure) -> None:
    """The SDK's models read their own requests back, and lists are followed over pages."""
    azure.resources.resource_groups.create_or_update("rg", {"location": "westus2"})
    rule = {
        "name": "ssh",
        "properties": {
            "priority": 100,
            "direction": "Inbound",
            "access": "Allow",
            "protocol": "Tcp",
            "sourceAddressPrefix": "*",
            "sourcePortRange": "*",
            "destinationAddressPrefix": "*",
            "destinationPortRange": "22",
        },
    }
    group = {"location": "westus2", "properties": {"securityRules": [rule]}}
    made = azure.network.network_security_groups.begin_create_or_update("rg", "nsg", group).result()
    assert [(found.name, found.destination_port_range) for found in made.security_rules] == [("ssh", "22")]
    assert len(made.default_security_rules) == 6
    sizes = {size.name: size.number_of_cores for size in azure.compute.virtual_machine_sizes.list("westus2")}
    assert sizes["Standard_B2s"] == 2
    for number in range(3):
        azure.resources.resource_groups.create_or_update(f"rg{number}", {"location": "westus2"})
    names = [found.name for found in azure.resources.resource_groups.list(top=1)]
    assert names == ["rg", "rg0", "rg1", "rg2"]


def test_the_sdk_lists_sizes_and_images(azure: Azure) -> None:
    """An available size, its quota and an image's version."""
    skus = {sku.name: sku for sku in azure.compute.resource_skus.list(filter="location eq 'westus2'")}
    assert not skus["Standard_B2s"].restrictions
    [restriction] = skus["Standard_M128ms"].restrictions
    assert (restriction.reason_code, restriction.restriction_info.locations) == (
        "NotAvailableForSubscription",
        ["westus2"],
    )
    usage = {each.name.value: each for each in azure.compute.usage.list("westus2")}
    assert usage["standardBSFamily"].current_value == 0
    image = ("westus2", "Canonical", "ubuntu-24_04-lts", "server")
    images = azure.compute.virtual_machine_images
    assert "Canonical" in [publisher.name for publisher in images.list_publishers("westus2")]
    assert image[3] in [sku.name for sku in images.list_skus(*image[:3])]
    [version] = images.list(*image)
    assert images.get(*image, version.name).os_disk_image.operating_system == "Linux"


def test_extensions_are_refused_and_tags_merged(azure: Azure) -> None:
    """An extension raises; tags at a scope are the resource's."""
    vm = make_machine(azure)
    extension = {"location": "westus2", "properties": {"publisher": "a", "type": "b", "typeHandlerVersion": "1.0"}}
    with pytest.raises(ResourceExistsError) as caught:
        azure.compute.virtual_machine_extensions.begin_create_or_update("rg", "vm", "agent", extension)
    assert cause(caught.value)[0] == "OperationNotAllowed"
    assert list(azure.compute.virtual_machine_extensions.list("rg", "vm").value) == []
    patch = {"operation": "Merge", "properties": {"tags": {"a": "b"}}}
    azure.resources.tags.begin_update_at_scope(vm.id, patch).result()
    assert azure.compute.virtual_machines.get("rg", "vm").tags["a"] == "b"


def test_groups_deleted_through_the_sdk_leave_nothing(azure: Azure) -> None:
    """The poller follows a Location to its end."""
    make_machine(azure)
    azure.resources.resource_groups.begin_delete("rg").result()
    assert list(azure.resources.resources.list()) == []
    with pytest.raises(ResourceNotFoundError) as caught:
        azure.network.virtual_networks.get("rg", "net")
    assert cause(caught.value)[0] == "ResourceGroupNotFound"


def test_a_template_is_deployed_and_its_failure_raised(azure: Azure) -> None:
    """The poller follows a deployment to its outputs, or raises its error."""
    azure.resources.resource_groups.create_or_update("rg", {"location": "westus2"})
    begin, outputs = azure.resources.resources.begin_create_or_update_by_id, text("[reference('ip').provisioningState]")
    done = begin(DEPLOYMENT, request(address(), outputs=outputs), api_version=DEPLOYED).result()
    assert (done.type, done.properties["provisioningState"]) == ("Microsoft.Resources/deployments", "Succeeded")
    assert done.properties["outputs"]["o"]["value"] == "Succeeded"
    with pytest.raises(HttpResponseError) as failed:
        begin(DEPLOYMENT, request(address("bad", zones=["9"])), api_version=DEPLOYED).result()
    assert cause(failed.value) == ("DeploymentFailed", DEPLOYMENT)
    with pytest.raises(HttpResponseError) as refused:
        begin(DEPLOYMENT, request(address("[nothing()]")), api_version=DEPLOYED)
    assert cause(refused.value)[0] == "InvalidTemplate"
    azure.resources.resources.begin_delete_by_id(DEPLOYMENT, api_version=DEPLOYED).result()
    assert not azure.resources.resources.check_existence_by_id(DEPLOYMENT, api_version=DEPLOYED)
