"""The rules of virtual machines."""

from typing import Any

import pytest

from tests.conformance.arm import COMPUTE, GROUP, KEY, LONG, NETWORK, SUBSCRIPTION, Arm, machine, refusal

VM = f"{COMPUTE}/virtualMachines/vm"


def test_a_machine_is_creating_and_then_running(arm: Arm) -> None:
    """The create answers at once and ends after Azure's time; until then there is no power state."""
    arm.make_network()
    arm.make_interface("vm-nic")
    created = arm.put_machine()
    assert (created.status_code, created.json()["properties"]["provisioningState"]) == (201, "Creating")
    assert arm.power() is None
    arm.clock.advance(90)
    assert arm.poll(created).json()["status"] == "InProgress"
    arm.clock.advance(1)
    assert arm.poll(created).json()["status"] == "Succeeded"
    assert arm.shown(VM)["properties"]["provisioningState"] == "Succeeded"
    assert arm.power() == "running"


@pytest.mark.parametrize(
    ("verb", "meanwhile", "after"),
    [
        ("powerOff", "stopping", "stopped"),
        ("deallocate", "deallocating", "deallocated"),
        ("restart", "starting", "running"),
        ("start", "running", "running"),
        ("redeploy", "starting", "running"),
        ("reapply", "running", "running"),
    ],
)
def test_power_verbs_have_a_transitional_and_a_final_state(arm: Arm, verb: str, meanwhile: str, after: str) -> None:
    """Until the operation ends, the power state is transitional and the provisioning state Updating."""
    arm.make_machine()
    accepted = arm("POST", f"{VM}/{verb}")
    assert (accepted.status_code, accepted.content) == (202, b"")
    assert arm.power() == meanwhile
    assert arm.shown(VM)["properties"]["provisioningState"] == "Updating"
    arm.done(accepted)
    assert arm.power() == after
    assert arm.shown(VM)["properties"]["provisioningState"] == "Succeeded"


@pytest.mark.parametrize("verb", ["powerOff", "restart", "redeploy"])
def test_a_deallocated_machine_refuses_to_be_stopped_or_restarted(arm: Arm, verb: str) -> None:
    """The answer is 409, and the machine is unchanged."""
    arm.make_machine()
    arm.done(arm("POST", f"{VM}/deallocate"))
    assert refusal(arm("POST", f"{VM}/{verb}")) == (409, "OperationNotAllowed")
    assert arm.power() == "deallocated"


def test_a_second_power_verb_is_refused_while_the_first_runs(arm: Arm) -> None:
    """The answer is 409."""
    arm.make_machine()
    arm("POST", f"{VM}/powerOff")
    assert refusal(arm("POST", f"{VM}/start")) == (409, "OperationNotAllowed")


def test_a_write_during_a_create_conflicts(arm: Arm) -> None:
    """A PUT or a power verb is refused, and the create continues."""
    arm.make_network()
    arm.make_interface("vm-nic")
    created = arm.put_machine()
    assert refusal(arm.put_machine()) == (409, "Conflict")
    assert refusal(arm("POST", f"{VM}/start")) == (409, "Conflict")
    arm.done(created)


def test_delete_during_create_preempts_it(arm: Arm) -> None:
    """The create fails as preempted, and the interface is reserved for 180 seconds."""
    arm.make_network()
    arm.make_interface("vm-nic")
    created = arm.put_machine()
    deleted = arm("DELETE", VM)
    older = arm.poll(created).json()
    assert (older["status"], older["error"]["code"]) == ("Failed", "OperationPreempted")
    arm.clock.advance(60)
    assert arm.poll(deleted).json()["status"] == "Succeeded"
    assert refusal(arm("DELETE", f"{NETWORK}/networkInterfaces/vm-nic")) == (400, "NicReservedForAnotherVm")
    arm.clock.advance(121)
    assert arm("DELETE", f"{NETWORK}/networkInterfaces/vm-nic").status_code == 202


def test_delete_twice_is_one_deletion(arm: Arm) -> None:
    """A second DELETE joins the first; afterwards a DELETE of the absent machine succeeds."""
    arm.make_machine()
    first, second = arm("DELETE", VM), arm("DELETE", VM)
    assert first.headers["Azure-AsyncOperation"] == second.headers["Azure-AsyncOperation"]
    arm.done(first)
    assert refusal(arm("GET", VM)) == (404, "ResourceNotFound")
    assert arm("DELETE", VM).status_code == 204


def test_a_machine_under_deletion_refuses_writes(arm: Arm) -> None:
    """A deletion cannot be undone."""
    arm.make_machine()
    arm("DELETE", VM)
    for answer in (arm.put_machine(), arm("POST", f"{VM}/start"), arm("PATCH", VM, {"tags": {"a": "b"}})):
        assert refusal(answer) == (409, "OperationNotAllowed")


def test_delete_options_decide_over_disks_and_interfaces(arm: Arm) -> None:
    """By default disks and interface stay; deleteOption Delete deletes them."""
    disks = [{"lun": 0, "name": "vm-data", "diskSizeGB": 64, "createOption": "Empty", "deleteOption": "Delete"}]
    arm.make_machine(storageProfile__dataDisks=disks)
    arm.done(arm("DELETE", VM))
    assert arm.shown(f"{COMPUTE}/disks/vm-os")["properties"]["diskState"] == "Unattached"
    assert "managedBy" not in arm.shown(f"{COMPUTE}/disks/vm-os")
    assert arm("GET", f"{COMPUTE}/disks/vm-data").status_code == 404
    assert "virtualMachine" not in arm.shown(f"{NETWORK}/networkInterfaces/vm-nic")["properties"]


def test_delete_option_deletes_interface_and_address(arm: Arm) -> None:
    """The machine has the interface's deleteOption, and the interface the address's."""
    arm.make_network()
    static = {"publicIPAllocationMethod": "Static"}
    address = arm.put(f"{NETWORK}/publicIPAddresses/ip", sku={"name": "Standard"}, properties=static).json()["id"]
    nic = arm.make_interface("vm-nic", publicIPAddress={"id": address, "properties": {"deleteOption": "Delete"}})
    slot = {"id": nic, "properties": {"deleteOption": "Delete"}}
    arm.done(arm.put_machine(networkProfile__networkInterfaces=[slot]))
    arm.done(arm("DELETE", VM))
    assert [entry["name"] for entry in arm.shown(f"{GROUP}/resources")["value"]] == ["vm-os", "net"]


def test_a_deallocated_machine_is_deleted_quickly(arm: Arm) -> None:
    """In half a second instead of fifty, as recorded."""
    arm.make_machine()
    arm.done(arm("POST", f"{VM}/deallocate"))
    deleted = arm("DELETE", VM)
    arm.clock.advance(0.5)
    assert arm.poll(deleted).json()["status"] == "Succeeded"


def test_secrets_are_neither_shown_nor_stored(arm: Arm, tmp_path: Any) -> None:
    """adminPassword and customData are in no answer and not in the file."""
    secrets = {"adminPassword": "Pa55word-very-secret", "customData": "aGVsbG8gd29ybGQ="}
    profile = {"adminUsername": "mlos", **secrets}
    arm.make_machine(osProfile=profile)
    shown = arm("GET", VM, expand="instanceView,userData").text
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in secrets.values():
        assert secret not in shown
        assert secret.encode() not in stored


CHANGES: dict[str, dict[str, Any]] = {
    "imageReference": {
        "storageProfile__imageReference": {**machine()["properties"]["storageProfile"]["imageReference"]}
        | {"offer": "0001-com-ubuntu-server-jammy", "sku": "22_04-lts-gen2"}
    },
    "adminUsername": {"osProfile__adminUsername": "other"},
    "computerName": {"osProfile__computerName": "other"},
    "linuxConfiguration.ssh.publicKeys": {
        "osProfile__linuxConfiguration": {"ssh": {"publicKeys": [{"keyData": KEY + "x"}]}}
    },
    "osDisk.name": {"storageProfile__osDisk": {"createOption": "FromImage", "name": "other"}},
    "customData": {"osProfile__customData": "b3RoZXI="},
    "adminPassword": {"osProfile__adminPassword": "0ther-Password"},
    "zones": {"zones": ["2"]},
    "priority": {"priority": "Spot"},
}


@pytest.mark.parametrize("target", CHANGES)
def test_immutable_properties_are_refused(arm: Arm, target: str) -> None:
    """A PUT that changes one answers 409 and names it."""
    arm.make_machine()
    answer = arm.put_machine(**CHANGES[target])
    assert refusal(answer) == (409, "PropertyChangeNotAllowed")
    assert answer.json()["error"]["target"] == target


def test_equal_secrets_are_no_change(arm: Arm) -> None:
    """A PUT that repeats password and custom data is accepted, although only their hashes are stored."""
    linux = {"disablePasswordAuthentication": False}
    secret = {"adminPassword": "Pa55word-same", "customData": "c2FtZQ=="}
    profile = {"adminUsername": "mlos", **secret, "linuxConfiguration": linux}
    arm.make_machine(osProfile=profile)
    assert arm.put_machine(osProfile=profile).status_code == 200


def test_a_put_changes_size_and_tags_in_place(arm: Arm) -> None:
    """An update answers 200 and Updating, and keeps the machine's identity."""
    arm.make_machine()
    before = arm.shown(VM)["properties"]
    updated = arm.put_machine(hardwareProfile__vmSize="Standard_D2s_v5", tags={"a": "b"})
    assert (updated.status_code, updated.json()["properties"]["provisioningState"]) == (200, "Updating")
    arm.done(updated)
    after = arm.shown(VM)
    assert after["properties"]["hardwareProfile"]["vmSize"] == "Standard_D2s_v5"
    assert after["tags"] == {"a": "b"}
    assert after["properties"]["vmId"] == before["vmId"]


def test_a_patch_that_changes_nothing_is_done_at_once(arm: Arm) -> None:
    """It starts no operation."""
    arm.make_machine(tags={"a": "b"})
    answer = arm("PATCH", VM, {"tags": {"a": "b"}})
    assert answer.status_code == 200
    assert "Azure-AsyncOperation" not in answer.headers
    assert "Azure-AsyncOperation" in arm("PATCH", VM, {"tags": {"a": "c"}}).headers


def test_a_disk_grows_only_while_deallocated(arm: Arm) -> None:
    """A running machine's disk cannot be resized, and no disk can shrink."""
    arm.make_machine()
    bigger = {"createOption": "FromImage", "name": "vm-os", "diskSizeGB": 64}
    assert refusal(arm.put_machine(storageProfile__osDisk=bigger)) == (409, "Conflict")
    arm.done(arm("POST", f"{VM}/deallocate"))
    arm.done(arm.put_machine(storageProfile__osDisk=bigger))
    assert arm.shown(f"{COMPUTE}/disks/vm-os")["properties"]["diskSizeGB"] == 64
    assert refusal(arm.put_machine(storageProfile__osDisk=bigger | {"diskSizeGB": 32})) == (400, "BadRequest")


def test_data_disks_are_attached_and_detached(arm: Arm) -> None:
    """A PUT lists all data disks: a new one is created, and a missing one is detached and stays."""
    arm.make_machine(storageProfile__dataDisks=[{"lun": 0, "name": "a", "diskSizeGB": 8, "createOption": "Empty"}])
    arm.done(arm.put_machine(storageProfile__dataDisks=[{"lun": 1, "name": "b", "createOption": "Empty"}]))
    assert [disk["name"] for disk in arm.shown(VM)["properties"]["storageProfile"]["dataDisks"]] == ["b"]
    assert arm.shown(f"{COMPUTE}/disks/a")["properties"]["diskState"] == "Unattached"
    attached = arm.shown(f"{COMPUTE}/disks/b")
    assert attached["managedBy"] == arm.shown(VM)["id"]
    assert refusal(arm("DELETE", f"{COMPUTE}/disks/b")) == (409, "OperationNotAllowed")


def test_a_taken_disk_name_fails_the_operation(arm: Arm) -> None:
    """The PUT is accepted, and the machine is left Failed; another PUT succeeds."""
    arm.make_network()
    arm.put(f"{COMPUTE}/disks/vm-os", properties={"creationData": {"createOption": "Empty"}, "diskSizeGB": 32})
    arm.make_interface("vm-nic")
    created = arm.put_machine()
    arm.clock.advance(91)
    ended = arm.poll(created)
    assert ended.status_code == 200
    assert (ended.json()["status"], ended.json()["error"]["code"]) == ("Failed", "ConflictingUserInput")
    view = arm.shown(f"{VM}/instanceView")
    assert [status["code"] for status in view["statuses"]] == ["ProvisioningState/failed/ConflictingUserInput"]
    arm.done(arm("DELETE", f"{COMPUTE}/disks/vm-os"))
    again = arm.put_machine()
    assert again.status_code == 200
    arm.done(again)
    assert arm.power() == "running"


@pytest.mark.parametrize("name", ["sharedGalleryImageId", "publisher"])
def test_an_unknown_platform_image_is_refused(arm: Arm, name: str) -> None:
    """The refusal names the parameter, and says that the local Azure lacks the image."""
    arm.make_network()
    arm.make_interface("vm-nic")
    given = {"offer": "a"} if name == "publisher" else {name: "/any"}
    answer = arm.put_machine(storageProfile__imageReference=given)
    assert refusal(answer) == (400, "InvalidParameter")
    assert answer.json()["error"]["target"] == f"imageReference.{name}"
    assert ("local Azure" in answer.json()["error"]["message"]) == (name != "publisher")


REFUSED = [
    ({"hardwareProfile__vmSize": "Standard_Nope"}, (400, "InvalidParameter")),
    ({"hardwareProfile__vmSize": "Standard_M128ms"}, (409, "SkuNotAvailable")),
    ({"hardwareProfile__vmSize": "Standard_NC24ads_A100_v4"}, (409, "OperationNotAllowed")),
    ({"hardwareProfile__vmSize": "Standard_D2ps_v5"}, (400, "InvalidParameter")),
    ({"storageProfile__imageReference__sku": "nope"}, (404, "PlatformImageNotFound")),
    ({"storageProfile__osDisk": {"createOption": "FromImage", "diskSizeGB": 10}}, (400, "InvalidParameter")),
    ({"osProfile__adminUsername": "admin"}, (400, "InvalidParameter")),
    ({"osProfile__computerName": "a_b"}, (400, "InvalidParameter")),
    ({"osProfile__computerName": "a" * 65}, (400, "InvalidParameter")),
    ({"osProfile__adminPassword": "weak", "osProfile__linuxConfiguration": {}}, (400, "InvalidParameter")),
    ({"identity": {"type": "UserAssigned"}}, (400, "InvalidParameter")),
    ({"identity": {"userAssignedIdentities": {}}}, (400, "InvalidParameter")),
    ({"osProfile__customData": "not base64!"}, (400, "InvalidParameter")),
    ({"osProfile__customData": "ü"}, (400, "InvalidParameter")),
    ({"storageProfile__dataDisks": [{"lun": 0, "name": "a/b"}]}, (400, "InvalidParameter")),
    ({"networkProfile__networkInterfaces": [{}]}, (400, "InvalidParameter")),
    ({"osProfile__linuxConfiguration": {}}, (400, "InvalidParameter")),
    ({"networkProfile__networkInterfaces": []}, (400, "InvalidParameter")),
    ({"networkProfile__networkInterfaces": [{"id": "/x"}]}, (400, "InvalidResourceReference")),
    ({"zones": ["4"]}, (400, "InvalidAvailabilityZone")),
    ({"location": "westus", "zones": ["1"]}, (400, "ResourceTypeNotSupportAvailabilityZones")),
    ({"location": "atlantis", "zones": ["1"]}, (400, "LocationNotAvailableForResourceType")),
    ({"location": "atlantis"}, (400, "LocationNotAvailableForResourceType")),
    ({"location": "eastus"}, (400, "InvalidResourceReference")),
    ({"hardwareProfile__vmSize": 7}, (400, "InvalidRequestContent")),
]


@pytest.mark.parametrize(("changes", "expected"), REFUSED, ids=[str(changes) for changes, _ in REFUSED])
def test_a_refused_create_leaves_nothing(arm: Arm, changes: dict[str, Any], expected: tuple[int, str]) -> None:
    """The refusal comes at once, and no part of a machine is left."""
    arm.make_network()
    arm.make_interface("vm-nic")
    assert refusal(arm.put_machine(**changes)) == expected
    assert [entry["name"] for entry in arm.shown(f"{GROUP}/resources")["value"]] == ["vm-nic", "net"]


def test_the_refusal_of_an_unknown_size_lists_the_known_ones(arm: Arm) -> None:
    """The answer has the sizes of the location."""
    arm.make_network()
    arm.make_interface("vm-nic")
    error = arm.put_machine(hardwareProfile__vmSize="Standard_Nope").json()["error"]
    assert error["target"] == "vmSize"
    assert "Standard_B2s," in error["message"]


def test_a_machine_cannot_change_its_location(arm: Arm) -> None:
    """The location is immutable."""
    arm.make_machine()
    assert refusal(arm.put_machine(location="eastus")) == (409, "InvalidResourceLocation")


def test_an_interface_serves_one_machine(arm: Arm) -> None:
    """A second machine with it is refused."""
    arm.make_machine()
    taken = [{"id": f"{NETWORK}/networkInterfaces/vm-nic"}]
    assert refusal(arm.put_machine("other", networkProfile__networkInterfaces=taken)) == (400, "NicInUse")


def test_a_disk_serves_one_machine(arm: Arm) -> None:
    """A second machine cannot attach it."""
    arm.make_machine()
    arm.make_interface("other-nic")
    disk = {"lun": 0, "createOption": "Attach", "managedDisk": {"id": f"{COMPUTE}/disks/vm-os"}}
    assert refusal(arm.put_machine("other", storageProfile__dataDisks=[disk])) == (409, "ConflictingUserInput")


def test_a_public_key_may_replace_a_password(arm: Arm) -> None:
    """With password login disabled the password is not validated: some templates put a key there."""
    arm.make_machine(osProfile__adminPassword="ssh-ed25519 " + "A" * 90)
    assert arm.power() == "running"


def test_an_identity_has_ids_of_its_own(arm: Arm) -> None:
    """The system-assigned identity and the given ones have stable ids; type None has none."""
    named = f"{GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/Me"
    arm.make_network()
    arm.put(named)
    arm.make_machine(identity={"type": "systemassigned"})
    own = arm.shown(VM)["identity"]
    assert (own["type"], own["tenantId"]) == ("SystemAssigned", arm.shown("/tenants")["value"][0]["tenantId"])
    both = {"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {named: {}}}
    arm.done(arm("PATCH", VM, {"identity": both}))
    shown = arm.shown(VM)["identity"]
    assert (shown["type"], shown["principalId"]) == ("SystemAssigned, UserAssigned", own["principalId"])
    assert {len(one) for one in shown["userAssignedIdentities"][named].values()} == {36}
    assert shown["userAssignedIdentities"][named].keys() == {"principalId", "clientId"}
    arm.done(arm("PATCH", VM, {"identity": {"type": "none"}}))
    assert "identity" not in arm.shown(VM)


@pytest.mark.parametrize(("verb", "left"), [("powerOff", "stopped"), ("deallocate", "deallocated")])
def test_a_generalized_machine_does_not_start(arm: Arm, verb: str, left: str) -> None:
    """Generalize requires a stopped machine, which can never start again."""
    arm.make_machine()
    assert refusal(arm("POST", f"{VM}/generalize")) == (409, "OperationNotAllowed")
    arm.done(arm("POST", f"{VM}/{verb}"))
    assert arm("POST", f"{VM}/generalize").status_code == 200
    for other in ("start", "restart", "redeploy"):
        answer = arm("POST", f"{VM}/{other}")
        assert refusal(answer) == (409, "OperationNotAllowed")
        assert "since the VM is generalized" in answer.json()["error"]["message"]
    states = [status["code"] for status in arm.shown(f"{VM}/instanceView")["statuses"]]
    assert states == ["ProvisioningState/succeeded", "OSState/generalized", f"PowerState/{left}"]
    arm.done(arm("DELETE", VM))


@pytest.mark.parametrize(("policy", "left"), [("Deallocate", "deallocated"), ("Delete", None)])
def test_an_evicted_spot_machine_follows_its_policy(arm: Arm, policy: str, left: str | None) -> None:
    """After 30 seconds it is deallocated or deleted; only Spot machines can be evicted."""
    arm.make_machine(hardwareProfile__vmSize="Standard_D2s_v5", priority="Spot", evictionPolicy=policy)
    assert arm("POST", f"{VM}/simulateEviction").status_code == 204
    arm.clock.advance(29)
    assert arm.power() == "running"
    arm.clock.advance(1)
    assert (arm.power() if left else arm("GET", VM).status_code) == (left or 404)


def test_only_spot_machines_are_evicted(arm: Arm) -> None:
    """A regular machine refuses the simulation."""
    arm.make_machine()
    assert refusal(arm("POST", f"{VM}/simulateEviction")) == (409, "OperationNotAllowed")


def test_user_data_is_shown_only_when_asked_for(arm: Arm) -> None:
    """userData is no secret, but a plain GET omits it."""
    arm.make_machine(userData="aGk=")
    assert "userData" not in arm.shown(VM)["properties"]
    assert arm.shown(VM, expand="userData")["properties"]["userData"] == "aGk="


def test_cores_are_counted_by_family_and_location(arm: Arm) -> None:
    """The usage of a location counts every machine, deallocated ones too."""
    arm.make_machine()
    arm.done(arm("POST", f"{VM}/deallocate"))
    base = f"{GROUP.rpartition('/resourceGroups')[0]}/providers/Microsoft.Compute/locations"
    used = {row["name"]["value"]: row["currentValue"] for row in arm.shown(f"{base}/westus2/usages")["value"]}
    assert used["standardBSFamily"] == 2
    used = {row["name"]["value"]: row["currentValue"] for row in arm.shown(f"{base}/eastus/usages")["value"]}
    assert used["standardBSFamily"] == 0


def test_operations_end_without_a_poll(arm: Arm) -> None:
    """Any later request applies what is due."""
    arm.make_network()
    arm.make_interface("vm-nic")
    arm.put_machine()
    arm.clock.advance(LONG)
    assert [vm["properties"]["provisioningState"] for vm in arm.shown(f"{COMPUTE}/virtualMachines")["value"]] == [
        "Succeeded"
    ]


def test_operations_end_in_the_order_of_their_due_times(arm: Arm) -> None:
    """After a time without requests, the operation that was due first got the first address."""
    arm.make_network()
    for name in ("slow", "quick"):
        arm.put(f"{NETWORK}/publicIPAddresses/{name}", properties={"publicIPAllocationMethod": "Dynamic"})
        arm.make_interface(f"{name}-nic", publicIPAddress={"id": f"{NETWORK}/publicIPAddresses/{name}"})
    arm.done(arm.put_machine("quick"))
    arm.done(arm("POST", f"{COMPUTE}/virtualMachines/quick/deallocate"))
    arm.put_machine("slow")
    arm("POST", f"{COMPUTE}/virtualMachines/quick/start")
    arm.clock.advance(LONG)
    found = [arm.shown(f"{NETWORK}/publicIPAddresses/{name}")["properties"]["ipAddress"] for name in ("quick", "slow")]
    assert found == ["203.0.113.1", "203.0.113.2"]


def test_operations_of_a_machine_with_a_longer_name_do_not_conflict(arm: Arm) -> None:
    """An operation on vm-2 does not block vm."""
    arm.make_machine()
    arm.make_machine("vm-2")
    arm("POST", f"{VM}-2/restart")
    assert arm("POST", f"{VM}/restart").status_code == 202


def test_boot_diagnostics_can_be_changed(arm: Arm) -> None:
    """A PUT enables them, a PUT without them disables them, and the power state stays."""
    arm.make_machine()
    arm.done(arm.put_machine(diagnosticsProfile={"bootDiagnostics": {"enabled": True}}))
    assert "bootDiagnostics" in arm.shown(f"{VM}/instanceView")
    arm.done(arm.put_machine())
    assert "diagnosticsProfile" not in arm.shown(VM)["properties"]
    assert arm.power() == "running"


def test_a_machine_may_name_the_regular_priority(arm: Arm) -> None:
    """It is the default."""
    arm.make_machine()
    assert arm.put_machine(priority="Regular").status_code == 200


def test_a_running_machine_keeps_its_interfaces(arm: Arm) -> None:
    """Interfaces can be changed only while the machine is deallocated."""
    arm.make_machine()
    more = [{"id": f"{NETWORK}/networkInterfaces/vm-nic"}, {"id": arm.make_interface("more")}]
    assert refusal(arm.put_machine(networkProfile__networkInterfaces=more)) == (409, "OperationNotAllowed")
    arm.done(arm("POST", f"{VM}/deallocate"))
    arm.done(arm.put_machine(networkProfile__networkInterfaces=more))
    assert arm.shown(f"{NETWORK}/networkInterfaces/more")["properties"]["virtualMachine"]["id"] == VM


def test_an_x64_machine_does_not_become_an_arm64_one(arm: Arm) -> None:
    """A resize keeps the architecture."""
    arm.make_machine()
    assert refusal(arm.put_machine(hardwareProfile__vmSize="Standard_D2ps_v5")) == (400, "InvalidParameter")


def test_a_disk_that_is_being_deleted_cannot_be_attached(arm: Arm) -> None:
    """The request is refused."""
    arm.make_machine()
    disk = arm.put(f"{COMPUTE}/disks/d", properties={"creationData": {"createOption": "Empty"}}).json()["id"]
    arm("DELETE", disk)
    attach = [{"lun": 0, "createOption": "Attach", "managedDisk": {"id": disk}}]
    assert refusal(arm.put_machine(storageProfile__dataDisks=attach)) == (409, "Conflict")


def test_status_only_lists_instance_views(arm: Arm) -> None:
    """One list has the states of all machines, and nothing else."""
    arm.make_machine(tags={"a": "b"})
    path = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/virtualMachines"
    [shown] = arm.send("GET", f"{path}?statusOnly=true&api-version=2024-07-01").json()["value"]
    assert shown["properties"]["instanceView"]["statuses"][1]["code"] == "PowerState/running"
    assert (shown["id"], shown.keys()) == (VM, {"name", "id", "type", "location", "properties"})
    assert shown["properties"].keys() == {"vmId", "provisioningState", "instanceView"}
    assert "instanceView" not in arm.shown(path)["value"][0]["properties"]


def test_hibernation_is_refused(arm: Arm) -> None:
    """A deallocation with hibernation is not carried out without it."""
    arm.make_machine()
    refused = arm.send("POST", f"{COMPUTE}/virtualMachines/vm/deallocate?hibernate=true&api-version=2024-07-01")
    assert refusal(refused) == (409, "OperationNotAllowed")
    assert arm.power() == "running"
