"""The rules of resource groups and lists."""

import base64

import pytest

from tests.conformance.arm import COMPUTE, GROUP, LONG, NETWORK, SUBNET, SUBSCRIPTION, Arm, machine, refusal
from vmops.local.arm.state.clock import timestamp

GROUPS = f"/subscriptions/{SUBSCRIPTION}/resourceGroups"
OTHER = f"{GROUPS}/other"


def test_a_group_is_made_and_changed_at_once(arm: Arm) -> None:
    """PUT answers 201, then 200; there is no operation, and the location is written as ARM writes it."""
    created = arm("PUT", GROUP, {"location": "West US 2", "tags": {"a": "b"}})
    assert (created.status_code, created.json()["location"]) == (201, "westus2")
    assert "Location" not in created.headers
    assert arm("PUT", GROUP, {"location": "westus2"}).status_code == 200
    assert arm("HEAD", GROUP).status_code == 204


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"location": "eastus"}, (409, "InvalidResourceGroupLocation")),
        ({"location": "atlantis"}, (400, "LocationNotAvailableForResourceGroup")),
        ({}, (400, "LocationRequired")),
    ],
)
def test_a_group_cannot_change_its_location(arm: Arm, body: dict[str, str], expected: tuple[int, str]) -> None:
    """The location must exist, and is immutable."""
    arm.make_group()
    assert refusal(arm("PUT", GROUP, body)) == expected


def test_an_absent_group_is_not_found(arm: Arm) -> None:
    """The front door answers for resources in it, also for deletions."""
    paths = (GROUP, f"{NETWORK}/virtualNetworks/net", f"{COMPUTE}/virtualMachines", f"{GROUP}/resources")
    assert {refusal(arm("GET", path)) for path in paths} == {(404, "ResourceGroupNotFound")}
    for path in (GROUP, f"{NETWORK}/virtualNetworks/net", f"{COMPUTE}/virtualMachines/vm"):
        answer = arm("DELETE", path)
        assert refusal(answer) == (404, "ResourceGroupNotFound")
        assert answer.headers["x-ms-failure-cause"] == "gateway"


def test_deleting_a_group_deletes_its_contents(arm: Arm) -> None:
    """The answer has only a Location. A group under deletion refuses writes, and nothing is left."""
    arm.make_machine()
    deleted = arm("DELETE", GROUP)
    assert deleted.status_code == 202
    assert "Azure-AsyncOperation" not in deleted.headers
    assert arm.shown(GROUP)["properties"]["provisioningState"] == "Deleting"
    assert refusal(arm.put_machine()) == (409, "ResourceGroupBeingDeleted")
    assert refusal(arm("PUT", GROUP, {"location": "westus2"})) == (409, "ResourceGroupBeingDeleted")
    running = arm.poll(deleted)
    assert (running.status_code, running.content, running.headers["Location"]) == (
        202,
        b"",
        deleted.headers["Location"],
    )
    arm.clock.advance(LONG)
    ended = arm.poll(deleted)
    assert (ended.status_code, ended.content) == (200, b"")
    assert arm("HEAD", GROUP).status_code == 404
    assert arm("GET", "/_local/resources").json() == []


def test_the_operation_of_a_group_deletion_contains_its_name(arm: Arm) -> None:
    """The last part of the Location is a job in base64, with odd characters of the name escaped."""
    arm("PUT", f"{GROUPS}/my_rg", {"location": "westus"})
    name = arm("DELETE", f"{GROUPS}/my_rg").headers["Location"].partition("?")[0].rpartition("/")[2]
    job = base64.urlsafe_b64decode(name + "=" * (-len(name) % 4))
    assert job == b'{"jobId":"RESOURCEGROUPDELETIONJOB-MY:5FRG-WESTUS","jobLocation":"westus"}'


def test_a_group_can_be_deleted_in_the_middle_of_a_create(arm: Arm) -> None:
    """Operations inside are preempted, and nothing of them is left."""
    arm.make_network()
    arm.make_interface("vm-nic")
    created = arm.put_machine()
    deleted = arm("DELETE", GROUP)
    assert arm.poll(created).json()["error"]["code"] == "OperationPreempted"
    assert arm("DELETE", GROUP).headers["Location"] == deleted.headers["Location"]
    arm.done(deleted)
    assert arm("GET", "/_local/resources").json() == []


def test_a_reference_from_outside_blocks_the_deletion_of_a_group(arm: Arm) -> None:
    """The referenced resource stays, the poll names it, and the group is not deleted."""
    arm.make_network()
    arm.make_interface()
    arm("PUT", OTHER, {"location": "westus2"})
    part = {"name": "a", "properties": {"subnet": {"id": SUBNET}}}
    nic = f"{OTHER}/providers/Microsoft.Network/networkInterfaces/far"
    arm.put(nic, properties={"ipConfigurations": [part]})
    deleted = arm("DELETE", GROUP)
    arm.clock.advance(LONG)
    ended = arm.poll(deleted)
    assert refusal(ended) == (409, "ResourceGroupDeletionBlocked")
    assert "Microsoft.Network/virtualNetworks/net" in ended.json()["error"]["message"]
    assert arm.shown(GROUP)["properties"]["provisioningState"] == "Succeeded"
    assert [entry["name"] for entry in arm.shown(f"{GROUP}/resources")["value"]] == ["net"]
    arm.done(arm("DELETE", nic))
    arm.done(arm("DELETE", GROUP))


def test_deleting_a_group_detaches_disks_outside(arm: Arm) -> None:
    """A machine that goes with its group leaves the disk of another group unattached."""
    arm("PUT", OTHER, {"location": "westus2"})
    disk = f"{OTHER}/providers/Microsoft.Compute/disks/far"
    arm.put(disk, properties={"creationData": {"createOption": "Empty"}, "diskSizeGB": 8})
    arm.make_machine(storageProfile__dataDisks=[{"lun": 0, "createOption": "Attach", "managedDisk": {"id": disk}}])
    assert arm.shown(disk)["properties"]["diskState"] == "Attached"
    arm.done(arm("DELETE", GROUP))
    assert arm.shown(disk)["properties"]["diskState"] == "Unattached"


def test_resources_are_listed_without_properties_and_children(arm: Arm) -> None:
    """The list of a group has its tracked resources, without properties, subnets and operations."""
    arm.make_machine(tags={"a": "b"})
    listed = arm.shown(f"{GROUP}/resources")["value"]
    assert [entry["type"] for entry in listed] == [
        "Microsoft.Compute/disks",
        "Microsoft.Compute/virtualMachines",
        "Microsoft.Network/networkInterfaces",
        "Microsoft.Network/virtualNetworks",
    ]
    assert all("properties" not in entry for entry in listed)
    assert listed[0]["managedBy"] == listed[1]["id"]
    assert listed == arm.shown(f"/subscriptions/{SUBSCRIPTION}/resources")["value"]


def test_lists_expand_times_and_states(arm: Arm) -> None:
    """When a resource was made and last changed, by the cloud's own clock; a plain list has neither."""
    arm.make_network()
    path = f"{NETWORK}/publicIPAddresses/ip"
    arm("PUT", path, {"location": "westus2"})
    made = arm.clock.now()
    arm.clock.advance(LONG)
    arm("PATCH", path, {"tags": {"a": "1"}})

    def shown(expand: str) -> dict[str, str]:
        entries = arm("GET", f"{GROUP}/resources", expand=expand).json()["value"]
        return next({k: v for k, v in each.items() if k not in plain} for each in entries if each["name"] == "ip")

    plain = arm("GET", f"{GROUP}/resources").json()["value"][0].keys() | {"tags", "sku"}
    assert shown("createdTime,changedTime,provisioningState") == {
        "createdTime": timestamp(made),
        "changedTime": timestamp(made + LONG),
        "provisioningState": "Succeeded",
    }
    assert shown("provisioningState").keys() == {"provisioningState"}
    assert shown("") == {}


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("tagName eq 'OWNER'", ["a", "b"]),
        ("tagName eq 'owner' and tagValue eq 'me'", ["a"]),
        ("tagName eq 'owner' and tagValue eq 'ME'", []),
        ("resourceType eq 'microsoft.network/publicipaddresses'", ["a", "b", "c"]),
        ("resourceGroup eq 'RG' and resourceType eq 'Microsoft.Network/publicIPAddresses'", ["a", "b", "c"]),
        ("resourceGroup eq 'other'", []),
        ("name eq 'A'", ["a"]),
        ("name ne 'a' and location eq 'West US 2'", ["b", "c"]),
        ("location ne 'westus2'", []),
        ("substringof('B', name) and resourceType eq 'Microsoft.Network/publicIPAddresses'", ["b"]),
        ("SUBSTRINGOF('g', resourceGroup) AND name eq 'c'", ["c"]),
        ("name eq 'a' or name eq 'c' and tagName eq 'owner'", ["a"]),
        ("tagName eq 'owner' and tagValue eq 'you' or name eq 'c'", ["b", "c"]),
        ("name eq 'x and y' or name eq 'it''s'", []),
        ("(name eq 'a' or name eq 'c') and tagName eq 'owner'", ["a"]),
        ("(resourceType eq 'Microsoft.Network/publicIPAddresses') and ((name eq 'c'))", ["c"]),
        ("name eq 'b' and (resourceType eq 'x/y' or resourceType eq 'microsoft.network/publicIPAddresses')", ["b"]),
        ("tagName eq 'owner' and (tagValue eq 'me' or tagValue eq 'you')", ["a", "b"]),
        ("( ( name eq '(a)' or name eq 'a' ) )", ["a"]),
        ("startswith(tagName, 'OWN') and tagValue eq 'you'", ["b"]),
    ],
)
def test_lists_are_filtered(arm: Arm, text: str, names: list[str]) -> None:
    """Names match in any case, except values of tags; "and" binds closer than "or"."""
    arm.make_group()
    for name, tags in (("a", {"owner": "me"}), ("b", {"Owner": "you"}), ("c", {})):
        arm.put(f"{NETWORK}/publicIPAddresses/{name}", tags=tags)
    found = arm.shown(f"{GROUP}/resources", filter=text)["value"]
    assert [entry["name"] for entry in found] == names


@pytest.mark.parametrize(
    "text",
    [
        "kind eq 'a'",
        "name eq a",
        "name eq 'a' and",
        "name eq 'a' name eq 'b'",
        "tagName ne 'a'",
        "startswith(name, 'a')",
        "not (name eq 'a')",
        "(name eq 'a'",
        "name eq 'a')",
        "()",
        "(name eq 'a') (name eq 'b')",
        "(name eq 'a' and)",
        "(" * 5000 + "name eq 'a'" + ")" * 5000,
    ],
)
def test_an_invalid_filter_is_refused(arm: Arm, text: str) -> None:
    """It is never ignored."""
    arm.make_group()
    assert refusal(arm("GET", f"{GROUP}/resources", filter=text)) == (400, "InvalidFilterInQueryString")


def test_lists_are_paged(arm: Arm) -> None:
    """nextLink is absolute, carries the query on, and is absent at the end."""
    for name in "abcde":
        arm("PUT", f"{GROUPS}/{name}", {"location": "westus2"})
    page = arm.shown(GROUPS, top="2")
    names = [group["name"] for group in page["value"]]
    while "nextLink" in page:
        page = arm.send("GET", page["nextLink"]).json()
        assert len(page["value"]) <= 2
        names += [group["name"] for group in page["value"]]
    assert names == list("abcde")


def test_one_type_is_listed_by_group_subscription_and_location(arm: Arm) -> None:
    """The three lists of machines have the same entries."""
    arm.make_machine()
    arm("PUT", OTHER, {"location": "westus2"})
    base = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute"
    mine = arm.shown(f"{COMPUTE}/virtualMachines")["value"]
    assert [vm["name"] for vm in mine] == ["vm"]
    assert mine == arm.shown(f"{base}/virtualMachines")["value"]
    assert mine == arm.shown(f"{base}/locations/westus2/virtualMachines")["value"]
    assert arm.shown(f"{base}/locations/eastus/virtualMachines")["value"] == []
    assert arm.shown(f"{OTHER}/providers/Microsoft.Compute/virtualMachines")["value"] == []


def test_subscriptions_are_separate_and_all_exist(arm: Arm) -> None:
    """Any UUID is a subscription with its own resources; anything else is refused."""
    arm.make_group()
    far = "11111111-1111-1111-1111-111111111111"
    assert arm.shown(f"/subscriptions/{far}")["state"] == "Enabled"
    assert arm.shown(f"/subscriptions/{far}/resourceGroups")["value"] == []
    assert refusal(arm("GET", "/subscriptions/mine/resourceGroups")) == (400, "InvalidSubscriptionId")
    listed = [entry["subscriptionId"] for entry in arm.shown("/subscriptions")["value"]]
    assert listed == [SUBSCRIPTION]


def test_a_machine_may_use_a_network_of_another_group(arm: Arm) -> None:
    """References may cross groups."""
    arm.make_network()
    arm.make_interface("vm-nic")
    arm("PUT", OTHER, {"location": "westus2"})
    path = f"{OTHER}/providers/Microsoft.Compute/virtualMachines/vm"
    arm.done(arm("PUT", path, machine()))
    user = arm.shown(f"{NETWORK}/networkInterfaces/vm-nic")["properties"]["virtualMachine"]
    assert user == {"id": path}
