"""What exists is checked in Azure: absence is verified, and foreign resources are never changed.

No record, no name, no single 404 and no single list decides. Two hosts are two state directories on one cloud.
"""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.azure import Azure
from tests.functional.doors import CLI
from vmops import Settings, Status, VMOps
from vmops.core.failures import FailureKind
from vmops.protocol import Params
from vmops.spec.names import OWNER_TAG, STACK_TAG
from vmops.spec.target import Target

Deploy = Callable[[Params], dict[str, Any]]
X1: Params = {"vmName": "x1"}
SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000"
GROUP = f"{SUBSCRIPTION}/resourceGroups/vmops-x1"
NETWORK = f"{GROUP}/providers/Microsoft.Network"
VM = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/x1"
NIC, NSG, IP = (
    f"{NETWORK}/{each}"
    for each in ("networkInterfaces/x1-nic", "networkSecurityGroups/x1-nsg", "publicIPAddresses/x1-ip")
)
STACK = Target.from_params(X1).stack
OURS = {STACK_TAG: STACK, OWNER_TAG: "tester"}
HERS = {OWNER_TAG: "somebody-else"}
GONE = {"do": "refuse", "code": "ResourceNotFound", "status": 404, "message": "not there"}
NETWORK_API, COMPUTE_API = "?api-version=2024-05-01", "?api-version=2024-07-01"
NO_RULES = {"location": "westus2", "properties": {"securityRules": []}}
ADDRESS = {
    "location": "westus2",
    "sku": {"name": "Standard"},
    "properties": {"publicIPAllocationMethod": "Static"},
}


def another_host(state_dir: Path, owner: str = "tester") -> VMOps:
    """Give VMOps with its own state directory, on the same local Azure."""
    other = state_dir.parent / f"other-{owner}"
    other.mkdir(mode=0o700)
    (other / "local").symlink_to(state_dir / "local")
    return VMOps(Settings(state_dir=other, owner=owner))


def ended(ops: VMOps, params: Params) -> tuple[Status, dict[str, Any]]:
    """Remove a VM, and give the outcome."""
    given = dict(params)
    status, result = ops.vm_deprovision(given)
    return ops.wait_vm_deployment(False, given) if status is Status.PENDING else (status, result)


def refusal(ops: VMOps, params: Params = X1) -> tuple[FailureKind, str]:
    failure = ops.last_failure(params)
    assert failure is not None
    return failure.kind, str(failure)


def made(ops: VMOps, params: Params) -> Status:
    """Provision a VM, and give the outcome."""
    given = dict(params)
    status, _ = ops.vm_provision(given)
    return ops.wait_vm_deployment(True, given)[0] if status is Status.PENDING else status


# Absence


@pytest.mark.parametrize("halfway", [True, False], ids=["failed halfway", "running"])
def test_a_vm_recreated_by_another_host_is_not_reported_gone(
    ops: VMOps, azure: Azure, state_dir: Path, provision: Deploy, deprovision: Deploy, halfway: bool
) -> None:
    """This host's own removal does not prove that the VM is absent now."""
    provision(dict(X1))
    deprovision(dict(X1))
    other = another_host(state_dir)
    if halfway:
        azure.fault(
            {"path": "*/virtualMachines/x1", "verbs": ["create"], "effect": {"do": "fail", "code": "AllocationFailed"}}
        )
    assert made(other, X1) is (Status.FAILED if halfway else Status.SUCCEEDED)
    azure.let_go()
    if halfway:
        azure.delete(f"{VM}{COMPUTE_API}")
    status, _ = ops.wait_vm_deployment(False, dict(X1))
    assert status is Status.FAILED
    assert "removed at" in refusal(ops)[1]
    assert "recreated" in refusal(ops)[1]
    assert ended(ops, X1) == (Status.SUCCEEDED, ops.wait_vm_deployment(False, dict(X1))[1])
    assert azure.ids() == set()


def test_a_deleted_vm_is_not_reported_present(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """A wait for a provisioned VM reads it, and gives no login to a deleted one."""
    provision(dict(X1))
    assert ops.wait_vm_deployment(True, dict(X1))[0] is Status.SUCCEEDED
    azure.delete(f"{VM}{COMPUTE_API}")
    assert ops.wait_vm_deployment(True, dict(X1)) == (Status.FAILED, {})
    assert refusal(ops)[0] is FailureKind.NOT_FOUND
    report = ops.status(X1)
    assert report["machine"] is None
    assert NIC in report["resources"]["ours"]


@pytest.mark.parametrize("times", [2, 4])
def test_a_stale_404_of_the_group_does_not_prove_absence(
    ops: VMOps, azure: Azure, provision: Deploy, times: int
) -> None:
    """Replicas may be stale, also in their answers to deletions."""
    provision(dict(X1))
    gone = {"do": "refuse", "code": "ResourceNotFound", "status": 404, "message": "not there"}
    azure.fault(
        {
            "method": "GET",
            "path": GROUP.split("/resourceGroups")[0] + "/resourceGroups/vmops-x1",
            "times": times,
            "effect": gone,
        },
        {"method": "DELETE", "path": f"{IP}", "nth": 1, "effect": gone},
    )
    assert ended(ops, X1)[0] is Status.SUCCEEDED
    azure.let_go()
    assert azure.ids() == set()


def test_stale_404s_without_records_do_not_prove_absence(
    ops: VMOps, azure: Azure, state_dir: Path, provision: Deploy
) -> None:
    """Without a record of the last write, reads by id and both lists must agree."""
    provision(dict(X1))
    other = another_host(state_dir)
    gone = {"do": "refuse", "code": "ResourceGroupNotFound", "status": 404, "message": "not there"}
    azure.fault({"method": "GET", "path": GROUP, "times": 4, "effect": gone})
    status, _ = ended(other, X1)
    azure.let_go()
    assert (status is Status.SUCCEEDED) == (azure.ids() == set())
    assert ended(other, X1)[0] is Status.SUCCEEDED
    assert azure.ids() == set()


def test_keep_group_keeps_the_group(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """keepGroup is not part of the VM: it needs no deployment."""
    provision(dict(X1))
    assert ops.vm_provision({**X1, "keepGroup": True})[0] is Status.SUCCEEDED
    assert ended(ops, {**X1, "keepGroup": True})[0] is Status.SUCCEEDED
    assert azure.ids() == {GROUP}


def test_an_unproven_resource_is_kept_and_reported(
    ops: VMOps, azure: Azure, state_dir: Path, provision: Deploy
) -> None:
    """A policy has removed the tags, and this host has no record: each removal reports it as still paid for."""
    provision(dict(X1))
    for arm_id in (NIC, NSG, IP):
        azure.tag(arm_id, {})
    other = another_host(state_dir)
    for _ in range(2):
        assert ended(other, X1)[0] is Status.FAILED
        kind, text = refusal(other)
        assert kind is FailureKind.CONFLICT
        assert all(name in text for name in ("x1-nic", "x1-nsg", "x1-ip", "still paid for", "vmops adopt"))
        assert {NIC, NSG, IP} <= azure.ids()
    assert ended(ops, X1)[0] is Status.SUCCEEDED, "this host knows them by their identity"
    assert azure.ids() == set()


@pytest.mark.parametrize("known", ["by the records", "by its tag"])
def test_removal_in_the_wrong_place_is_refused(
    ops: VMOps, azure: Azure, state_dir: Path, provision: Deploy, known: str
) -> None:
    """The VM of that name is in another group, and keeps running."""
    provision({**X1, "resourceGroup": "g2"})
    asked = ops if known == "by the records" else another_host(state_dir)
    before = azure.ids()
    assert ended(asked, X1)[0] is Status.FAILED
    kind, text = refusal(asked)
    assert kind is FailureKind.NOT_FOUND
    assert "g2" in text
    assert azure.ids() == before
    assert ended(asked, {**X1, "resourceGroup": "g2"})[0] is Status.SUCCEEDED
    assert ended(asked, X1)[0] is (Status.SUCCEEDED)


def test_repeated_removal_succeeds_although_the_name_exists_elsewhere(
    ops: VMOps, azure: Azure, provision: Deploy, deprovision: Deploy
) -> None:
    """This host has a record of the first removal."""
    provision(dict(X1))
    deprovision(dict(X1))
    provision({**X1, "resourceGroup": "g2"})
    assert ops.vm_deprovision(dict(X1)) == (Status.SUCCEEDED, {})
    assert any("g2" in arm_id for arm_id in azure.ids())


# Ownership


def replaced_by_hers(azure: Azure) -> None:
    """Delete the VM, its interface, address and security group by hand. Two foreign resources take their place."""
    for arm_id, api in ((VM, COMPUTE_API), (NIC, NETWORK_API), (IP, NETWORK_API), (NSG, NETWORK_API)):
        azure.delete(f"{arm_id}{api}")
    azure.put(f"{IP}{NETWORK_API}", {**ADDRESS, "tags": HERS})
    deny = {
        "name": "deny",
        "properties": {
            "priority": 100,
            "direction": "Inbound",
            "access": "Deny",
            "protocol": "*",
            "sourcePortRange": "*",
            "destinationPortRange": "*",
            "sourceAddressPrefix": "*",
            "destinationAddressPrefix": "*",
        },
    }
    azure.put(
        f"{NSG}{NETWORK_API}",
        {"location": "westus2", "tags": {"team": "payroll"}, "properties": {"securityRules": [deny]}},
    )


def test_a_foreign_resource_with_our_name_survives_a_removal(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """It is removed from the engine's state before the engine destroys anything."""
    provision(dict(X1))
    replaced_by_hers(azure)
    hers = {arm_id: azure.get(f"{arm_id}{NETWORK_API}") for arm_id in (IP, NSG)}
    status, result = ended(ops, X1)
    assert (status, set(result["left"])) == (Status.SUCCEEDED, {IP, NSG})
    assert {arm_id: azure.get(f"{arm_id}{NETWORK_API}") for arm_id in (IP, NSG)} == hers
    assert azure.ids() == {GROUP, IP, NSG, f"{NSG}/securityRules/deny"}


@pytest.mark.parametrize("change", [{}, {"vmPorts": "22,80"}, {"vmSize": "Standard_B4ms"}])
def test_a_foreign_resource_with_our_name_is_never_changed(
    ops: VMOps, azure: Azure, provision: Deploy, change: Params
) -> None:
    """A provision is refused by name, and neither rules nor tags of it are changed."""
    provision(dict(X1))
    replaced_by_hers(azure)
    hers = {arm_id: azure.get(f"{arm_id}{NETWORK_API}") for arm_id in (IP, NSG)}
    assert made(ops, {**X1, **change}) is Status.FAILED
    assert refusal(ops)[0] is FailureKind.CONFLICT
    assert {arm_id: azure.get(f"{arm_id}{NETWORK_API}") for arm_id in (IP, NSG)} == hers


def test_copied_tags_do_not_prove_ownership(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """A policy copies a group's tags to new resources; even with our name, the identity differs."""
    provision(dict(X1))
    stranger = f"{NETWORK}/publicIPAddresses/stranger-ip"
    azure.put(f"{stranger}{NETWORK_API}", {**ADDRESS, "tags": OURS})
    for arm_id, api in ((VM, COMPUTE_API), (NIC, NETWORK_API), (IP, NETWORK_API)):
        azure.delete(f"{arm_id}{api}")
    azure.put(f"{IP}{NETWORK_API}", {**ADDRESS, "tags": OURS})
    status, result = ended(ops, X1)
    assert (status, set(result["left"])) == (Status.SUCCEEDED, {stranger, IP})
    assert azure.ids() == {GROUP, stranger, IP}


def replaced_address(azure: Azure, tags: dict[str, str]) -> Any:
    """Delete VM, interface and address by hand, create a foreign address in its place, and give that."""
    for arm_id, api in ((VM, COMPUTE_API), (NIC, NETWORK_API), (IP, NETWORK_API)):
        azure.delete(f"{arm_id}{api}")
    azure.put(f"{IP}{NETWORK_API}", {**ADDRESS, "tags": tags})
    return azure.get(f"{IP}{NETWORK_API}")


@pytest.mark.parametrize("tags", [OURS, HERS, {}], ids=["copied from ours", "another's", "none"])
def test_an_unwanted_foreign_resource_is_not_deleted(
    ops: VMOps, azure: Azure, provision: Deploy, tags: dict[str, str]
) -> None:
    """The engine had made a resource under that id, and would delete it because it is no longer declared."""
    provision(dict(X1))
    hers = replaced_address(azure, tags)
    assert made(ops, {**X1, "publicIp": False}) is Status.SUCCEEDED
    assert azure.get(f"{IP}{NETWORK_API}") == hers


def test_a_kept_foreign_resource_survives_the_next_removal(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """It has copies of our tags and our name; the recorded identity of our own resource shows the difference."""
    provision(dict(X1))
    for arm_id, api in ((VM, COMPUTE_API), (NIC, NETWORK_API), (IP, NETWORK_API)):
        azure.delete(f"{arm_id}{api}")
    azure.put(f"{IP}{NETWORK_API}", {**ADDRESS, "tags": OURS})
    for _ in range(3):
        assert ended(ops, X1)[0] is Status.SUCCEEDED
        assert IP in azure.ids()
    azure.delete(f"{IP}{NETWORK_API}")
    provision(dict(X1))
    assert ended(ops, X1)[0] is Status.SUCCEEDED
    assert azure.ids() == set()


def test_copied_tags_in_a_handed_over_group_do_not_prove_ownership(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """The group's tags are the new owner's, but resources may have earlier copies of ours."""
    provision(dict(X1))
    rules, theirs = (f"{NETWORK}/networkSecurityGroups/{name}" for name in ("stranger-nsg", "heir-nsg"))
    azure.put(f"{rules}{NETWORK_API}", {**NO_RULES, "tags": OURS})
    azure.put(f"{theirs}{NETWORK_API}", {**NO_RULES, "tags": {STACK_TAG: "x9-00000000", **HERS}})
    for _ in range(2):
        assert ended(ops, X1)[0] is Status.SUCCEEDED
        assert azure.ids() == {GROUP, rules, theirs}
        assert made(ops, X1) is Status.SUCCEEDED
    assert ended(ops, X1)[0] is Status.SUCCEEDED
    assert azure.ids() == {GROUP, rules, theirs}


@pytest.mark.parametrize("tags", [HERS, {STACK_TAG: "x9-00000000", **HERS}])
def test_a_stale_404_does_not_make_a_foreign_resource_ours(
    ops: VMOps, azure: Azure, provision: Deploy, tags: dict[str, str]
) -> None:
    """The list has it with another owner's tags, so the engine does not delete it."""
    provision(dict(X1))
    azure.tag(VM, tags)
    there = azure.vm(VM)["properties"]["vmId"]
    for verb in (ended, made):
        azure.fault({"method": "GET", "path": VM, "times": 3, "effect": GONE})
        answer = verb(ops, X1)
        assert (answer if verb is made else answer[0]) is Status.FAILED  # type: ignore[index]
        azure.let_go()
        assert (azure.vm(VM)["properties"]["vmId"], azure.vm(VM)["tags"]) == (there, tags)


@pytest.mark.parametrize("denied", [GROUP, VM])
def test_a_stale_404_does_not_let_a_removal_delete_a_foreign_resource(
    ops: VMOps, azure: Azure, provision: Deploy, denied: str
) -> None:
    """The engine destroys only what was proven to be ours by a read."""
    provision(dict(X1))
    azure.tag(VM, HERS)
    there = azure.vm(VM)["properties"]["vmId"]
    for nth in range(1, 8):
        azure.fault({"method": "GET", "path": denied, "nth": nth, "times": 3, "effect": GONE})
        ended(ops, X1)
        azure.let_go()
        assert (azure.vm(VM)["properties"]["vmId"], azure.vm(VM)["tags"]) == (there, HERS)


@pytest.mark.parametrize("tags", [OURS, {}], ids=["copied from ours", "none"])
@pytest.mark.parametrize(("denied", "times"), [(IP, 4), (GROUP, 2)], ids=["itself", "its group"])
def test_a_stale_404_does_not_let_a_provision_overwrite_a_foreign_resource(
    ops: VMOps, azure: Azure, provision: Deploy, denied: str, times: int, tags: dict[str, str]
) -> None:
    """A provision reads again if the list or the records say that something exists."""
    provision(dict(X1))
    hers = replaced_address(azure, tags)
    azure.fault({"method": "GET", "path": denied, "times": times, "effect": GONE})
    assert made(ops, {**X1, "tags": "a=b"}) is Status.FAILED
    assert refusal(ops)[0] is FailureKind.CONFLICT
    azure.let_go()
    assert azure.get(f"{IP}{NETWORK_API}") == hers


@pytest.mark.parametrize("times", [2, 4])
def test_a_listed_resource_with_a_404_is_read_again(ops: VMOps, azure: Azure, provision: Deploy, times: int) -> None:
    """It is ours and still paid for: the removal deletes it and its group."""
    provision(dict(X1))
    for arm_id, api in ((VM, COMPUTE_API), (NIC, NETWORK_API)):
        azure.delete(f"{arm_id}{api}")
    azure.fault({"method": "GET", "path": IP, "times": times, "effect": GONE})
    assert ended(ops, X1) == (Status.SUCCEEDED, ops.wait_vm_deployment(False, dict(X1))[1])
    assert azure.ids() == set()


def test_a_group_whose_contents_cannot_be_listed_is_kept(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """The subscription lists the group by its tag, but its own list answers 404: that is not an empty list."""
    provision(dict(X1))
    stranger = f"{NETWORK}/publicIPAddresses/stranger-ip"
    azure.put(f"{stranger}{NETWORK_API}", {**ADDRESS, "tags": {"team": "payroll"}})
    azure.fault({"method": "GET", "path": GROUP, "nth": 3, "times": 30, "effect": GONE})
    assert ended(ops, X1)[0] is Status.SUCCEEDED
    azure.let_go()
    assert azure.ids() == {GROUP, stranger}


def test_another_owner_cannot_remove_our_vm(ops: VMOps, azure: Azure, state_dir: Path, provision: Deploy) -> None:
    """The owner of every remaining resource is checked."""
    provision(dict(X1))
    mallory = another_host(state_dir, "mallory")
    azure.delete(f"{VM}{COMPUTE_API}")
    before = azure.ids()
    for asked in (mallory, VMOps(Settings(state_dir=state_dir, owner="mallory"))):
        assert ended(asked, X1)[0] is Status.FAILED
        assert "tester" in refusal(asked)[1]
        assert made(asked, X1) is Status.FAILED
    assert azure.ids() == before


@pytest.mark.parametrize("tags", [{}, {OWNER_TAG: "somebody-else"}, {STACK_TAG: "x9-00000000", OWNER_TAG: "tester"}])
def test_adopt_takes_a_retagged_vm_by_its_identity(
    ops: VMOps, azure: Azure, provision: Deploy, tags: dict[str, str]
) -> None:
    """Until then the apparent owner is reported. A VM without tags is known by its identity at once."""
    provision({**X1, "ttl": 3600})
    vm_id = azure.vm(VM)["properties"]["vmId"]
    azure.tag(VM, tags)
    whose = ops.status(X1)["machine"]["whose"]
    assert whose == ("another's" if tags else "ours")
    if tags:
        assert ended(ops, X1)[0] is Status.FAILED
        assert "vmops adopt x1" in refusal(ops)[1]
        assert ops.adopt(X1, dry_run=True)[1]["proven"] == {VM: tags}
        assert azure.vm(VM).get("tags", {}) == tags
        assert ops.adopt(X1)[0] is Status.SUCCEEDED
        assert ops.status(X1)["machine"]["whose"] == "ours"
    assert made(ops, {**X1, "ttl": 3600, "vmPorts": "22,80"}) is Status.SUCCEEDED
    assert azure.vm(VM)["properties"]["vmId"] == vm_id
    assert ended(ops, X1)[0] is Status.SUCCEEDED
    assert azure.ids() == set()


def cli(*words: str) -> "subprocess.CompletedProcess[str]":
    """Run a command without a terminal."""
    return subprocess.run([*CLI, *words], check=False, capture_output=True, text=True, timeout=240, input="")


def test_adopt_asks_first(azure: Azure, provision: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    """It shows the resources, and without an answer nothing happens. A removal names what is not ours."""
    provision(dict(X1))
    azure.tag(VM, HERS)
    azure.tag(NSG, {STACK_TAG: "x9-00000000"})
    monkeypatch.setenv("VMOPS_OWNER", "tester")
    shown = cli("adopt", "x1", "--dry-run")
    assert (shown.returncode, "somebody-else" in shown.stdout) == (0, True)
    assert cli("adopt", "x1").returncode != 0
    assert azure.vm(VM)["tags"] == HERS
    assert cli("deprovision", "x1", "--wait").returncode == 1
    told = cli("adopt", "x1", "--yes", "--json")
    assert (told.returncode, set(json.loads(told.stdout)["proven"])) == (0, {VM, NSG})
    azure.tag(NSG, {STACK_TAG: "x9-00000000"})
    gone = cli("deprovision", "x1", "--wait")
    assert (gone.returncode, "x1-nsg" in gone.stderr) == (0, True)
    assert NSG in azure.ids()


def test_adopt_refuses_a_resource_with_another_identity(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """Also on request."""
    provision(dict(X1))
    replaced_by_hers(azure)
    status, found = ops.adopt(X1)
    assert (status, set(found["refused"]), found["proven"]) == (Status.SUCCEEDED, {IP, NSG}, {})
    assert azure.get(f"{IP}{NETWORK_API}")["tags"] == HERS


def test_adopt_by_another_owner_is_refused(ops: VMOps, azure: Azure, state_dir: Path, provision: Deploy) -> None:
    """Records of one owner prove nothing for another."""
    provision(dict(X1))
    mallory = VMOps(Settings(state_dir=state_dir, owner="mallory"))
    assert mallory.adopt(X1)[1]["proven"] == {}
    assert azure.vm(VM)["tags"][OWNER_TAG] == "tester"
