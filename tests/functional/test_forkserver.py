"""Workers that the fork server starts behave like workers that are started without it."""

import itertools
import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.azure import Azure, all_of, begun, files_with, processes_of
from vmops import Settings, Status, VMOps
from vmops.core.failures import FailureKind
from vmops.core.polling import NotYet, poll_until
from vmops.jobs.operation import State
from vmops.protocol import Params

Deploy = Callable[[Params], dict[str, Any]]
SECRET = "Correct-Horse-42"


def found(state_dir: Path, kind: str) -> list[psutil.Process]:
    """Give the processes of a kind."""
    return [process for each, process in all_of(state_dir) if each == kind]


def await_one(state_dir: Path, kind: str) -> psutil.Process:
    """Wait for a process of a kind."""
    seen = poll_until(lambda: found(state_dir, kind) or NotYet(0.02), timeout=120)
    assert seen
    return seen[0]


def warm_up(ops: VMOps) -> None:
    """Let a fork server start with the present environment, and finish a first job."""
    assert ops.vm_deprovision({"vmName": "warm"}) == (Status.PENDING, {})
    assert ops.wait_vm_deployment(False, {"vmName": "warm"})[0] is Status.SUCCEEDED


def states(ops: VMOps) -> dict[str, State]:
    """Give the state of each VM's newest deployment."""
    return {each.vm_name: each.state for each in ops.operations()}


def gone(state_dir: Path, kind: str) -> bool:
    """Wait until no process of a kind is left."""
    return bool(poll_until(lambda: NotYet(0.02) if found(state_dir, kind) else True, timeout=120))


def test_all_jobs_use_one_fork_server(azure: Azure, ops: VMOps, state_dir: Path, provision: Deploy) -> None:
    """It stays for the next deployment, has no thread and no child, and its socket is private."""
    provision({"vmName": "exp1"})
    server = await_one(state_dir, "forkserver")
    provision({"vmName": "exp2"})
    assert [each.pid for each in found(state_dir, "forkserver")] == [server.pid]
    assert gone(state_dir, "worker")
    assert server.num_threads() == 1
    (door,) = (state_dir / "forkserver").iterdir()
    assert stat.S_IMODE(door.stat().st_mode) == 0o600
    assert stat.S_IMODE(door.parent.stat().st_mode) == 0o700


def test_a_fork_servers_death_ends_no_running_deployment(azure: Azure, ops: VMOps, state_dir: Path) -> None:
    """Workers do not need it, and the next call starts another one."""
    azure.stick("create")
    params: Params = {"vmName": "exp1"}
    assert ops.vm_provision(params) == (Status.PENDING, {})
    await_one(state_dir, "worker")
    found(state_dir, "forkserver")[0].kill()
    azure.let_go()
    assert ops.wait_vm_deployment(True, params)[0] is Status.SUCCEEDED, ops.last_failure(params)
    assert ops.vm_deprovision(params) == (Status.PENDING, {})
    assert ops.wait_vm_deployment(False, params)[0] is Status.SUCCEEDED
    assert azure.resources() == []


def test_a_fork_servers_death_interrupts_queued_jobs(azure: Azure, ops: VMOps, state_dir: Path) -> None:
    """Their locks are free then. A wait in another process records the interruption, and the same call continues."""
    params: Params = {"vmName": "exp1"}
    warm_up(ops)
    server = await_one(state_dir, "forkserver")
    os.kill(server.pid, signal.SIGSTOP)
    assert ops.vm_provision(params) == (Status.PENDING, {})
    assert ops.wait_vm_deployment(True, {**params, "pollTimeout": 0}) == (Status.PENDING, {})
    os.kill(server.pid, signal.SIGKILL)
    assert VMOps(ops.settings).wait_vm_deployment(True, params) == (Status.FAILED, {})
    failure = ops.last_failure(params)
    assert failure
    assert (failure.kind, failure.retryable) == (FailureKind.INTERRUPTED, True)
    assert ops.vm_provision(params) == (Status.PENDING, {})
    assert ops.wait_vm_deployment(True, params)[0] is Status.SUCCEEDED


def test_the_caller_sends_a_lost_job_again(azure: Azure, ops: VMOps, state_dir: Path) -> None:
    """A waiting caller still has the job. One worker starts, in the same operation."""
    params: Params = {"vmName": "exp1"}
    warm_up(ops)
    server = await_one(state_dir, "forkserver")
    os.kill(server.pid, signal.SIGSTOP)
    assert ops.vm_provision(params) == (Status.PENDING, {})
    before = ops.operation(params)
    os.kill(server.pid, signal.SIGKILL)
    assert ops.wait_vm_deployment(True, params)[0] is Status.SUCCEEDED, ops.last_failure(params)
    now = ops.operation(params)
    assert before
    assert now
    assert (before.id, now.state) == (now.id, State.SUCCEEDED)


def test_an_idle_fork_server_exits(azure: Azure, state_dir: Path) -> None:
    """After VMOPS_WORKER_IDLE seconds it is gone, with its socket. The next deployment starts another."""
    ops = VMOps(Settings(state_dir=state_dir, owner="tester", worker_idle=0.2))
    for name in ("exp1", "exp2"):
        assert ops.vm_provision({"vmName": name}) == (Status.PENDING, {})
        assert ops.wait_vm_deployment(True, {"vmName": name})[0] is Status.SUCCEEDED
        assert gone(state_dir, "forkserver")
        assert list((state_dir / "forkserver").iterdir()) == []


def test_a_fork_server_without_its_socket_file_exits(
    azure: Azure, ops: VMOps, state_dir: Path, provision: Deploy
) -> None:
    """Without its state directory no job can reach it."""
    provision({"vmName": "exp1"})
    await_one(state_dir, "forkserver")
    for door in (state_dir / "forkserver").iterdir():
        door.unlink()
    assert gone(state_dir, "forkserver")


def test_worker_idle_zero_starts_no_fork_server(azure: Azure, state_dir: Path) -> None:
    """With VMOPS_WORKER_IDLE=0 each worker is a new process, and none stays."""
    azure.stick("create")
    ops = VMOps(Settings(state_dir=state_dir, owner="tester", worker_idle=0))
    assert ops.vm_provision({"vmName": "exp1"}) == (Status.PENDING, {})
    assert "vmops.jobs.worker" in await_one(state_dir, "worker").cmdline()
    azure.let_go()
    assert ops.wait_vm_deployment(True, {"vmName": "exp1"})[0] is Status.SUCCEEDED
    assert found(state_dir, "forkserver") == []


def test_a_forked_worker_has_its_callers_environment(
    azure: Azure, ops: VMOps, state_dir: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The engine is found by the environment of the call, not by that of the fork server's starter."""
    warm_up(ops)
    azure.stick("create")
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    monkeypatch.setenv("PULUMI_ACCESS_TOKEN", SECRET)
    assert ops.vm_provision({"vmName": "exp1"}) == (Status.PENDING, {})
    assert poll_until(lambda: begun(azure), timeout=120)
    (engine,) = found(state_dir, "engine")
    environment = engine.environ()
    assert environment["TZ"] == "Asia/Kathmandu"
    assert "PULUMI_ACCESS_TOKEN" not in environment


def test_no_process_shows_a_secret(azure: Azure, ops: VMOps, state_dir: Path) -> None:
    """No argument, no environment and no remaining file contains one."""
    azure.stick("create")
    params: Params = {"vmName": "exp1", "authenticationType": "password", "adminPasswordOrKey": SECRET}
    assert ops.vm_provision(params) == (Status.PENDING, {})
    assert poll_until(lambda: begun(azure), timeout=120)
    processes = dict(all_of(state_dir))
    assert processes.keys() == {"forkserver", "worker", "engine"}
    for process in processes.values():
        assert SECRET not in " ".join([*process.cmdline(), *process.environ().values()])
    azure.let_go()
    assert ops.wait_vm_deployment(True, params)[0] is Status.SUCCEEDED
    assert files_with("exp1", state_dir) != []
    assert [file for file in files_with(SECRET, state_dir) if "local" not in file.parts] == []


def test_jobs_beyond_the_limit_wait_in_order(azure: Azure, state_dir: Path) -> None:
    """Each is admitted at once and starts in order. Removals do not wait for provisions."""
    azure.stick("create")
    ops = VMOps(Settings(state_dir=state_dir, owner="tester", workers=1))
    names = ["exp1", "exp2", "exp3"]
    for name in names:
        assert ops.vm_provision({"vmName": name}) == (Status.PENDING, {})
    await_one(state_dir, "engine")
    assert states(ops) == {"exp1": State.RUNNING, "exp2": State.PENDING, "exp3": State.PENDING}
    assert len(found(state_dir, "worker")) == 1
    assert ops.vm_deprovision({"vmName": "exp3"}) == (Status.PENDING, {})
    assert ops.wait_vm_deployment(False, {"vmName": "exp3"})[0] is Status.SUCCEEDED, ops.last_failure(
        {"vmName": "exp3"}
    )
    azure.let_go()
    removed = ops.operation({"vmName": "exp3"})
    for name in names[:2]:
        assert ops.wait_vm_deployment(True, {"vmName": name})[0] is Status.SUCCEEDED
    first, second = (ops.operation({"vmName": name}) for name in names[:2])
    assert first
    assert second
    assert removed
    assert removed.started < first.ended <= second.started


def test_a_worker_inherits_only_its_own_lock(azure: Azure, state_dir: Path) -> None:
    """Locks of queued jobs are free after the fork server's death, even if workers run."""
    azure.stick("create", "exp2")
    ops = VMOps(Settings(state_dir=state_dir, owner="tester", workers=1))
    for name in ("exp1", "exp2", "exp3"):
        assert ops.vm_provision({"vmName": name}) == (Status.PENDING, {})
    assert poll_until(lambda: states(ops)["exp2"] is State.RUNNING or NotYet(0.02), timeout=120)
    found(state_dir, "forkserver")[0].kill()
    assert VMOps(ops.settings).wait_vm_deployment(True, {"vmName": "exp3"}) == (Status.FAILED, {})
    assert states(ops)["exp2"] is State.RUNNING
    azure.let_go()
    assert ops.wait_vm_deployment(True, {"vmName": "exp2"})[0] is Status.SUCCEEDED


def test_a_queued_job_can_be_cancelled(azure: Azure, state_dir: Path) -> None:
    """It never starts, and its VM is free at once."""
    azure.stick("create")
    ops = VMOps(Settings(state_dir=state_dir, owner="tester", workers=1))
    for name in ("exp1", "exp2"):
        assert ops.vm_provision({"vmName": name}) == (Status.PENDING, {})
    assert poll_until(lambda: states(ops)["exp1"] is State.RUNNING or NotYet(0.02), timeout=120)
    assert ops.cancel({"vmName": "exp2"}) == (Status.SUCCEEDED, {})
    assert states(ops) == {"exp1": State.RUNNING, "exp2": State.FAILED}
    azure.let_go()
    assert ops.wait_vm_deployment(True, {"vmName": "exp2"}) == (Status.FAILED, {})
    assert ops.wait_vm_deployment(True, {"vmName": "exp1"})[0] is Status.SUCCEEDED
    assert [each for each in azure.ids() if "exp2" in each] == []


def test_a_worker_without_a_fork_server_waits_in_order(azure: Azure, state_dir: Path) -> None:
    """Such workers use the same slots."""
    ops = VMOps(Settings(state_dir=state_dir, owner="tester", workers=1, worker_idle=0))
    names = ["exp1", "exp2", "exp3"]
    for name in names:
        assert ops.vm_provision({"vmName": name}) == (Status.PENDING, {})
    for name in names:
        assert ops.wait_vm_deployment(True, {"vmName": name})[0] is Status.SUCCEEDED
    done = [ops.operation({"vmName": name}) for name in names]
    assert all(a and b and a.ended <= b.started for a, b in itertools.pairwise(done))
    assert poll_until(lambda: NotYet(0.02) if processes_of(state_dir) else True, timeout=120)
