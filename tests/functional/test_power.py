"""Starting, stopping, restarting and deallocating a machine, against the local Resource Manager."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.arm import GROUP
from tests.functional.world import CLAIM, OURS, SPEC, VM, Tags, World, machine_body, refused, slow_world
from vmops.azure import power, vm_state
from vmops.azure.error_codes import failure_from_cloud_error
from vmops.core.errors import CloudError
from vmops.core.failures import FailureKind
from vmops.core.polling import NotYet
from vmops.deploy import survey
from vmops.spec.names import OWNER_TAG, STACK_TAG
from vmops.spec.target import Target


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with slow_world(tmp_path) as world:
        yield world


@pytest.mark.parametrize(
    ("action", "meanwhile", "after"),
    [
        (power.Action.STOP, "stopping", "stopped"),
        (power.Action.RESTART, "starting", "running"),
        (power.Action.DEALLOCATE, "deallocating", "deallocated"),
    ],
)
def test_a_power_operation_is_started_and_polled(
    world: World, action: power.Action, meanwhile: str, after: str
) -> None:
    """The call returns once ARM has accepted, and the service's pause wins over the caller's."""
    world.put_machine(OURS)
    accepted = power.ask(world.arm, SPEC, CLAIM, action)
    assert accepted.url is not None
    looked = power.poll(world.arm, accepted.url, 0.5)
    assert isinstance(looked, NotYet)
    assert looked.seconds > 1
    assert world.state() == ("updating", meanwhile)
    world.pass_time()
    looked = power.poll(world.arm, accepted.url, 0.5)
    assert isinstance(looked, dict)
    assert looked["status"] == "Succeeded"
    assert world.state() == ("succeeded", after)


def test_a_stop_is_a_graceful_shutdown(world: World) -> None:
    """The request says so explicitly, and does not rely on Azure's default."""
    world.put_machine(OURS)
    power.ask(world.arm, SPEC, CLAIM, power.Action.STOP)
    path, _, query = world.journal.asked[-1].partition("?")
    assert path == f"POST {VM}/powerOff"
    assert "skipShutdown=false" in query.split("&")


def test_a_stopped_machine_can_be_started(world: World) -> None:
    """It runs when the operation has ended."""
    world.put_machine(OURS)
    power.begin(world.arm, VM, power.Action.DEALLOCATE)
    world.pass_time()
    seen = world.machine()
    assert (seen.stopped, seen.running) == (True, False)
    power.begin(world.arm, VM, power.Action.START)
    assert world.state() == ("updating", "starting")
    world.pass_time()
    seen = world.machine()
    assert (seen.stopped, seen.running) == (False, True)


def test_a_power_operation_that_azure_refuses_says_why(world: World) -> None:
    """A deallocated machine cannot be stopped: the failure is a wrong state and not a quota."""
    world.put_machine(OURS)
    power.begin(world.arm, VM, power.Action.DEALLOCATE)
    world.pass_time()
    with pytest.raises(CloudError) as refusal:
        power.ask(world.arm, SPEC, CLAIM, power.Action.STOP)
    assert (refusal.value.status, refusal.value.code) == (409, "OperationNotAllowed")
    assert failure_from_cloud_error(refusal.value).kind is FailureKind.CONFLICT


def test_power_of_an_absent_machine_raises(world: World) -> None:
    """The failure has the machine's id."""
    world.put(GROUP)
    with refused(FailureKind.NOT_FOUND, VM):
        power.ask(world.arm, SPEC, CLAIM, power.Action.START)


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({**OURS, OWNER_TAG: "grace"}, "belongs to grace"),
        ({**OURS, STACK_TAG: "vm-00000000"}, "belongs to the stack vm-00000000"),
        ({}, "was not made by vmops under this name"),
    ],
)
def test_power_of_another_owners_machine_is_refused(world: World, tags: Tags, words: str) -> None:
    """The failure names the owner, and no request is sent."""
    world.put_machine(tags)
    with refused(FailureKind.CONFLICT, VM, words):
        power.ask(world.arm, SPEC, CLAIM, power.Action.STOP)
    with refused(FailureKind.CONFLICT, VM, words):
        survey.preflight(world.arm, SPEC, CLAIM)
    assert world.state() == ("succeeded", "running")


def test_a_machine_that_is_being_created_has_no_power_state(world: World) -> None:
    """Azure has none before the machine is allocated."""
    world.put(GROUP)
    world.put_network()
    world.put_nic()
    world.send("PUT", VM, machine_body("vm"))
    seen = world.machine()
    assert (seen.provisioning, seen.power, seen.running, seen.stopped) == ("creating", "", False, False)
    assert vm_state.get_vm_state(world.arm, f"{VM}2") is None


def test_a_machines_name_matches_in_any_case(world: World) -> None:
    """Azure compares names without case."""
    world.put_machine(OURS)
    target = Target.from_params({"vmName": "VM", "resourceGroup": "RG"})
    assert power.ask(world.arm, target, CLAIM, power.Action.STOP).url is not None
