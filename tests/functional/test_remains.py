"""Cleanup after the engine's destroy: deletion, transfer to other users, and foreign resources that stay."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conformance.arm import COMPUTE, GROUP, NETWORK, SUBNET
from tests.functional.world import DISK, HERS, NET, NIC, NSG, OURS, SPEC, VM, World, quick_world, slow_world
from vmops.azure import cleanup, inventory, ownership
from vmops.core.errors import OperationFailed
from vmops.core.failures import FailureKind
from vmops.core.polling import NotYet, poll_until
from vmops.spec.names import GIVEN_TAG, OWNER_TAG, STACK_TAG
from vmops.spec.vm_spec import VmSpec

CLAIM = ownership.Claim(SPEC.identity, "ada", {NET.lower(): ""})


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with quick_world(tmp_path) as world:
        yield world


def release(world: World, timeout: float = 60) -> list[str]:
    return cleanup.delete_owned(world.arm, CLAIM, cleanup.CleanupPolling(0.01, timeout))


def listed(world: World, claim: ownership.Claim = CLAIM) -> list[str]:
    return [found["name"] for found in inventory.read(world.arm, claim).to_go]


def test_list_owned_orders_users_first_and_the_group_last(world: World) -> None:
    """This is the order in which ARM permits the deletions."""
    world.put_machine(OURS)
    world.put(NSG, HERS)
    assert [found["id"] for found in inventory.read(world.arm, CLAIM).to_go] == [VM, NIC, NET, DISK, GROUP]


@pytest.mark.parametrize(("vm_name", "disk"), [("vm", "vm-osdisk"), ("vm", "VM-osdisk"), ("Exp1", "Exp1-osdisk")])
def test_an_untagged_disk_in_our_group_is_owned_by_its_name(world: World, vm_name: str, disk: str) -> None:
    """A failed machine may leave one; names match in any case."""
    vm = VmSpec.from_params({"vmName": vm_name, "resourceGroup": "rg"}).identity
    world.put(GROUP, {STACK_TAG: vm.stack, OWNER_TAG: "ada"})
    world.put_disk(disk)
    world.put_disk("somebodys-disk")
    assert listed(world, ownership.Claim(vm, "ada")) == [disk, "rg"]


def test_a_disk_of_a_vm_with_a_longer_name_is_not_owned(world: World) -> None:
    """VMs called vm and vm-2 may be in one group."""
    world.put(GROUP, OURS)
    world.put_disk("vm-2-osdisk")
    assert listed(world) == ["rg"]


def test_delete_owned_deletes_all_and_the_group(world: World) -> None:
    """Refusals for resources in use are retried, and the machine's disk is deleted too."""
    world.put_machine(OURS)
    assert release(world) == []
    assert world.left() == set()


def test_delete_owned_retries_resources_in_use(tmp_path: Path) -> None:
    """Azure refuses to delete an interface until its machine is gone."""
    with slow_world(tmp_path, pace=0.005) as world:
        world.put_machine(OURS)
        asked = world.journal.asked

        def deletions() -> int:
            return len([each for each in asked if each.startswith(f"DELETE {NIC}?")])

        world.journal.before = lambda now: world.pass_time() if deletions() and now.startswith("GET") else None
        assert release(world) == []
        assert world.left() == set()
    assert deletions() == 2


def test_delete_owned_accepts_a_group_deleted_meanwhile(tmp_path: Path) -> None:
    """Its deletion may end between two reads."""
    with slow_world(tmp_path) as world:
        world.put(GROUP, OURS)
        world.arm.delete(GROUP)
        world.journal.before = lambda asked: world.pass_time() if f"{GROUP}/resources" in asked else None
        assert listed(world) == []


@pytest.mark.parametrize("looks", [1, 2, 3])
def test_delete_owned_accepts_a_group_deleted_during_the_transfer(tmp_path: Path, looks: int) -> None:
    """At whichever read it is gone."""
    with slow_world(tmp_path) as world:
        world.put(GROUP, OURS)
        world.arm.delete(GROUP)
        seen: list[str] = []

        def pass_time_at(asked: str) -> None:
            seen.append(asked)
            if len([each for each in seen if GROUP in each]) > looks:
                world.pass_time()

        world.journal.before = pass_time_at
        assert release(world) == []
        assert world.left() == set()


def test_delete_owned_repeats_an_empty_inventory(world: World) -> None:
    """The second one finds a late write of a dead process."""
    second = {"method": "GET", "path": GROUP, "nth": 2, "effect": {"do": "delay"}}
    world.send("PUT", "/_local/faults", [second])
    with ThreadPoolExecutor() as threads:
        patience = cleanup.CleanupPolling(0.01, 240, again=0.01)
        left = threads.submit(cleanup.delete_owned, world.arm, CLAIM, patience)
        assert poll_until(lambda: world.send("GET", "/_local/kept").json() or NotYet(0.01), timeout=120)
        world.put(GROUP, OURS)
        world.send("PUT", "/_local/faults", [])
        assert left.result() == []
    assert world.left() == set()
    assert any(asked.startswith(f"DELETE {GROUP}?") for asked in world.journal.asked)


def test_delete_owned_without_resources_succeeds(world: World) -> None:
    """On a second call, or for a VM that never existed."""
    assert release(world) == []
    world.put(GROUP)
    assert release(world) == []
    assert world.left() == {GROUP}


def test_delete_owned_keeps_a_foreign_group_and_its_contents(world: World) -> None:
    """An untagged disk there is not ours, whatever its name."""
    world.put_machine(OURS)
    world.put(GROUP)
    world.put_disk("vm-osdisk-of-yesterday")
    world.put(NSG)
    assert release(world) == []
    assert world.left() == {GROUP, NSG, f"{COMPUTE}/disks/vm-osdisk-of-yesterday"}


def test_delete_owned_keeps_our_group_with_foreign_contents(world: World) -> None:
    """Deleting the group would delete them; they are named instead."""
    world.put_machine(OURS)
    world.put(NSG)
    assert release(world) == [NSG]
    assert world.left() == {GROUP, NSG}


def test_a_resource_used_by_another_stack_is_transferred(world: World) -> None:
    """Our network gets the other stack's tags, and so does its group."""
    theirs = f"{NETWORK}/networkInterfaces/exp2-nic"
    world.put_machine(OURS)
    world.put_nic(HERS, path=theirs)
    assert release(world) == []
    assert world.left() == {GROUP, NET, SUBNET, theirs}
    assert world.send("GET", GROUP).json()["tags"] == HERS
    assert world.send("GET", NET).json()["tags"] == {**HERS, GIVEN_TAG: SPEC.stack}


def test_a_resource_used_by_a_foreign_vm_loses_our_tags(world: World) -> None:
    """Without our tags no later removal deletes it."""
    theirs = f"{NETWORK}/networkInterfaces/stranger-nic"
    world.put_machine({**OURS, "team": "lab"})
    world.put_nic(path=theirs)
    assert set(release(world)) == {NET, theirs}
    assert world.send("GET", NET).json()["tags"] == {"team": "lab"}


def test_a_resource_used_by_another_owners_vm_is_not_deleted(world: World) -> None:
    """Although it has our tags: the VM is theirs, with everything that it uses."""
    world.put_machine(HERS)
    world.arm.merge_tags(NIC, OURS)
    there = world.left()
    with pytest.raises(OperationFailed) as failed:
        release(world)
    assert (failed.value.failure.kind, failed.value.failure.resource) == (FailureKind.CONFLICT, VM)
    assert world.left() == there


LOCK = "/providers/Microsoft.Authorization/locks/keep"
IN_USE = {"code": "NicInUse", "message": "It is in use by what nobody knows."}
IP = f"{NETWORK}/publicIPAddresses/vm-ip"


def lock(world: World, scope: str) -> None:
    """Lock a scope, as somebody else would."""
    world.send("PUT", f"{scope}{LOCK}", {"properties": {"level": "CanNotDelete"}})


def put_address(world: World) -> None:
    """Create an address of ours that nothing uses."""
    world.put(IP, OURS, sku={"name": "Standard"}, properties={"publicIPAllocationMethod": "Static"})


def deletions(world: World) -> Counter[str]:
    """Count the requested deletions by id."""
    asked = [each.partition("?")[0].split() for each in world.journal.asked]
    return Counter(path for method, path in asked if method == "DELETE")


def test_only_locked_resources_stay(world: World) -> None:
    """Refusals by a lock are final. Other resources are deleted, and the rest is named with a remedy."""
    world.put_machine(OURS)
    put_address(world)
    lock(world, IP)
    with pytest.raises(OperationFailed) as failed:
        release(world, 8)
    failure = failed.value.failure
    assert (failure.kind, failure.code, failure.resource) == (FailureKind.AUTH, "ScopeLocked", IP)
    assert failure.message.startswith(f"left, and still paid for: vm-ip; vm-ip: somebody has locked {IP}")
    assert f"remove the management lock from {IP}" in failure.next_step
    assert not failure.retryable
    assert world.left() == {GROUP, IP}
    world.send("DELETE", f"{IP}{LOCK}")
    assert release(world) == []
    assert world.left() == set()


def test_a_locked_machine_keeps_what_it_uses(world: World) -> None:
    """The deletion of what it uses is tried once, and reported as left."""
    world.put_machine(OURS)
    lock(world, VM)
    with pytest.raises(OperationFailed) as failed:
        release(world, 8)
    message = failed.value.failure.message
    assert message.startswith("left, and still paid for: vm, vm-nic, net, vm-osdisk; ")
    assert "vm-nic, net: in use by what is left" in message
    assert deletions(world) == {VM: 1, NIC: 1, NET: 1}


def test_two_locks_are_both_named(world: World) -> None:
    """One failure names both."""
    world.put_machine(OURS)
    put_address(world)
    for scope in (VM, IP):
        lock(world, scope)
    with pytest.raises(OperationFailed) as failed:
        release(world, 8)
    assert all(f"remove the management lock from {scope}" in failed.value.failure.next_step for scope in (VM, IP))


def test_in_a_locked_group_each_deletion_is_tried_once(world: World) -> None:
    """No deletion is retried, and the reason is reported once."""
    world.put_machine(OURS)
    lock(world, GROUP)
    there = world.left()
    with pytest.raises(OperationFailed) as failed:
        release(world, 8)
    assert failed.value.failure.message.count("somebody has locked") == 1
    assert deletions(world) == {VM: 1, NIC: 1, NET: 1}
    assert world.left() == there


def test_a_forbidden_deletion_succeeds_after_a_role_assignment(world: World) -> None:
    """A new role is not known everywhere at once: the failure says so, and other deletions are tried."""
    world.put_machine(OURS)
    denied = {"path": NET, "verbs": ["delete"], "effect": {"do": "refuse", "code": "AuthorizationFailed"}}
    world.send("PUT", "/_local/faults", [denied])
    with pytest.raises(OperationFailed) as failed:
        release(world, 8)
    assert failed.value.failure.code == "AuthorizationFailed"
    assert "call again: a grant is not known everywhere at once" in failed.value.failure.next_step
    assert world.left() == {GROUP, NET, SUBNET}


def test_a_blocked_group_deletion_is_retried_or_reported(world: World) -> None:
    """A transient refusal is retried, a permanent one reported at once; an empty group costs nothing."""
    world.put(GROUP, OURS)
    busy = {"method": "DELETE", "path": GROUP, "nth": 1, "effect": {"do": "refuse", "code": "Conflict:concurrent"}}
    world.send("PUT", "/_local/faults", [busy])
    assert release(world) == []
    world.put(GROUP, OURS)
    lock(world, GROUP)
    with pytest.raises(OperationFailed) as failed:
        release(world, 8)
    assert failed.value.failure.message == f"rg: somebody has locked {GROUP} (ScopeLocked)"


def test_repeated_deletions_are_retried_with_backoff(world: World) -> None:
    """Not every second for an hour; the deadline reports the last refusal."""
    world.put_machine(OURS)
    world.send("PUT", "/_local/faults", [{"path": NIC, "verbs": ["delete"], "effect": {"do": "refuse", **IN_USE}}])
    with pytest.raises(OperationFailed) as failed:
        release(world, timeout=3)
    assert (failed.value.failure.code, failed.value.failure.resource) == ("NicInUse", NIC)
    assert 2 <= deletions(world)[NIC] <= 20, "0.01, 0.015 … seconds: 12 rounds are 2.6 s"


@pytest.mark.parametrize("tags", [{OWNER_TAG: "mallory"}, {OWNER_TAG: "mallory", "team": "lab"}])
def test_another_owners_resource_with_our_stack_tag_stays(world: World, tags: dict[str, str]) -> None:
    """Two owners may have stacks of one name, so the owner of every resource is checked."""
    world.put_machine(OURS)
    world.put(NSG, {STACK_TAG: SPEC.stack, **tags})
    there = world.left()
    with pytest.raises(OperationFailed, match=r"it exists and belongs to mallory.*/nsg\]$"):
        release(world)
    assert world.left() == there


def test_removal_of_another_owners_orphans_is_refused(world: World) -> None:
    """Their VM was deleted by hand."""
    world.put_machine(OURS)
    world.arm.delete(VM)
    world.pass_time()
    there = world.left()
    mallory = ownership.Claim(SPEC.identity, "mallory")
    seen = inventory.read(world.arm, mallory)
    assert [each["id"] for each in seen.others if ownership.is_another_owners(each, mallory)] == [NIC, NET, DISK]
    with pytest.raises(OperationFailed, match="belongs to ada"):
        cleanup.delete_owned(world.arm, mallory, cleanup.CleanupPolling(0.01, 60))
    assert world.left() == there
    assert not inventory.read(world.arm, CLAIM).others
