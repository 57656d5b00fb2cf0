"""Recovery from dead processes: by the next call of any verb, and by `recover`."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.azure import Azure, begun, kill_all, living
from vmops import Settings, Status, VMOps
from vmops.core import file_lock, processes
from vmops.core.failures import FailureKind
from vmops.core.polling import NotYet, poll_until
from vmops.core.state_dir import lock_path
from vmops.local import endpoint
from vmops.protocol import Params
from vmops.spec.names import OWNER_TAG

Deploy = Callable[[Params], dict[str, Any]]
PARAMS: Params = {"vmName": "exp1"}
SECRETIVE: Params = {
    **PARAMS,
    "authenticationType": "password",
    "adminPasswordOrKey": "Canary-pa55word",
    "customData": "#!/bin/sh",
}


def changes(ops: VMOps, params: Params) -> list[dict[str, str]]:
    """Give the changes that a provision would make; reading the provider is not a change."""
    return [step for step in ops.plan(params) if not step["resource"].startswith("azure-native")]


def spoil(path: Path, how: str) -> None:
    """Damage a file as a power failure, a full disk or a person may."""
    match how:
        case "empty":
            path.write_bytes(b"")
        case "cut off":
            path.write_bytes(path.read_bytes()[:700])
        case "garbage":
            path.write_bytes(os.urandom(700))
        case "lost":
            path.unlink()


@pytest.fixture
def backend(state_dir: Path) -> Path:
    """Give the directory of the engine's backend."""
    return state_dir / "backend" / ".pulumi"


@pytest.fixture
def provider(azure: Azure, state_dir: Path) -> Iterator[psutil.Process]:
    """Give the process of the local Azure's provider, which is resumed after the test."""
    record = endpoint.read(state_dir)
    assert record
    found = psutil.Process(record.provider_pid)
    yield found
    found.resume()


def state_file(backend: Path) -> Path:
    (found,) = (backend / "stacks" / "vmops").glob("*.json")
    return found


def without_copies(backend: Path) -> None:
    """Delete every copy of the state."""
    for place in ("stacks/vmops/*.bak", "history/vmops/*/*.checkpoint.json"):
        for copy in backend.glob(place):
            copy.unlink()


SPOILT = [("empty", True), ("lost", True), ("cut off", False), ("garbage", False), ("lost", False)]
"""How the engine's state is damaged, and whether its copies are left."""


def test_an_unreadable_state_is_recovered(
    ops: VMOps, azure: Azure, backend: Path, provision: Deploy, deprovision: Deploy
) -> None:
    """It is restored from a copy, or rebuilt from ARM. The VM stays the same, and everything can be removed."""

    def spoil_state(how: str, *, copies: bool) -> None:
        spoil(state_file(backend), how)
        if not copies:
            without_copies(backend)

    for how, copies in SPOILT:
        vm_id = provision(dict(SECRETIVE))["id"]
        first, had = azure.vm(vm_id)["properties"]["vmId"], azure.ids()
        spoil_state(how, copies=copies)
        result = provision({**SECRETIVE, "vmSize": "Standard_B4ms"})
        assert azure.vm(result["id"])["properties"]["vmId"] == first, how
        assert azure.ids() == had, how
        assert azure.vm(vm_id)["properties"]["hardwareProfile"]["vmSize"] == "Standard_B4ms", how
        assert changes(ops, {**SECRETIVE, "vmSize": "Standard_B4ms"}) == [], how
        spoil_state(how, copies=copies)
        deprovision(dict(PARAMS))
        assert azure.resources() == [], how


def test_an_empty_copy_of_the_state_is_completed(
    azure: Azure, backend: Path, provision: Deploy, deprovision: Deploy
) -> None:
    """The copy has only the stack: existing resources are adopted unchanged."""
    first = azure.vm(provision(PARAMS)["id"])["properties"]["vmId"]
    state = json.loads(state_file(backend).read_text())
    latest = state["checkpoint"]["latest"]
    latest["resources"] = [each for each in latest["resources"] if each["type"] == "pulumi:pulumi:Stack"]
    copy = state_file(backend).with_suffix(".json.bak")
    spoil(state_file(backend), "lost")
    without_copies(backend)
    copy.write_text(json.dumps(state))
    assert azure.vm(provision({**PARAMS, "vmSize": "Standard_B4ms"})["id"])["properties"]["vmId"] == first
    deprovision(PARAMS)
    assert azure.resources() == []


def addresses(azure: Azure) -> list[str]:
    return [each for each in azure.ids() if "/publicIPAddresses/" in each]


def test_an_unwanted_address_outside_the_state_is_deleted(
    ops: VMOps, azure: Azure, backend: Path, provision: Deploy, deprovision: Deploy
) -> None:
    """It is detached from the interface, and the VM stays the same."""
    first = azure.vm(provision(SECRETIVE)["id"])["properties"]["vmId"]
    assert addresses(azure)
    spoil(state_file(backend), "lost")
    without_copies(backend)
    private = {**SECRETIVE, "publicIp": False}
    result = provision(private)
    assert addresses(azure) == []
    assert result["publicIp"] is None
    assert azure.vm(result["id"])["properties"]["vmId"] == first
    assert changes(ops, private) == []
    deprovision(PARAMS)
    assert azure.resources() == []


def test_an_unwanted_address_with_an_interrupted_create_is_deleted(
    ops: VMOps, azure: Azure, state_dir: Path, provision: Deploy
) -> None:
    """ARM made it without the engine's knowledge: the next provision, which wants none, deletes it."""
    keep = {"method": "PUT", "path": "*/publicIPAddresses/*", "effect": {"do": "delay", "answer": True}}
    azure.fault(keep)
    assert ops.vm_provision(PARAMS) == (Status.PENDING, {})
    assert poll_until(lambda: azure.kept() or NotYet(0.01), timeout=60)
    kill_all(state_dir)
    azure.let_go()
    assert addresses(azure)
    provision({**PARAMS, "publicIp": False})
    assert addresses(azure) == []


def other_sizes() -> Iterator[Params]:
    """Give the VM with alternating sizes, so that each provision has a change."""
    return ({**PARAMS, "vmSize": size} for size in cycle(("Standard_B4ms", "Standard_B2s")))


def test_unreadable_engine_settings_are_recreated(
    azure: Azure, state_dir: Path, provision: Deploy, deprovision: Deploy
) -> None:
    """The state has everything that they had."""
    provision(PARAMS)
    (settings,) = (state_dir / "stacks").glob("*/Pulumi.exp1-*.yaml")
    for how, params in zip(("cut off", "garbage", "lost"), other_sizes(), strict=False):
        if how == "cut off":
            settings.write_text(settings.read_text()[:30])
        else:
            spoil(settings, how)
        provision(params)
    deprovision(PARAMS)
    assert azure.resources() == []


def test_an_unreadable_engine_lock_is_removed(backend: Path, azure: Azure, provision: Deploy) -> None:
    """The engine writes locks atomically, so an incomplete one is from before a crash of the host."""
    provision(PARAMS)
    left = backend / "locks" / "organization" / "vmops" / state_file(backend).stem / "0.json"
    for text, params in zip(("", "half a lo", '{"pid": 1}'), other_sizes(), strict=False):
        left.parent.mkdir(parents=True, exist_ok=True)
        left.write_text(text)
        provision(params)
        assert not left.exists(), text


def test_files_damaged_by_a_killed_engine_do_not_stop_a_removal(
    ops: VMOps, azure: Azure, state_dir: Path, backend: Path, provision: Deploy
) -> None:
    """The engine dies during its destroy; the worker continues without it, and removes the stack."""
    provision(PARAMS)
    azure.stick("delete")
    state = state_file(backend)
    assert ops.vm_deprovision(PARAMS) == (Status.PENDING, {})
    assert poll_until(lambda: any(each.startswith("DELETE") for each in azure.writes()) or NotYet(0.01), timeout=120)
    dict(living(state_dir))["engine"].kill()
    state.with_name(f"{state.name}.attrs").write_bytes(b"")
    azure.let_go()
    assert ops.wait_vm_deployment(False, PARAMS)[0] is Status.SUCCEEDED, ops.last_failure(PARAMS)
    assert azure.resources() == []


def test_tags_left_by_a_killed_removal_do_not_stop_a_provision(
    ops: VMOps, azure: Azure, backend: Path, provision: Deploy, deprovision: Deploy
) -> None:
    """They are written just before the stack is removed, and may be incomplete."""
    for text in ("", '{"version":1,"tags":{}}'):
        provision(dict(PARAMS))
        (state,) = backend.glob("stacks/vmops/*.json")
        tags = state.with_suffix(".pulumi-tags")
        tags.write_text(text)
        provision({**PARAMS, "vmSize": "Standard_D2s_v5"})
        tags.write_text(text)
        deprovision(dict(PARAMS))
        assert azure.resources() == [], text
        assert list(backend.glob("stacks/vmops/*.pulumi-tags")) == [], text


def test_recover_repairs_a_killed_deployment_and_is_idempotent(
    ops: VMOps, azure: Azure, state_dir: Path, backend: Path, provision: Deploy, deprovision: Deploy
) -> None:
    """The record is closed, no lock is held, the state has all existing resources, and ARM is only read."""
    azure.stick("create")
    assert ops.vm_provision(PARAMS) == (Status.PENDING, {})
    assert poll_until(lambda: begun(azure), timeout=120)
    kill_all(state_dir)
    azure.let_go()
    writes = azure.writes()
    _, would = ops.recover(PARAMS, dry_run=True)
    status, did = ops.recover(PARAMS)
    assert (status, did) == (Status.SUCCEEDED, would)
    assert any("/virtualMachines/exp1" in arm_id for arm_id in did["adopted"]) or did["cleared"]
    assert not list(backend.glob("locks/**/*.json"))
    operation = ops.operation(PARAMS)
    assert operation
    assert operation.failure
    assert operation.failure.kind is FailureKind.INTERRUPTED
    assert ops.recover(PARAMS)[1] == {**did, "adopted": [], "cleared": []}
    assert azure.writes() == writes
    provision(PARAMS)
    assert changes(ops, PARAMS) == []
    deprovision(PARAMS)
    assert azure.resources() == []


def test_recover_leaves_a_lost_state_to_the_next_provision(
    ops: VMOps, azure: Azure, backend: Path, provision: Deploy, deprovision: Deploy
) -> None:
    """Without the program the password is unknown, and incomplete inputs would replace the VM."""
    first = azure.vm(provision(SECRETIVE)["id"])["properties"]["vmId"]
    spoil(state_file(backend), "lost")
    without_copies(backend)
    found = ops.recover(PARAMS)[1]
    assert (found["state"], found["adopted"], len(found["resources"])) == ("lost", [], 7)
    result = provision({**SECRETIVE, "vmSize": "Standard_B4ms"})
    assert azure.vm(result["id"])["properties"]["vmId"] == first
    deprovision(PARAMS)
    assert azure.resources() == []


def test_an_adopted_group_is_not_deleted_by_the_engine(
    ops: VMOps, azure: Azure, state_dir: Path, backend: Path, provision: Deploy, deprovision: Deploy
) -> None:
    """After a kill just after the state was rebuilt, a deprovision still keeps foreign resources in our group."""
    group = provision(PARAMS)["id"].partition("/providers/")[0]
    theirs = f"{group}/providers/Microsoft.Network/networkSecurityGroups/theirs"
    azure.put(f"{theirs}?api-version=2024-05-01", {"location": "westus2"})
    spoil(state_file(backend), "lost")
    without_copies(backend)
    assert ops.vm_provision({**PARAMS, "vmSize": "Standard_B4ms"}) == (Status.PENDING, {})
    assert poll_until(lambda: state_file_has(backend, "virtualMachines") or NotYet(0.002), timeout=120)
    kill_all(state_dir)
    ops.wait_vm_deployment(True, PARAMS)
    assert deprovision(PARAMS)["left"] == [theirs]
    assert {each for each in azure.ids() if "/securityRules/" not in each} == {group, theirs}


def state_file_has(backend: Path, word: str) -> bool:
    """Tell whether the engine's state contains a text; the file may be replaced between two reads."""
    with suppress(FileNotFoundError):
        return any(word in path.read_text() for path in (backend / "stacks" / "vmops").glob("*.json"))
    return False


def test_recover_is_refused_while_a_worker_lives(ops: VMOps, azure: Azure, state_dir: Path) -> None:
    """The refusal names who works on the VM."""
    azure.stick("create")
    assert ops.vm_provision(PARAMS) == (Status.PENDING, {})
    assert poll_until(lambda: begun(azure), timeout=120)
    assert ops.recover(PARAMS) == (Status.FAILED, {})
    failure = ops.last_failure(PARAMS)
    assert failure
    assert failure.kind is FailureKind.LOCKED
    azure.let_go()
    assert ops.wait_vm_deployment(True, PARAMS)[0] is Status.SUCCEEDED


def test_recover_of_an_absent_vm_leaves_nothing(ops: VMOps, azure: Azure, state_dir: Path) -> None:
    """Neither a wait nor a recovery creates a directory."""
    assert ops.wait_vm_deployment(True, {**PARAMS, "pollTimeout": 0}) == (Status.FAILED, {})
    assert ops.recover(PARAMS)[0] is Status.SUCCEEDED
    assert list((state_dir / "stacks").glob("*")) == []


def test_recover_does_not_change_a_foreign_vm(ops: VMOps, azure: Azure, state_dir: Path, provision: Deploy) -> None:
    """It is reported and not adopted."""
    vm_id = provision(PARAMS)["id"]
    azure.put(f"{vm_id}?api-version=2024-07-01", {**azure.vm(vm_id), "tags": {OWNER_TAG: "grace"}})
    status, found = ops.recover(PARAMS)
    assert (status, found["adopted"]) == (Status.SUCCEEDED, [])
    assert vm_id not in found["resources"]


HANGING = """#!/bin/sh
case " $* " in *" up "*) echo $$ > '{place}'; exec sleep 600;; esac
exec '{engine}' "$@"
"""


def test_a_dead_workers_processes_are_killed_before_the_next_worker_starts(
    ops: VMOps, azure: Azure, state_dir: Path, engine: Path, tmp_path: Path, deprovision: Deploy
) -> None:
    """A hanging engine without a worker holds the VM's lock; the next query kills it."""
    hanging, place = tmp_path / "pulumi", tmp_path / "pid"
    hanging.write_text(HANGING.format(place=place, engine=engine))
    hanging.chmod(0o700)
    hung = VMOps(Settings(state_dir=state_dir, owner="tester", engine=str(hanging)))
    assert hung.vm_provision(PARAMS) == (Status.PENDING, {})
    assert poll_until(lambda: (place.exists() and place.read_text().endswith("\n")) or NotYet(0.01), timeout=60)
    left = psutil.Process(int(place.read_text()))
    dict(living(state_dir))["worker"].kill()
    operation = ops.operation(PARAMS)
    assert operation
    assert file_lock.is_locked(lock_path(state_dir, operation.stack))
    assert ops.wait_vm_deployment(True, PARAMS) == (Status.FAILED, {})
    assert poll_until(lambda: processes.process_start_time(left.pid) is None or NotYet(0.01), timeout=120)
    assert ops.vm_provision(PARAMS) == (Status.PENDING, {})
    assert ops.wait_vm_deployment(True, PARAMS)[0] is Status.SUCCEEDED, ops.last_failure(PARAMS)
    deprovision(PARAMS)
    assert azure.resources() == []


def test_cancel_kills_a_worker_and_an_engine_that_ignore_sigterm(
    ops: VMOps, azure: Azure, state_dir: Path, deprovision: Deploy
) -> None:
    """After the time for a graceful end they are killed; the lock is free and the record closed."""
    azure.stick("create")
    assert ops.vm_provision(PARAMS) == (Status.PENDING, {})
    assert poll_until(lambda: begun(azure), timeout=120)
    for _, process in living(state_dir):
        process.send_signal(signal.SIGSTOP)
    assert ops.cancel(PARAMS) == (Status.SUCCEEDED, {})
    assert living(state_dir) == []
    azure.let_go()
    deprovision(PARAMS)
    assert azure.resources() == []


def test_a_removal_in_flight_can_be_cancelled(
    ops: VMOps, azure: Azure, state_dir: Path, provision: Deploy, deprovision: Deploy
) -> None:
    """Its worker holds both locks of the VM; the same call then continues."""
    provision(PARAMS)
    azure.stick("delete")
    assert ops.vm_deprovision(PARAMS) == (Status.PENDING, {})
    assert poll_until(lambda: any(each.startswith("DELETE") for each in azure.writes()) or NotYet(0.01), timeout=120)
    assert ops.cancel(PARAMS) == (Status.SUCCEEDED, {})
    assert living(state_dir) == []
    azure.let_go()
    deprovision(PARAMS)
    assert azure.resources() == []


def test_a_hanging_engine_is_ended(
    azure: Azure, state_dir: Path, provision: Deploy, deprovision: Deploy, provider: psutil.Process
) -> None:
    """Without output and without work the deployment fails, and the same call continues."""
    impatient = VMOps(Settings(state_dir=state_dir, owner="tester", engine_silence=12))
    provider.suspend()
    assert impatient.vm_provision(PARAMS) == (Status.PENDING, {})

    def hang() -> bool | NotYet:
        for kind, process in living(state_dir):
            with suppress(psutil.NoSuchProcess):
                if kind == "engine" and "up" in process.cmdline():
                    process.suspend()
                    return True
        return NotYet(0.005)

    assert poll_until(hang, timeout=120)
    provider.resume()
    assert impatient.wait_vm_deployment(True, PARAMS) == (Status.FAILED, {})
    failure = impatient.last_failure(PARAMS)
    assert failure
    assert (failure.kind, failure.retryable) == (FailureKind.TIMEOUT, True)
    assert "printed nothing for 12 seconds" in failure.message
    provision(PARAMS)
    deprovision(PARAMS)
    assert azure.resources() == []


def test_recover_from_a_shell(azure: Azure, backend: Path, provision: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    """It prints what was repaired, as text or as one JSON value."""
    monkeypatch.setenv("VMOPS_OWNER", "tester")
    from typer.testing import CliRunner

    from vmops.cli import command_line

    app = command_line()
    provision(PARAMS)
    spoil(state_file(backend), "garbage")
    told = json.loads(
        CliRunner().invoke(app, ["recover", "exp1", "--dry-run", "--json"], catch_exceptions=False).stdout
    )
    assert (told["state"], len(told["resources"])) == ("restored", 7)
    shown = CliRunner().invoke(app, ["recover", "exp1"], catch_exceptions=False)
    assert (shown.exit_code, shown.stdout) == (0, "  state  restored\n")
    assert CliRunner().invoke(app, ["recover", "exp1"], catch_exceptions=False).stdout == ""
