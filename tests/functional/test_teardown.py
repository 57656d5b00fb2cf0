"""VMs that a program holds: made when it enters a block, and removed however it leaves."""

import asyncio
import os
import signal
import threading
import time
from contextlib import ExitStack

import pytest

import vmops
from tests.azure import Azure
from tests.functional.doors import (
    ENDINGS,
    arm_of,
    blocks,
    end_all,
    ended,
    hear,
    names,
    python,
    retag,
    start,
    sweep_what_was_killed,
)
from vmops import Machine, ProvisionError, SpecError, Status, VMOps
from vmops.core.failures import FailureKind
from vmops.core.polling import NotYet, poll_until
from vmops.core.times import format_utc, parse_utc
from vmops.jobs.operation import State, Verb
from vmops.protocol import Params
from vmops.spec.names import EXPIRES_TAG, OWNER_TAG

WITH = """
import sys, vmops
with vmops.machine({{"vmName": "exp-{name}", "ttl": "1h"}}) as vm:
    print("inside", vm.name, flush=True)
    {ending}
"""
DECORATED = """
import sys, vmops
@vmops.machine({{"vmName": "exp-{name}", "ttl": "1h"}})
def experiment(vm, word):
    print(word, vm.name, flush=True)
    {ending}
experiment("inside")
"""
ASYNC = """
import asyncio, sys, vmops
async def main():
    async with vmops.machine({"vmName": "exp1"}) as vm:
        print("inside", vm.name, flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


@pytest.fixture
def ops(azure: Azure, ops: VMOps, monkeypatch: pytest.MonkeyPatch) -> VMOps:
    """Give VMOps for the owner that the programs have."""
    monkeypatch.setenv("VMOPS_OWNER", ops.settings.owner)
    return ops


@pytest.mark.parametrize("program", [WITH, DECORATED], ids=["with", "decorator"])
def test_nothing_is_left_however_a_program_ends(ops: VMOps, azure: Azure, program: str) -> None:
    """An orderly end removes the VM; after a kill the VM expires."""
    commands = {name: python(program.format(name=name, ending=ending)) for name, ending in ENDINGS.items()}
    codes = {"exception": 1, "exit": 3, "sigint": -2, "sigterm": 128 + 15, "sigkill": -9}
    assert end_all(commands) == codes
    sweep_what_was_killed(ops, azure)


def test_a_machine_can_be_used_while_it_is_held(ops: VMOps, azure: Azure) -> None:
    """It has names and addresses, can be stopped and started, and failures are raised with their reason."""
    with vmops.machine({"vmName": "exp1", "dnsLabelPrefix": "exp1"}, settings=ops.settings) as vm:
        assert names(azure) == [vm.name] == ["exp1"]
        assert (vm.host, vm.private_ip, vm.user) == (vm.public_ip, "10.0.0.4", "mlos")
        assert vm.ssh.endswith(f"mlos@{vm.host}")
        assert str(vm.fqdn).startswith("exp1.")
        for verb, power in ((vm.stop, "stopped"), (vm.start, "running"), (vm.restart, "running")):
            verb()
            assert vm.refresh() == power
        vm.deallocate()
        with pytest.raises(ProvisionError) as refused:
            vm.stop()
        assert (refused.value.vm_name, refused.value.failure.kind) == ("exp1", FailureKind.CONFLICT)
        arm_of(ops).delete(vm.id)
        assert poll_until(lambda: names(azure) == [] or NotYet(0.02), timeout=240)
        with pytest.raises(ProvisionError, match=r"^exp1: not_found: .*the VM is gone"):
            vm.refresh()
    assert azure.resources() == []


def test_a_second_interrupt_does_not_skip_the_removal(ops: VMOps, azure: Azure) -> None:
    """The first Ctrl-C during the provision starts the removal, and the second ends only the wait for it."""
    create, delete = ({"path": "*/virtualMachines/exp-1", "verbs": [verb]} for verb in ("create", "delete"))
    rules = [{**create, "effect": {"do": "delay"}}, {**delete, "effect": {"do": "stick"}}]
    azure.fault(*rules)
    with start(python(WITH.format(name="1", ending="pass"))) as process:
        assert poll_until(lambda: azure.kept() or NotYet(0.02), timeout=240)
        process.send_signal(signal.SIGINT)
        azure.stick("delete")
        assert poll_until(lambda: removal_in_flight(ops, "exp-1") or NotYet(0.02), timeout=240)
        process.send_signal(signal.SIGINT)
        assert ended(process)[0] == -signal.SIGINT
    azure.let_go()
    assert ops.wait_vm_deployment(False, {"vmName": "exp-1"})[0] is Status.SUCCEEDED
    assert azure.resources() == []


def removal_in_flight(ops: VMOps, vm_name: str) -> bool:
    """Tell whether the worker of a VM's removal is running."""
    operation = ops.operation({"vmName": vm_name})
    return operation is not None and (operation.verb, operation.state) == (Verb.DEPROVISION, State.RUNNING)


def test_machines_are_all_made_or_all_removed(ops: VMOps, azure: Azure) -> None:
    """The first failure removes the others. A VM in use by another program is left to it."""
    azure.stick("create", "other")
    other: Params = {"vmName": "other"}
    assert ops.vm_provision(other) == (Status.PENDING, {})
    good, refused, busy = {"vmName": "good"}, {"vmName": "m", "vmSize": "Standard_M128ms"}, {**other, "vmPorts": "80"}
    for wanted, kind in (([busy], FailureKind.LOCKED), ([good, refused], FailureKind.CAPACITY)):
        with pytest.raises(ProvisionError) as failed, vmops.machines(wanted, settings=ops.settings):
            pytest.fail("it has no machine to go on with")
        assert (failed.value.vm_name, failed.value.failure.kind) == (wanted[-1]["vmName"], kind)
    azure.let_go()
    assert ops.wait_vm_deployment(True, other)[0] is Status.SUCCEEDED
    assert names(azure) == ["other"]
    assert {each["name"] for each in azure.resources() if each["type"].endswith("resourceGroups")} == {"vmops-other"}


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        ([{"vmName": "exp1"}, {"vmName": "EXP1"}], "vmName: 'exp1' is asked for 2 times in one block"),
        ([{"vmName": "exp1"}, {"vmName": "exp2", "vmPorts": 70000}], "vmPorts: 70000 is not a port"),
    ],
)
def test_wrong_parameters_are_refused_before_anything_happens(
    ops: VMOps, azure: Azure, wanted: list[Params], sentence: str
) -> None:
    """The parameters of all machines are checked first."""
    with pytest.raises(SpecError, match=sentence), vmops.machines(wanted, settings=ops.settings):
        pytest.fail("it has no machine to go on with")
    assert ops.operations() == []
    assert azure.writes() == []


def test_keep_on_error_keeps_the_machine(ops: VMOps, azure: Azure, caplog: pytest.LogCaptureFixture) -> None:
    """An Exception keeps it, by default for two hours, and the log says how to log in and remove it.

    The next block with take_over removes it.
    """
    held = vmops.machine({"vmName": "exp1"}, settings=ops.settings, keep_on_error=True)
    with pytest.raises(ZeroDivisionError), held as vm:
        _ = 1 / 0
    expires = parse_utc(azure.vm(vm.id)["tags"][EXPIRES_TAG])
    assert 7000 < expires - time.time() < 7300
    assert f"exp1 stays until {format_utc(expires)}: `{vm.ssh}` logs in" in caplog.text
    assert "`vmops extend exp1 2h` gives it more time, `vmops deprovision exp1 --wait` removes it" in caplog.text
    with vmops.machine({"vmName": "exp1"}, settings=ops.settings, take_over=True) as again:
        assert again.id == vm.id
    assert azure.resources() == []


def test_a_failed_removal_is_raised(ops: VMOps, azure: Azure, caplog: pytest.LogCaptureFixture) -> None:
    """If an exception is being raised already, the failure is added as a note and logged."""

    def lose(vm: Machine) -> None:
        retag(ops, vm.id, OWNER_TAG, "stranger")
        raise ZeroDivisionError

    first, second = (vmops.machine({"vmName": name}, settings=ops.settings) for name in ("exp1", "exp2"))
    with pytest.raises(ProvisionError, match=r"^exp1: conflict: .* belongs to stranger"), first as vm:
        retag(ops, vm.id, OWNER_TAG, "stranger")
    with pytest.raises(ZeroDivisionError) as raised, second as vm:
        lose(vm)
    assert "belongs to stranger" in raised.value.__notes__[0]
    assert "belongs to stranger" in caplog.text
    assert names(azure) == ["exp1", "exp2"]


def test_a_removal_is_retried_after_its_worker_died(ops: VMOps, azure: Azure) -> None:
    """A transient failure does not leave the VM."""
    killed: list[int] = []
    azure.stick("delete")

    def kill_worker() -> None:
        if poll_until(lambda: removal_in_flight(ops, "exp1") or NotYet(0.02), timeout=240):
            operation = ops.operation({"vmName": "exp1"})
            assert operation
            os.kill(operation.pid, signal.SIGKILL)
            killed.append(operation.pid)
        azure.let_go()

    killer = threading.Thread(target=kill_worker)
    with vmops.machine({"vmName": "exp1"}, settings=ops.settings):
        killer.start()
    killer.join()
    assert len(killed) == 1
    assert azure.resources() == []


def test_a_forked_child_removes_nothing_at_its_end(ops: VMOps, azure: Azure) -> None:
    """The VM belongs to the parent; a block that is never left ends with the program."""
    program = """
import os, sys, vmops
held = vmops.machine({"vmName": "exp1"})
vm = held.__enter__()
child = os.fork()
if not child:
    held.__exit__(None, None, None)
    sys.exit()
os.waitpid(child, 0)
print(vm.refresh(), flush=True)
"""
    with start(python(program)) as process:
        hear(process, "running")
        assert ended(process) == (0, "")
    assert ops.wait_vm_deployment(False, {"vmName": "exp1"})[0] is Status.SUCCEEDED
    assert azure.resources() == []


def test_a_cancelled_coroutine_removes_its_machine(ops: VMOps, azure: Azure) -> None:
    """A task may be cancelled during the provision, and the event loop is not blocked."""
    azure.stick("create")

    @vmops.machine({"vmName": "exp1"}, settings=ops.settings)
    async def experiment(vm: Machine, word: str) -> str:
        pytest.fail(f"{vm.name} was not to be had: {word}")

    async def main() -> None:
        task = asyncio.create_task(experiment("word"))
        await asyncio.to_thread(poll_until, lambda: bool(azure.ids()) or NotYet(0.02), timeout=240)
        task.cancel()
        azure.let_go()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert azure.resources() == []


def test_an_async_block_with_several_machines_removes_them_after_an_exception(ops: VMOps, azure: Azure) -> None:
    """All machines exist inside and none afterwards, and the exception propagates."""

    async def main() -> None:
        async with vmops.machines([{"vmName": "exp1"}, {"vmName": "exp2"}], settings=ops.settings) as held:
            assert [vm.name for vm in held] == names(azure) == ["exp1", "exp2"]
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(main())
    assert azure.resources() == []


def test_sigterm_unwinds_a_coroutine(ops: VMOps, azure: Azure) -> None:
    """The signal ends the event loop, and the VM is gone before the process ends."""
    with start(python(ASYNC)) as process:
        hear(process, "inside")
        process.send_signal(signal.SIGTERM)
        code, _ = ended(process)
    assert code == 128 + signal.SIGTERM
    assert azure.resources() == []


def test_the_docs_examples_run(ops: VMOps, azure: Azure) -> None:
    """They do what the docs say, and leave nothing."""
    examples = [each for page in ("python.md", "teardown.md", "again.md") for each in blocks(page, "python")]
    programs = [example for example in examples if "def test_" not in example]
    with ExitStack() as running:
        started = [running.enter_context(start(python(program))) for program in programs]
        assert [ended(process) for process in started] == [(0, "")] * 7
    assert azure.resources() == []
