"""What remains after the engine's destroy: let go, handed over, or left to whom it belongs."""

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
    return cleanup.delete_owned(world.arm, CLAIM, cleanup.Patience(0.01, timeout))


def listed(world: World, claim: ownership.Claim = CLAIM) -> list[str]:
    return [found["name"] for found in inventory.take(world.arm, claim).to_go]


def test_list_owned_orders_users_first_and_the_group_last(world: World) -> None:
    """In the order in which ARM lets them go."""
    world.put_machine(OURS)
    world.put(NSG, HERS)
    assert [found["id"] for found in inventory.take(world.arm, CLAIM).to_go] == [VM, NIC, NET, DISK, GROUP]


@pytest.mark.parametrize(("vm_name", "disk"), [("vm", "vm-osdisk"), ("vm", "VM-osdisk"), ("Exp1", "Exp1-osdisk")])
def test_an_untagged_disk_in_our_group_is_owned_by_its_name(world: World, vm_name: str, disk: str) -> None:
    """A machine that failed may leave one; Azure compares names without case."""
    vm = VmSpec.from_params({"vmName": vm_name, "resourceGroup": "rg"}).identity
    world.put(GROUP, {STACK_TAG: vm.stack, OWNER_TAG: "ada"})
    world.put_disk(disk)
    world.put_disk("somebodys-disk")
    assert listed(world, ownership.Claim(vm, "ada")) == [disk, "rg"]


def test_a_disk_of_a_vm_with_a_longer_name_is_not_owned(world: World) -> None:
    """Two VMs in one group may be called vm and vm-2: each has disks of its own."""
    world.put(GROUP, OURS)
    world.put_disk("vm-2-osdisk")
    assert listed(world) == ["rg"]


def test_delete_owned_deletes_all_and_the_group(world: World) -> None:
    """In-use refusals pass; nothing is left to pay for, the disk that the machine left behind included."""
    world.put_machine(OURS)
    assert release(world) == []
    assert world.left() == set()


def test_delete_owned_retries_resources_in_use(tmp_path: Path) -> None:
    """Azure refuses to delete the interface of a machine that is going, and lets it go once that is gone."""
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
    """Its deletion ends when it ends: the group that was just seen need not be there to be listed."""
    with slow_world(tmp_path) as world:
        world.put(GROUP, OURS)
        world.arm.delete(GROUP)
        world.journal.before = lambda asked: world.pass_time() if f"{GROUP}/resources" in asked else None
        assert listed(world) == []


@pytest.mark.parametrize("looks", [1, 2, 3])
def test_delete_owned_accepts_a_group_deleted_during_the_transfer(tmp_path: Path, looks: int) -> None:
    """Whichever look is the last that sees it: that it is gone is what was wanted."""
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
    """A write of the dead that was still on its way is found by it."""
    second = {"method": "GET", "path": GROUP, "nth": 2, "effect": {"do": "delay"}}
    world.send("PUT", "/_local/faults", [second])
    with ThreadPoolExecutor() as threads:
        patience = cleanup.Patience(0.01, 240, again=0.01)
        left = threads.submit(cleanup.delete_owned, world.arm, CLAIM, patience)
        assert poll_until(lambda: world.send("GET", "/_local/kept").json() or NotYet(0.01), timeout=120)
        world.put(GROUP, OURS)
        world.send("PUT", "/_local/faults", [])
        assert left.result() == []
    assert world.left() == set()
    assert any(asked.startswith(f"DELETE {GROUP}?") for asked in world.journal.asked)


def test_delete_owned_without_resources_succeeds(world: World) -> None:
    """Called twice, or for a VM that never was."""
    assert release(world) == []
    world.put(GROUP)
    assert release(world) == []
    assert world.left() == {GROUP}


def test_delete_owned_keeps_a_foreign_group_and_its_contents(world: World) -> None:
    """A disk without a tag is nobody's business there, whatever its name."""
    world.put_machine(OURS)
    world.put(GROUP)
    world.put_disk("vm-osdisk-of-yesterday")
    world.put(NSG)
    assert release(world) == []
    assert world.left() == {GROUP, NSG, f"{COMPUTE}/disks/vm-osdisk-of-yesterday"}


def test_delete_owned_keeps_our_group_with_foreign_contents(world: World) -> None:
    """Deleting a group deletes all in it: what a stranger put there is named instead."""
    world.put_machine(OURS)
    world.put(NSG)
    assert release(world) == [NSG]
    assert world.left() == {GROUP, NSG}


def test_a_resource_used_by_another_stack_is_transferred(world: World) -> None:
    """The network that we made and they use is theirs from now on, and so is the group around it."""
    theirs = f"{NETWORK}/networkInterfaces/exp2-nic"
    world.put_machine(OURS)
    world.put_nic(HERS, path=theirs)
    assert release(world) == []
    assert world.left() == {GROUP, NET, SUBNET, theirs}
    assert world.send("GET", GROUP).json()["tags"] == HERS
    assert world.send("GET", NET).json()["tags"] == {**HERS, GIVEN_TAG: SPEC.stack}


def test_a_resource_used_by_a_foreign_vm_loses_our_tags(world: World) -> None:
    """Who does not use vmops gets it without our tags: nobody will delete it under their feet."""
    theirs = f"{NETWORK}/networkInterfaces/stranger-nic"
    world.put_machine({**OURS, "team": "lab"})
    world.put_nic(path=theirs)
    assert set(release(world)) == {NET, theirs}
    assert world.send("GET", NET).json()["tags"] == {"team": "lab"}


def test_a_resource_used_by_another_owners_vm_is_not_deleted(world: World) -> None:
    """Though it carries our tags: the VM is theirs, and so is all of it."""
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
    """Put an address of ours there that nothing uses."""
    world.put(IP, OURS, sku={"name": "Standard"}, properties={"publicIPAllocationMethod": "Static"})


def deletions(world: World) -> Counter[str]:
    """Count the deletions that were asked for, by the id."""
    asked = [each.partition("?")[0].split() for each in world.journal.asked]
    return Counter(path for method, path in asked if method == "DELETE")


def test_only_locked_resources_stay(world: World) -> None:
    """A lock is final for its resource: the others go, and what is still paid for is named with the way out."""
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
    """What it uses would be refused as long as it is there: asked once, and named as left."""
    world.put_machine(OURS)
    lock(world, VM)
    with pytest.raises(OperationFailed) as failed:
        release(world, 8)
    message = failed.value.failure.message
    assert message.startswith("left, and still paid for: vm, vm-nic, net, vm-osdisk; ")
    assert "vm-nic, net: in use by what is left" in message
    assert deletions(world) == {VM: 1, NIC: 1, NET: 1}


def test_two_locks_are_both_named(world: World) -> None:
    """Who removes one of them and calls again should not learn only then of the other."""
    world.put_machine(OURS)
    put_address(world)
    for scope in (VM, IP):
        lock(world, scope)
    with pytest.raises(OperationFailed) as failed:
        release(world, 8)
    assert all(f"remove the management lock from {scope}" in failed.value.failure.next_step for scope in (VM, IP))


def test_in_a_locked_group_each_deletion_is_tried_once(world: World) -> None:
    """Nothing in it can go, and nothing is asked for again; the reason is said once."""
    world.put_machine(OURS)
    lock(world, GROUP)
    there = world.left()
    with pytest.raises(OperationFailed) as failed:
        release(world, 8)
    assert failed.value.failure.message.count("somebody has locked") == 1
    assert deletions(world) == {VM: 1, NIC: 1, NET: 1}
    assert world.left() == there


def test_a_forbidden_deletion_succeeds_after_a_role_assignment(world: World) -> None:
    """A role that was given minutes ago is not known everywhere: that is said, and the others are tried."""
    world.put_machine(OURS)
    denied = {"path": NET, "verbs": ["delete"], "effect": {"do": "refuse", "code": "AuthorizationFailed"}}
    world.send("PUT", "/_local/faults", [denied])
    with pytest.raises(OperationFailed) as failed:
        release(world, 8)
    assert failed.value.failure.code == "AuthorizationFailed"
    assert "call again: a grant is not known everywhere at once" in failed.value.failure.next_step
    assert world.left() == {GROUP, NET, SUBNET}


def test_a_blocked_group_deletion_is_retried_or_reported(world: World) -> None:
    """A refusal that passes is met again; one that does not is told at once, and an empty group costs nothing."""
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
    """Not every second for an hour; the deadline then tells of the last refusal."""
    world.put_machine(OURS)
    world.send("PUT", "/_local/faults", [{"path": NIC, "verbs": ["delete"], "effect": {"do": "refuse", **IN_USE}}])
    with pytest.raises(OperationFailed) as failed:
        release(world, timeout=3)
    assert (failed.value.failure.code, failed.value.failure.resource) == ("NicInUse", NIC)
    assert 2 <= deletions(world)[NIC] <= 20, "0.01, 0.015 … seconds: 12 rounds are 2.6 s"


@pytest.mark.parametrize("tags", [{OWNER_TAG: "mallory"}, {OWNER_TAG: "mallory", "team": "lab"}])
def test_another_owners_resource_with_our_stack_tag_stays(world: World, tags: dict[str, str]) -> None:
    """The owner is asked of every resource: the stack's name, which two owners may share, proves nothing."""
    world.put_machine(OURS)
    world.put(NSG, {STACK_TAG: SPEC.stack, **tags})
    there = world.left()
    with pytest.raises(OperationFailed, match=r"it exists and belongs to mallory.*/nsg\]$"):
        release(world)
    assert world.left() == there


def test_removal_of_another_owners_orphans_is_refused(world: World) -> None:
    """Their VM was deleted by hand, and the rest is theirs still."""
    world.put_machine(OURS)
    world.arm.delete(VM)
    world.pass_time()
    there = world.left()
    mallory = ownership.Claim(SPEC.identity, "mallory")
    seen = inventory.take(world.arm, mallory)
    assert [each["id"] for each in seen.anothers if ownership.is_another_owners(each, mallory)] == [NIC, NET, DISK]
    with pytest.raises(OperationFailed, match="belongs to ada"):
        cleanup.delete_owned(world.arm, mallory, cleanup.Patience(0.01, 60))
    assert world.left() == there
    assert not inventory.take(world.arm, CLAIM).anothers
