"""Holders of VMs: the record decides among the processes of a host, the tag among hosts."""

import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import vmops
from tests.azure import Azure, begun
from tests.functional.doors import CLI, SUBSCRIPTION, ended, hear, names, outlive, python, retag, start
from vmops import ProvisionError, Status, VMOps
from vmops.core import keys
from vmops.core.failures import FailureKind
from vmops.core.holder import Holder
from vmops.core.polling import NotYet, poll_until
from vmops.jobs.operation import Verb
from vmops.protocol import Params
from vmops.spec.names import HOLD_TAG, Identity

EXP1: Params = {"vmName": "exp1"}
IDENTITY = Identity("local", SUBSCRIPTION, "vmops-exp1", "exp1")
VM_ID = IDENTITY.vm_id
PROGRAM = """
import sys, vmops
with vmops.machine({{"vmName": "exp1", "ttl": "1h"}}{terms}) as vm:
    print("inside", flush=True)
    sys.stdin.read()
print("outside", flush=True)
"""
Program = subprocess.Popen[str]


@pytest.fixture
def ops(azure: Azure, ops: VMOps, monkeypatch: pytest.MonkeyPatch) -> VMOps:
    """Give VMOps for the owner that the programs have."""
    monkeypatch.setenv("VMOPS_OWNER", ops.settings.owner)
    return ops


@pytest.fixture
def running() -> Iterator[ExitStack]:
    """Give the programs that are ended after a test."""
    with ExitStack() as programs:
        yield programs


def program(terms: str = "") -> list[str]:
    """Give the command of a program that holds exp1 until its standard input ends."""
    return python(PROGRAM.format(terms=f", {terms}" if terms else ""))


def run(*options: str) -> list[str]:
    """Give the command that runs a command with exp1 until its standard input ends."""
    return [*CLI, "run", "exp1", "-p", "ttl=1h", *options, "--", "sh", "-c", "echo inside; cat"]


def begin(running: ExitStack, command: list[str]) -> Program:
    """Start a program, which is ended with the test."""
    process = running.enter_context(start(command))
    running.callback(process.kill)
    return process


def inside(running: ExitStack, command: list[str]) -> Program:
    """Start a program, and give it once it holds its VM."""
    process = begin(running, command)
    hear(process, "inside")
    return process


def leave(process: Program) -> tuple[int, str]:
    """Let a program leave its block as soon as it has entered, and give its exit code and output."""
    assert process.stdin
    process.stdin.close()
    process.stdin = None
    return ended(process)


def kill(process: Program) -> None:
    """Kill a program with SIGKILL."""
    process.send_signal(signal.SIGKILL)
    process.wait()


def vm(azure: Azure) -> dict[str, Any]:
    """Give exp1 as ARM has it."""
    return azure.vm(VM_ID)


def made_by_hand(ops: VMOps, azure: Azure) -> str:
    """Make exp1 as a person does, and give Azure's own id of it."""
    params: Params = {**EXP1, "vmSize": "Standard_B1s"}
    assert ops.vm_provision(params)[0] is Status.PENDING
    assert ops.wait_vm_deployment(True, params)[0] is Status.SUCCEEDED, ops.last_failure(params)
    return str(vm(azure)["properties"]["vmId"])


def test_a_vm_with_a_living_holder_is_refused(ops: VMOps, azure: Azure, running: ExitStack) -> None:
    """The second program is told who holds it and what to do, and removes nothing: the first keeps its VM."""
    first = inside(running, program())
    for command, code in ((program(), 1), (run(), 125)):
        ending, words = leave(begin(running, command))
        assert ending == code, words
        assert f"held by a program (vmops.machine), pid {first.pid} on " in words
        assert "take_over=True" in words
        assert "--take-over" in words
    assert names(azure) == ["exp1"]
    assert leave(first)[0] == 0
    assert azure.resources() == []


@pytest.mark.parametrize("command", [program(), run()], ids=["machine", "run"])
def test_a_dead_holders_vm_is_taken_by_the_same_kind(
    ops: VMOps, azure: Azure, running: ExitStack, command: list[str]
) -> None:
    """A killed program that is started again continues with its VM, and removes it at the end."""
    kill(inside(running, command))
    before = vm(azure)
    again = inside(running, command)
    assert vm(azure)["properties"]["vmId"] == before["properties"]["vmId"]
    assert vm(azure)["tags"][HOLD_TAG] != before["tags"][HOLD_TAG]
    assert leave(again)[0] == 0
    assert azure.resources() == []


def test_a_dead_holders_vm_is_refused_to_another_kind(ops: VMOps, azure: Azure, running: ExitStack) -> None:
    """A program's block does not take the VM of a killed `vmops run`."""
    kill(inside(running, run()))
    before = vm(azure)
    ending, words = leave(begin(running, program()))
    assert (ending, vm(azure)) == (1, before)
    assert "left by a `vmops run`, pid " in words


def test_a_persons_vm_is_refused_and_unchanged(ops: VMOps, azure: Azure, running: ExitStack) -> None:
    """It is neither resized nor removed."""
    made_by_hand(ops, azure)
    before, writes, had = vm(azure), azure.writes(), ops.operation(EXP1)
    for command, code in ((program(), 1), (run(), 125)):
        ending, words = leave(begin(running, command))
        assert ending == code
        assert "conflict: " in words
        assert "no program holds it" in words
    assert (vm(azure), azure.writes(), ops.operation(EXP1)) == (before, writes, had)


@pytest.mark.parametrize("command", [program("take_over=True"), run("--take-over")], ids=["machine", "run"])
def test_a_persons_vm_is_taken_over_on_request(
    ops: VMOps, azure: Azure, running: ExitStack, command: list[str]
) -> None:
    """Then it is held, updated as requested, and removed at the end."""
    made = made_by_hand(ops, azure)
    holds = inside(running, command)
    assert (vm(azure)["properties"]["vmId"], vm(azure)["properties"]["hardwareProfile"]["vmSize"]) == (
        made,
        "Standard_B2s",
    )
    assert leave(begin(running, program()))[0] == 1
    assert leave(holds)[0] == 0
    assert azure.resources() == []


def test_a_former_holder_does_not_remove_the_vm(ops: VMOps, azure: Azure, running: ExitStack) -> None:
    """A release removes only what its own holder holds, and no removal is recorded."""
    first = inside(running, program())
    second = inside(running, program("take_over=True"))
    assert leave(first)[0] == 0
    assert names(azure) == ["exp1"]
    newest = ops.operation(EXP1)
    assert newest
    assert newest.verb is Verb.PROVISION
    assert leave(second)[0] == 0
    assert azure.resources() == []


def test_concurrent_holders_get_the_vm_once(ops: VMOps, azure: Azure, running: ExitStack) -> None:
    """The others are refused, and remove nothing."""
    azure.stick("create")
    programs = [begin(running, program()) for _ in range(4)]
    over = lambda: [each for each in programs if each.poll() is not None]  # noqa: E731
    assert poll_until(lambda: len(over()) == 3 or NotYet(0.05), timeout=240)
    azure.let_go()
    (winner,) = (each for each in programs if each not in over())
    hear(winner, "inside")
    assert names(azure) == ["exp1"]
    for each in over():
        code, words = ended(each)
        assert (code, f"pid {winner.pid} on " in words) == (1, True), words
    assert leave(winner)[0] == 0
    assert azure.resources() == []


def test_a_killed_holder_gets_its_vm_back_when_restarted(ops: VMOps, azure: Azure, running: ExitStack) -> None:
    """Its worker continues, and the next program of its kind takes the VM."""
    azure.stick("create")
    first = begin(running, program())
    assert poll_until(lambda: begun(azure), timeout=240)
    kill(first)
    again = begin(running, program())
    azure.let_go()
    hear(again, "inside")
    assert f" {again.pid} " in vm(azure)["tags"][HOLD_TAG]
    assert leave(again)[0] == 0
    assert azure.resources() == []


def test_verbs_of_a_person_ignore_the_holder(ops: VMOps, azure: Azure, running: ExitStack) -> None:
    """A provision joins or changes the VM and keeps the mark; a deprovision removes the VM under its holder."""
    first = inside(running, program())
    mark = vm(azure)["tags"][HOLD_TAG]
    made_by_hand(ops, azure)
    assert vm(azure)["tags"][HOLD_TAG] == mark
    assert vm(azure)["properties"]["hardwareProfile"]["vmSize"] == "Standard_B1s"
    assert leave(begin(running, program()))[0] == 1
    params = dict(EXP1)
    assert ops.vm_deprovision(params)[0] is Status.PENDING
    assert ops.wait_vm_deployment(False, params)[0] is Status.SUCCEEDED
    made_by_hand(ops, azure)
    assert HOLD_TAG not in vm(azure)["tags"]
    assert leave(first)[0] == 0
    assert names(azure) == ["exp1"], "it is another now, and nobody's"


def test_a_kept_vm_has_no_holder(ops: VMOps, azure: Azure) -> None:
    """The mark is removed, so the next block of that name is refused without take_over."""
    with pytest.raises(ZeroDivisionError), vmops.machine(EXP1, settings=ops.settings, keep_on_error=True) as held:
        _ = 1 / 0
    assert HOLD_TAG not in azure.vm(held.id)["tags"]
    with pytest.raises(ProvisionError, match="no program holds it") as refused, vmops.machine(EXP1):
        pytest.fail("it has no machine to go on with")
    assert (refused.value.failure.kind, names(azure)) == (FailureKind.CONFLICT, ["exp1"])
    with vmops.machine(EXP1, settings=ops.settings, take_over=True) as again:
        assert again.id == held.id
    assert azure.resources() == []


def test_a_block_with_a_failed_removal_can_be_entered_again(ops: VMOps, azure: Azure) -> None:
    """The process is alive but has released the VM: the next block takes it and removes it."""
    forbidden = {"do": "refuse", "code": "AuthorizationFailed"}
    azure.fault({"path": "*/virtualMachines/exp1", "verbs": ["delete"], "effect": forbidden})
    with pytest.raises(ProvisionError, match="AuthorizationFailed"), vmops.machine(EXP1, settings=ops.settings):
        pass
    azure.let_go()
    assert names(azure) == ["exp1"]
    with vmops.machine(EXP1, settings=ops.settings):
        assert names(azure) == ["exp1"]
    assert azure.resources() == []


@pytest.fixture
def elsewhere(ops: VMOps, state_dir: Path, tmp_path: Path) -> Path:
    """Give the state directory of another host, with the same cloud and keys but its own records."""
    second = tmp_path / "second"
    second.mkdir(mode=0o700)
    (second / "local").symlink_to(state_dir / "local")
    keys.ssh_public_key(state_dir, IDENTITY.stack)
    keys.passphrase_file(state_dir)
    shutil.copytree(state_dir / "keys", second / "keys")
    return second


def there(directory: Path, backend: str, command: list[str]) -> list[str]:
    """Give a command as it is called on the host of a state directory."""
    return ["env", f"VMOPS_STATE_DIR={directory}", f"VMOPS_BACKEND_URL={backend}", "VMOPS_WORKER_IDLE=0", *command]


@pytest.mark.parametrize("shared", [True, False], ids=["one-backend", "two-backends"])
@pytest.mark.parametrize("left", [True, False], ids=["left", "new"])
def test_concurrent_holders_on_two_hosts_get_the_vm_once(
    ops: VMOps, azure: Azure, state_dir: Path, elsewhere: Path, running: ExitStack, left: bool, shared: bool
) -> None:
    """Neither host has the other's records: the tag decides, for a new VM and for that of a dead program."""
    if left:
        kill(inside(running, program()))
    backend = ops.settings.backend() if shared else f"file://{elsewhere}/backend"
    (elsewhere / "backend").mkdir()
    programs = [begin(running, program()), begin(running, there(elsewhere, backend, program()))]
    over = lambda: [each for each in programs if each.poll() is not None]  # noqa: E731
    assert poll_until(lambda: len(over()) == 1 or NotYet(0.05), timeout=240)
    (winner,) = (each for each in programs if each not in over())
    hear(winner, "inside")
    assert f" {winner.pid} " in vm(azure)["tags"][HOLD_TAG]
    code, words = ended(over()[0])
    assert (code, f"pid {winner.pid} on " in words) == (1, True), words
    assert leave(winner)[0] == 0
    assert azure.resources() == []


def test_a_holder_on_another_host_counts_as_alive(ops: VMOps, azure: Azure, running: ExitStack) -> None:
    """It counts as alive until its VM's ttl is over."""
    kill(inside(running, program()))
    before = Holder.read(vm(azure)["tags"][HOLD_TAG])
    assert before
    retag(ops, VM_ID, HOLD_TAG, replace(before, host_id="0" * 32, host="lab7").mark)
    code, words = leave(begin(running, program()))
    assert (code, f"pid {before.pid} on lab7, since " in words) == (1, True), words
    outlive(ops)
    assert leave(inside(running, program()))[0] == 0
    assert azure.resources() == []


def test_a_former_holder_does_not_remove_another_hosts_vm(
    ops: VMOps, azure: Azure, elsewhere: Path, running: ExitStack
) -> None:
    """Its own records still name it, but the tag does not."""
    first = inside(running, program())
    second = inside(running, there(elsewhere, ops.settings.backend(), program("take_over=True")))
    assert leave(first)[0] == 0
    assert names(azure) == ["exp1"]
    assert leave(second)[0] == 0
    assert azure.resources() == []
