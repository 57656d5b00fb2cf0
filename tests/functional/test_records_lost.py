"""Damaged or unwritable records: a VM can still be stopped, removed and swept."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.azure import Azure, all_of, begun, living
from tests.chaos.spoiling import settled
from tests.functional.doors import outlive
from vmops import Status, VMOps
from vmops.core.failures import FailureKind
from vmops.core.polling import poll_until
from vmops.core.state_dir import lock_path
from vmops.jobs import sent_jobs, sqlite, start
from vmops.protocol import Params
from vmops.spec.names import OWNER_TAG
from vmops.spec.target import Target

Deploy = Callable[[Params], dict[str, Any]]
PARAMS: Params = {"vmName": "exp1"}


def hollow(path: Path) -> None:
    log = path.with_name("operations.db-wal")
    log.write_bytes(path.read_bytes()[:8192])
    path.write_bytes(b"")


def without_a_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP TABLE operations")


def in_the_middle(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))


def in_its_place(path: Path) -> None:
    path.unlink()
    (path / "in it").mkdir(parents=True)


DAMAGES: dict[str, Callable[[Path], object]] = {
    "garbage": lambda path: path.write_bytes(b"no records of ours " * 999),
    "garbage in the middle": in_the_middle,
    "cut off in a page": lambda path: path.write_bytes(path.read_bytes()[:1000]),
    "cut off behind one": lambda path: path.write_bytes(path.read_bytes()[:8192]),
    "empty with a log": hollow,
    "empty": lambda path: path.write_bytes(b""),
    "a table lost": without_a_table,
    "a directory": in_its_place,
}


def test_damaged_records_are_replaced(
    ops: VMOps, azure: Azure, state_dir: Path, provision: Deploy, deprovision: Deploy
) -> None:
    """The damaged file is kept. Tags and the engine's state identify the VM, and every verb works."""
    vm_id = provision(dict(PARAMS))["id"]
    first = azure.vm(vm_id)["properties"]["vmId"]
    for number, (how, damage) in enumerate(DAMAGES.items(), 1):
        damage(settled(state_dir))
        again, params = VMOps(ops.settings), dict(PARAMS)
        assert again.vm_stop(params)[0] in {Status.PENDING, Status.SUCCEEDED}, (how, again.last_failure(params))
        if params.get("asyncResultsUrl"):
            assert again.wait_vm_operation(params)[0] is Status.SUCCEEDED, how
        assert azure.power(vm_id) == "stopped", how
        provision(dict(PARAMS))
        assert azure.vm(vm_id)["properties"]["vmId"] == first, how
        assert len(list((state_dir / "aside").glob("operations.db.*"))) >= number, how
    deprovision(dict(PARAMS))
    assert azure.resources() == []


def test_a_handle_without_a_record_matches_no_other_operation(ops: VMOps, provision: Deploy) -> None:
    """It may be a removal's handle: a running VM does not answer it."""
    provision(PARAMS)
    lost: Params = {**PARAMS, "asyncResultsUrl": "vmops:operation/0123456789abcdef"}
    assert ops.wait_vm_operation(lost) == (Status.FAILED, {})
    failure = ops.last_failure(PARAMS)
    assert failure
    assert failure.kind is FailureKind.NOT_FOUND
    assert ops.wait_vm_deployment(True, lost)[0] is Status.SUCCEEDED


CLI = [sys.executable, "-c", "from vmops.cli import main; main()"]
NAMESPACE = ["unshare", "--mount", "--propagation", "private", "sh", "-ec"]
FULL = """
mount -t tmpfs -o size={size}m,mode=700 tmpfs "$1"
cp -a "$2/." "$1/"
cat /dev/zero > "$1/ballast" 2> /dev/null || true
truncate -s -{free} "$1/ballast"
shift 2
exec "$@"
"""
READ_ONLY = """
cp -a "$2/." "$1/"
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
shift 2
exec "$@"
"""


def copied(state_dir: Path) -> Path:
    """Copy a state directory; the copy uses the first one's local Azure."""
    copy = state_dir.parent / "copy"
    shutil.copytree(state_dir, copy, ignore=shutil.ignore_patterns("local", "forkserver"))
    copy.chmod(0o700)
    (copy / "local").symlink_to(state_dir / "local")
    return copy


def on_a_bad_disk(how: str, copy: Path, *arguments: str) -> tuple[int, Any, str]:
    """Run a command with a state directory on such a disk; give its exit code, answer and errors."""
    place = copy.parent / "disk"
    place.mkdir(exist_ok=True, mode=0o700)
    environment = {**os.environ, "VMOPS_STATE_DIR": str(place), "VMOPS_OWNER": "tester"}
    command = [*NAMESPACE, how, "sh", str(place), str(copy), *CLI, *arguments, "--json"]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280, check=False)
    if "unshare failed" in ran.stderr or "mount:" in ran.stderr:
        pytest.skip(f"no disk can be had to try this: {ran.stderr}")
    assert "Traceback" not in ran.stderr
    return ran.returncode, json.loads(ran.stdout), ran.stderr


DISKS = {
    "full": FULL.format(size=4, free=0),
    "90 kB free": FULL.format(size=4, free=90_000),
    "a page free": FULL.format(size=4, free=4096),
    "read-only": READ_ONLY,
}


@pytest.mark.parametrize("disk", DISKS)
def test_without_records_removal_and_power_still_work(
    ops: VMOps, azure: Azure, state_dir: Path, provision: Deploy, disk: str
) -> None:
    """The caller itself uses ARM and tags: SUCCEEDED or FAILED. Verbs that need records are refused with a sentence."""
    vm_id = provision(PARAMS)["id"]
    provision({"vmName": "exp2", "ttl": "1h"})
    outlive(ops)
    copy = copied(state_dir)
    code, told, said = on_a_bad_disk(DISKS[disk], copy, "stop", "exp1")
    assert (code, told["status"], azure.power(vm_id)) == (0, "SUCCEEDED", "stopped"), said
    writes = azure.writes()
    code, told, said = on_a_bad_disk(DISKS[disk], copy, "provision", "exp3")
    assert (code, told["status"], told["failure"]["kind"]) == (1, "FAILED", "engine"), said
    assert azure.writes() == writes
    code, told, said = on_a_bad_disk(DISKS[disk], copy, "sweep")
    assert (code, [each["outcome"] for each in told["swept"]], len(told["unsearched"])) == (1, ["removed"], 1), said
    assert not any("exp2" in each for each in azure.ids())
    code, told, said = on_a_bad_disk(DISKS[disk], copy, "deprovision", "exp1")
    assert (code, told["status"], azure.resources()) == (0, "SUCCEEDED", []), said
    assert on_a_bad_disk(DISKS[disk], copy, "deprovision", "exp1")[1]["status"] == "SUCCEEDED"


def test_without_records_another_owners_vm_is_refused(azure: Azure, state_dir: Path, provision: Deploy) -> None:
    """Only tags show the owner: without them the VM is kept and named."""
    vm_id = provision(PARAMS)["id"]
    azure.tag(vm_id, {OWNER_TAG: "grace"})
    before = azure.ids()
    code, told, _ = on_a_bad_disk(READ_ONLY, copied(state_dir), "deprovision", "exp1")
    assert (code, told["status"], told["failure"]["kind"]) == (1, "FAILED", "conflict")
    assert azure.ids() == before


def test_without_records_removal_in_the_wrong_place_is_refused(
    azure: Azure, state_dir: Path, provision: Deploy
) -> None:
    """The subscription's list shows that a VM of that name is in another group."""
    provision(PARAMS)
    before, copy = azure.ids(), copied(state_dir)
    for file in copy.glob("operations.db*"):
        file.unlink()
    code, told, _ = on_a_bad_disk(READ_ONLY, copy, "deprovision", "exp1", "-p", "resourceGroup=another")
    assert (code, told["status"], told["failure"]["kind"]) == (1, "FAILED", "not_found")
    assert "vmops-exp1" in told["failure"]["message"]
    assert azure.ids() == before


def test_without_records_a_locked_vm_is_refused(ops: VMOps, azure: Azure, state_dir: Path) -> None:
    """A lock that can be read shows that somebody works on the VM."""
    copy = copied(state_dir)
    (copy / "locks").mkdir(exist_ok=True)
    lock = lock_path(copy, Target.from_params(PARAMS).stack)
    lock.touch()
    place = state_dir.parent / "disk"
    held = f"flock {place}/locks/{lock.name} "
    code, told, _ = on_a_bad_disk(READ_ONLY.replace('exec "$@"', f'exec {held} "$@"'), copy, "deprovision", "exp1")
    assert (code, told["failure"]["kind"]) == (1, "locked")


def test_readable_records_are_used_again(
    ops: VMOps, azure: Azure, provision: Deploy, deprovision: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The VM was removed while the disk was full, and the same program makes it again."""
    provision(PARAMS)
    monkeypatch.setattr(sqlite, "_ROOM", 1 << 62)
    assert ops.vm_provision({"vmName": "exp2"}) == (Status.FAILED, {})
    assert ops.vm_deprovision(dict(PARAMS)) == (Status.SUCCEEDED, {})
    assert ops.wait_vm_deployment(False, dict(PARAMS)) == (Status.SUCCEEDED, {})
    assert azure.resources() == []
    monkeypatch.undo()
    provision(dict(PARAMS))
    deprovision(dict(PARAMS))
    assert azure.resources() == []


def test_a_removal_without_a_worker_runs_in_the_caller(
    ops: VMOps, azure: Azure, provision: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record was written but no worker could start; the outcome is recorded."""
    provision(PARAMS)
    monkeypatch.setattr(start, "log_path", lambda *_: Path("/proc/none/log"))
    assert ops.vm_deprovision(dict(PARAMS)) == (Status.SUCCEEDED, {})
    assert azure.resources() == []
    assert ops.wait_vm_deployment(False, dict(PARAMS))[0] is Status.SUCCEEDED, ops.last_failure(PARAMS)
    assert ops.vm_provision(dict(PARAMS)) == (Status.FAILED, {})
    failure = ops.last_failure(PARAMS)
    assert failure
    assert failure.kind is FailureKind.ENGINE


def test_deleted_lock_files_do_not_admit_a_second_worker(
    ops: VMOps, azure: Azure, state_dir: Path, deprovision: Deploy
) -> None:
    """An operation with a living worker is in flight: it is joined, or ended by a removal."""
    azure.stick("create")
    params = dict(PARAMS)
    assert ops.vm_provision(params) == (Status.PENDING, {})
    assert poll_until(lambda: begun(azure), timeout=120)
    shutil.rmtree(state_dir / "locks")
    again = dict(PARAMS)
    assert ops.vm_provision(again) == (Status.PENDING, {})
    assert again == params
    assert ops.vm_provision({**PARAMS, "vmSize": "Standard_B4ms"}) == (Status.FAILED, {})
    assert [kind for kind, _ in living(state_dir)].count("worker") == 1
    azure.let_go()
    deprovision(dict(PARAMS))
    assert azure.resources() == []


@pytest.fixture
def stopped(ops: VMOps, azure: Azure, state_dir: Path) -> psutil.Process:
    """Give a stopped (SIGSTOP) fork server."""
    assert ops.vm_deprovision({"vmName": "warm"}) == (Status.PENDING, {})
    assert ops.wait_vm_deployment(False, {"vmName": "warm"})[0] is Status.SUCCEEDED
    (server,) = (process for kind, process in all_of(state_dir) if kind == "forkserver")
    server.suspend()
    return server


def test_a_stopped_fork_server_is_replaced(
    ops: VMOps, azure: Azure, stopped: psutil.Process, deprovision: Deploy
) -> None:
    """A waiting caller kills it, and its job starts."""
    asked = [{"vmName": "exp1"}, {"vmName": "exp2"}]
    assert [ops.vm_provision(params) for params in asked] == [(Status.PENDING, {})] * 2
    assert [ops.wait_vm_deployment(True, params)[0] for params in asked] == [Status.SUCCEEDED] * 2
    assert not stopped.is_running() or stopped.status() == psutil.STATUS_ZOMBIE
    for params in asked:
        deprovision(params)
    assert azure.resources() == []


def test_other_callers_jobs_in_a_killed_fork_server_are_interrupted(
    ops: VMOps, azure: Azure, stopped: psutil.Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only their callers have the jobs; the same call continues."""
    monkeypatch.setattr(sent_jobs, "_CHECK_INTERVAL", 0.0)
    assert ops.vm_provision(dict(PARAMS)) == (Status.PENDING, {})
    other = VMOps(ops.settings)
    assert other.wait_vm_deployment(True, dict(PARAMS)) == (Status.FAILED, {})
    failure = other.last_failure(PARAMS)
    assert failure
    assert (failure.kind, failure.retryable) == (FailureKind.INTERRUPTED, True)
    params = dict(PARAMS)
    assert other.vm_provision(params) == (Status.PENDING, {})
    assert other.wait_vm_deployment(True, params)[0] is Status.SUCCEEDED


@pytest.mark.parametrize("verb", ["cancel", "deprovision"])
def test_a_job_in_a_stopped_fork_server_can_be_cancelled(
    ops: VMOps, azure: Azure, stopped: psutil.Process, verb: str
) -> None:
    """The fork server holds the VM's lock: cancel and removal kill it."""
    params = dict(PARAMS)
    assert ops.vm_provision(params) == (Status.PENDING, {})
    if verb == "cancel":
        assert ops.cancel(params) == (Status.SUCCEEDED, {})
    else:
        assert ops.vm_deprovision(params) == (Status.PENDING, {})
        assert ops.wait_vm_deployment(False, params)[0] is Status.SUCCEEDED, ops.last_failure(params)
    assert ops.wait_vm_deployment(True, {**PARAMS, "pollTimeout": 0})[0] is Status.FAILED
    assert azure.resources() == []
