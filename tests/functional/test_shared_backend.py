"""A backend that several hosts share: reads are bounded in time, and VMs of other hosts are recognised."""

import shutil
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.azure import Azure, begun, kill_all
from tests.functional.doors import CLI, ended, start
from tests.postgres import Postgres
from vmops import Settings, Status, VMOps
from vmops.core import keys
from vmops.core.errors import OperationFailed
from vmops.core.failures import FailureKind
from vmops.core.polling import NotYet, poll_until
from vmops.deploy.context import open_backend
from vmops.engine.install.locate import ENGINE_VERSION
from vmops.protocol import Params

_LONGEST = 200
"""Seconds after which a command that takes one counts as hanging, on any machine."""

ENDLESS = f"""#!/bin/sh
[ "$1" = version ] && exec echo v{ENGINE_VERSION}
tail -f "$0" > /dev/null &
wait
"""
"""An engine that never answers, and that starts another process with one of its pipes."""


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """Give an engine whose commands never end."""
    program = tmp_path / "pulumi"
    program.write_text(ENDLESS)
    program.chmod(0o700)
    return program


def working(program: Path) -> list[str]:
    """Name the processes of an engine."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if str(program) in process.cmdline():
                found.append(f"{process.name()} {process.pid}")
    return found


def over(program: Path) -> bool:
    """Wait until no process of a killed engine is left."""
    return bool(poll_until(lambda: not working(program) or NotYet(0.01), timeout=_LONGEST))


@pytest.fixture
def database(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the URL of an empty PostgreSQL database that all our processes can use."""
    for name, value in postgres.environment.items():
        monkeypatch.setenv(name, value)
    return postgres.database()


def test_a_sweep_of_many_stacks_in_postgres_ends(
    engine: Path, state_dir: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine that lists stacks over several connections deadlocks with four stacks."""
    monkeypatch.setenv("VMOPS_BACKEND_URL", database)
    with open_backend(Settings()) as backend:
        backend.stacks()
        for number in range(5):
            backend.command.run(["stack", "init", "--no-select", f"exp{number}-0"], str(backend.directory), {})
    done = subprocess.run([*CLI, "sweep", "--dry-run"], capture_output=True, text=True, timeout=_LONGEST, check=False)
    assert (done.returncode, done.stderr) == (0, "no VM has expired\n")


def test_a_killed_deployment_continues_with_a_backend_in_postgresql(
    azure: Azure, state_dir: Path, database: str
) -> None:
    """The note in the state directory shows that the engine with the lock is dead."""
    ops, params = VMOps(Settings(state_dir=state_dir, owner="tester", backend_url=database)), {"vmName": "exp1"}
    azure.stick("create")
    assert ops.vm_provision(params) == (Status.PENDING, {})
    assert poll_until(lambda: begun(azure), timeout=_LONGEST)
    kill_all(state_dir)
    azure.let_go()
    assert len(list((state_dir / "engines").iterdir())) == 1
    assert ops.vm_provision(params) == (Status.PENDING, {})
    assert ops.wait_vm_deployment(True, params)[0] is Status.SUCCEEDED, ops.last_failure(params)
    assert not any('"event": "waiting"' in log.read_text() for log in state_dir.glob("logs/*/*.jsonl"))
    assert list((state_dir / "engines").iterdir()) == []


@pytest.fixture
def there(ops: VMOps, state_dir: Path, tmp_path: Path) -> VMOps:
    """Give another host: its own state directory, but the same backend and cloud."""
    second = tmp_path / "second"
    second.mkdir(mode=0o700)
    (second / "local").symlink_to(state_dir / "local")
    elsewhere = {"state_dir": second, "backend_url": ops.settings.backend(), "worker_idle": 0}  # no fork server stays
    return VMOps(ops.settings.model_copy(update=elsewhere))


def key_of(ops: VMOps, name: str = "*") -> list[Path]:
    """Give the files of the keys that a host has made for its VMs."""
    return sorted((ops.settings.state_dir / "keys" / "ssh").glob(name))


def refused(ops: VMOps, params: Params) -> bool:
    """Tell whether a provision, and its preview, were refused because a key would replace the VM."""
    failure = ops.last_failure(params)
    with pytest.raises(OperationFailed) as refusal:
        ops.plan(params)
    assert refusal.value.failure == failure
    assert failure
    return (
        failure.kind is FailureKind.IMMUTABLE and "give adminPasswordOrKey, or copy keys/ssh/exp1-" in failure.next_step
    )


def test_a_host_without_the_vms_key_does_not_replace_it(
    ops: VMOps, there: VMOps, azure: Azure, provision: Callable[[Params], dict[str, Any]]
) -> None:
    """Nothing is written on either host; with the key there is nothing to do."""
    vm_id = provision({"vmName": "exp1"})["id"]
    first, writes = azure.vm(vm_id)["properties"]["vmId"], len(azure.writes())
    assert there.vm_provision({"vmName": "exp1"}) == (Status.FAILED, {})
    assert refused(there, {"vmName": "exp1"})
    assert (key_of(there), there.operations(), len(azure.writes())) == ([], [], writes)
    for file in key_of(ops):
        (there.settings.state_dir / "keys" / "ssh").mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copy(file, there.settings.state_dir / "keys" / "ssh")
    assert there.vm_provision({"vmName": "exp1"}) == (Status.PENDING, {})
    assert there.wait_vm_deployment(True, {"vmName": "exp1"})[0] is Status.SUCCEEDED
    assert azure.vm(vm_id)["properties"]["vmId"] == first


def test_a_key_of_an_earlier_vm_does_not_replace_the_present_one(
    ops: VMOps, there: VMOps, azure: Azure, provision: Callable[[Params], dict[str, Any]]
) -> None:
    """Two hosts may have made a key each before the VM existed: it keeps the one that it has."""
    params: Params = {"vmName": "exp1"}
    assert there.plan(params)
    assert [file.suffix for file in key_of(there)] == ["", ".pub"]
    vm_id = provision(params)["id"]
    first = azure.vm(vm_id)["properties"]["vmId"]
    assert there.vm_provision(params) == (Status.PENDING, {})
    assert there.wait_vm_deployment(True, params) == (Status.FAILED, {})
    assert refused(there, params)
    assert azure.vm(vm_id)["properties"]["vmId"] == first


@pytest.mark.parametrize("verb", ["provision", "deprovision"])
def test_a_vm_recreated_by_another_host_is_ours(
    ops: VMOps, there: VMOps, azure: Azure, deprovision: Callable[[Params], dict[str, Any]], verb: str
) -> None:
    """This host's records name another identity, but the engine's state shows that we made the VM."""
    key = keys.ssh_public_key(ops.settings.state_dir, "one")
    params: Params = {"vmName": "exp1", "adminPasswordOrKey": key}
    for host, call in ((ops, "provision"), (there, "deprovision"), (there, "provision"), (ops, verb)):
        asked = dict(params)
        assert getattr(host, f"vm_{call}")(asked)[0] in {Status.PENDING, Status.SUCCEEDED}
        assert host.wait_vm_deployment(call == "provision", asked)[0] is Status.SUCCEEDED, host.last_failure(params)
    if verb == "provision":
        assert ops.vm_provision(dict(params)) == (Status.SUCCEEDED, {})
        deprovision(dict(params))
    assert azure.resources() == []


def test_omitting_a_given_key_is_refused(
    ops: VMOps, azure: Azure, state_dir: Path, provision: Callable[[Params], dict[str, Any]]
) -> None:
    """A host without its keys makes none for an existing VM."""
    given = [keys.ssh_public_key(state_dir, name) for name in ("one", "two")]
    vm_id = provision({"vmName": "exp1", "adminPasswordOrKey": given[0]})["id"]
    assert ops.vm_provision({"vmName": "exp1"}) == (Status.FAILED, {})
    assert refused(ops, {"vmName": "exp1"})
    assert key_of(ops, "exp1-*") == []
    first = azure.vm(vm_id)["properties"]["vmId"]
    provision({"vmName": "exp1", "adminPasswordOrKey": given[1]})
    assert azure.vm(vm_id)["properties"]["vmId"] != first


def test_an_interrupted_provision_continues_with_its_key(
    ops: VMOps, azure: Azure, state_dir: Path, provision: Callable[[Params], dict[str, Any]]
) -> None:
    """The VM exists wholly or in part, with the key of the first call."""
    azure.stick("create")
    assert ops.vm_provision({"vmName": "exp1"}) == (Status.PENDING, {})
    assert poll_until(lambda: begun(azure), timeout=_LONGEST)
    kill_all(state_dir)
    azure.let_go()
    made = key_of(ops)
    provision({"vmName": "exp1"})
    assert key_of(ops) == made


def test_a_hanging_backend_read_is_ended(state_dir: Path, endless: Path) -> None:
    """With all processes of the engine, also those that keep its pipes open. The failure names the command."""
    settings = Settings(state_dir=state_dir, engine=str(endless), engine_silence=1)
    with open_backend(settings) as backend:
        with pytest.raises(OperationFailed, match="`stack ls` did not end within 1 seconds") as ended:
            backend.stacks()
        assert ended.value.failure.kind is FailureKind.TIMEOUT
        with pytest.raises(OperationFailed, match="`stack export` of exp1-0 did not end"):
            backend.declared("exp1-0")
    assert over(endless)


def test_no_call_waits_forever_for_the_backend(azure: Azure, state_dir: Path, endless: Path) -> None:
    """Each command of the engine ends, whichever call needs it."""
    ops, params = VMOps(Settings(state_dir=state_dir, engine=str(endless), engine_silence=1)), {"vmName": "exp1"}
    assert ops.wait_vm_deployment(True, params) == (Status.FAILED, {})
    assert told(ops, params) == (FailureKind.TIMEOUT, "stack export")
    assert ops.recover(params) == (Status.FAILED, {})
    assert told(ops, params) == (FailureKind.TIMEOUT, "stack export")
    with pytest.raises(OperationFailed, match=r"`stack export` of exp1-[0-9a-f]{8} did not end"):
        ops.plan(params)
    assert over(endless)


def told(ops: VMOps, params: Params) -> tuple[FailureKind, str]:
    """Give the kind of the last failure, and the engine's command in its message."""
    failure = ops.last_failure(params)
    assert failure
    return failure.kind, failure.message.partition("`")[2].partition("`")[0]


def test_an_interrupted_read_leaves_no_engine(state_dir: Path, endless: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine is in its own process group, so Ctrl-C reaches it only through vmops."""
    monkeypatch.setenv("VMOPS_ENGINE", str(endless))
    sweep = start([*CLI, "sweep"])
    assert poll_until(lambda: any("tail" in each for each in working(endless)) or NotYet(0.01), timeout=_LONGEST)
    sweep.send_signal(signal.SIGINT)
    assert ended(sweep)[0] == 130
    assert over(endless)
