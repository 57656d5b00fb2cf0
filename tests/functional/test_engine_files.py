"""Damaged files of the engine: vmops recovers from each, for the VM itself and for other VMs."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.azure import Azure
from tests.functional.doors import outlive
from vmops import Status, VMOps
from vmops.core.failures import FailureKind
from vmops.core.state_dir import passphrase_path
from vmops.engine.backend.refusals import NEWER_ENGINE, OTHER_KEYS
from vmops.leases.sweep import Outcome, sweep
from vmops.protocol import Params

Deploy = Callable[[Params], dict[str, Any]]
State = dict[str, Any]
PARAMS: Params = {"vmName": "exp1"}
BIGGER: Params = {**PARAMS, "vmSize": "Standard_B4ms"}


@pytest.fixture
def backend(state_dir: Path) -> Path:
    """Give the directory of the engine's backend."""
    return state_dir / "backend" / ".pulumi"


def state_file(backend: Path, vm_name: str = "exp1") -> Path:
    (found,) = (backend / "stacks" / "vmops").glob(f"{vm_name}-*.json")
    return found


def spoil(path: Path, how: str) -> None:
    """Damage a file as a full disk, a power failure or a person may; ``loop`` cannot be opened even by root."""
    content = path.read_bytes() if path.is_file() else b""
    if path.is_file() or path.is_symlink():
        path.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    match how:
        case "empty":
            path.write_bytes(b"")
        case "cut off":
            path.write_bytes(content[: len(content) // 2])
        case "garbage":
            path.write_bytes(b"\x00\xff garbage \x01" * 40)
        case "directory":
            (path / "in it").mkdir(parents=True, exist_ok=True)
        case "loop":
            path.symlink_to(path)


def without_copies(backend: Path) -> None:
    for place in ("stacks/vmops/*.bak", "history/vmops/*/*.checkpoint.json"):
        for copy in backend.glob(place):
            clear(copy) if copy.is_dir() else copy.unlink()


def kept(backend: Path) -> list[str]:
    """Name the files that were set aside."""
    return sorted(path.name.rpartition(".")[0] for path in backend.parent.glob(".vmops/aside/*"))


def stack_of(backend: Path) -> str:
    return state_file(backend).stem


def of_state(backend: Path) -> list[Path]:
    return [state_file(backend)]


def of_the_rest(backend: Path) -> list[Path]:
    """Give the other files in the backend and in the directory of a stack's settings."""
    state, settings = state_file(backend), backend.parents[1] / "stacks" / stack_of(backend)
    return [
        backend / "meta.yaml",
        *(state.with_suffix(end) for end in (".json.bak", ".pulumi-tags", ".json.attrs")),
        *(backend / "locks/organization/vmops" / state.stem / name for name in ("0.json", "1.json.1f.tmp")),
        *backend.glob(f"history/vmops/{state.stem}/*.json"),
        settings / f"Pulumi.{state.stem}.yaml",
        settings / "Pulumi.yaml",
    ]


def in_place_of_directories(backend: Path) -> list[Path]:
    names = ("history/vmops", "backups/vmops", "locks/organization/vmops")
    return [backend / name / stack_of(backend) for name in names]


def clear(path: Path) -> None:
    """Delete what is about to be damaged."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)


@pytest.mark.parametrize("how", ["empty", "cut off", "garbage", "directory", "loop"])
@pytest.mark.parametrize("files", [of_state, of_the_rest])
def test_every_damaged_engine_file_is_recovered(
    azure: Azure, backend: Path, provision: Deploy, deprovision: Deploy, files: Callable[[Path], list[Path]], how: str
) -> None:
    """The same VM is updated, and everything is removed at the end. Unreadable files are kept."""
    vm_id = provision(PARAMS)["id"]
    first = azure.vm(vm_id)["properties"]["vmId"]
    for path in files(backend):
        spoil(path, how)
    provision(BIGGER)
    assert azure.vm(vm_id)["properties"]["vmId"] == first
    for path in files(backend):
        spoil(path, how)
    without_copies(backend)
    deprovision(PARAMS)
    assert azure.resources() == []
    assert kept(backend)


@pytest.mark.parametrize("how", ["empty", "loop"])
def test_a_file_in_place_of_an_engine_directory_is_recovered(
    azure: Azure, backend: Path, provision: Deploy, deprovision: Deploy, how: str
) -> None:
    """The file is set aside, because nothing can be stored below it."""
    provision(PARAMS)
    for call, params in ((provision, BIGGER), (deprovision, PARAMS)):
        for path in in_place_of_directories(backend):
            clear(path)
            spoil(path, how)
        call(params)
    assert azure.resources() == []


@pytest.mark.parametrize("how", ["empty", "loop"])
def test_a_lost_backend_is_recovered(
    azure: Azure, backend: Path, provision: Deploy, deprovision: Deploy, how: str
) -> None:
    """A file in its place is set aside, and the state is rebuilt from what exists."""
    vm_id = provision(PARAMS)["id"]
    first = azure.vm(vm_id)["properties"]["vmId"]
    clear(backend)
    spoil(backend, how)
    provision(BIGGER)
    assert azure.vm(vm_id)["properties"]["vmId"] == first
    deprovision(PARAMS)
    assert azure.resources() == []


@pytest.mark.parametrize("copies", [True, False], ids=["copied", "lost"])
def test_dry_run_works_with_an_unreadable_state(ops: VMOps, backend: Path, provision: Deploy, *, copies: bool) -> None:
    """A provision without changes does not touch it; a dry run afterwards still lists changes."""
    provision(PARAMS)
    spoil(state_file(backend), "empty")
    if not copies:
        without_copies(backend)
    assert ops.vm_provision(dict(PARAMS)) == (Status.SUCCEEDED, {})
    steps = [step for step in ops.plan(dict(PARAMS)) if step["type"]]
    assert {step["operation"] for step in steps} == (set() if copies else {"adopt"}), steps
    assert [step["operation"] for step in ops.plan(dict(BIGGER)) if step["properties"]] == ["update"]


def latest(state: State) -> State:
    found: State = state["checkpoint"]["latest"]
    return found


def entry(state: State, number: int = -1) -> State:
    found: State = latest(state)["resources"][number]
    return found


NONSENSE: dict[str, Callable[[State], object]] = {
    "an empty object": lambda state: state.clear(),
    "a stack that knows nothing": lambda state: state.update(checkpoint={}),
    "resources that are a text": lambda state: latest(state).update(resources="many"),
    "a resource without a URN": lambda state: entry(state).pop("urn"),
    "a parent that is nowhere": lambda state: entry(state).update(parent=entry(state)["urn"] + "x"),
    "a dependency that is nowhere": lambda state: entry(state).update(dependencies=[entry(state)["urn"] + "x"]),
    "inputs that are a list": lambda state: entry(state).update(inputs=["B2s"]),
    "a manifest of another": lambda state: latest(state)["manifest"].update(magic="0"),
}
"""States that parse, but that no engine can use; `tests/unit/test_checkpoint.py` has more."""


def rewrite(path: Path, change: Callable[[State], object]) -> None:
    state = json.loads(path.read_text())
    change(state)
    path.write_text(json.dumps(state))


@pytest.mark.parametrize("what", NONSENSE)
def test_an_inconsistent_state_is_recovered(
    azure: Azure, ops: VMOps, backend: Path, provision: Deploy, deprovision: Deploy, what: str
) -> None:
    """It is set aside and rebuilt from ARM. The VM stays the same, and everything is removed at the end."""
    vm_id = provision(PARAMS)["id"]
    first = azure.vm(vm_id)["properties"]["vmId"]
    rewrite(state_file(backend), NONSENSE[what])
    without_copies(backend)
    provision(BIGGER)
    assert azure.vm(vm_id)["properties"]["vmId"] == first
    rewrite(state_file(backend), NONSENSE[what])
    without_copies(backend)
    deprovision(PARAMS)
    assert azure.resources() == []


def newer_version(state_dir: Path, backend: Path) -> None:
    rewrite(state_file(backend), lambda state: state.update(version=5))


def newer_feature(state_dir: Path, backend: Path) -> None:
    rewrite(state_file(backend), lambda state: state.update(version=4, features=["unheardOf"]))


def newer_layout(state_dir: Path, backend: Path) -> None:
    (backend / "meta.yaml").write_text("version: 2\n")


def other_keys(state_dir: Path, backend: Path) -> None:
    passphrase_path(state_dir).write_text("another")


@pytest.mark.parametrize(
    ("becomes", "code"),
    [
        (newer_version, NEWER_ENGINE),
        (newer_feature, NEWER_ENGINE),
        (newer_layout, NEWER_ENGINE),
        (other_keys, OTHER_KEYS),
    ],
)
def test_a_state_of_a_newer_engine_or_another_key_is_not_overwritten(
    azure: Azure,
    ops: VMOps,
    state_dir: Path,
    backend: Path,
    provision: Deploy,
    deprovision: Deploy,
    becomes: Callable[[Path, Path], None],
    code: str,
) -> None:
    """A provision is refused and leaves the state unchanged; a removal works without it."""
    provision(PARAMS)
    becomes(state_dir, backend)
    before, writes = state_file(backend).read_bytes(), azure.writes()
    params = dict(BIGGER)
    assert ops.vm_provision(params) == (Status.PENDING, {})
    assert ops.wait_vm_deployment(True, params) == (Status.FAILED, {})
    failure = ops.last_failure(params)
    assert failure
    assert (failure.kind, failure.code) == (FailureKind.ENGINE, code)
    assert "deprovision the VM, which does not need the state" in failure.next_step
    assert (state_file(backend).read_bytes(), azure.writes()) == (before, writes)
    deprovision(dict(PARAMS))
    assert azure.resources() == []


def test_one_damaged_stack_does_not_affect_others(
    azure: Azure, ops: VMOps, backend: Path, state_dir: Path, provision: Deploy
) -> None:
    """A sweep without records removes the other VMs, and reports the stack that it could not read."""
    for name in ("exp1", "exp2", "exp3"):
        provision({"vmName": name, "ttl": "1h"})
    outlive(ops)
    for file in state_dir.glob("operations.db*"):
        file.unlink()
    azure.tag(azure_vm(azure, "exp2"), {})
    azure.tag(azure_vm(azure, "exp3"), {})
    rewrite(state_file(backend, "exp2"), lambda state: state.update(version=5))
    (backend / "meta.yaml").write_text("")
    found = sweep(VMOps(ops.settings))
    assert {each.lifetime.identity.vm_name: each.outcome for each in found.swept}["exp1"] is Outcome.REMOVED
    assert [failure.code for failure in found.unsearched] == [NEWER_ENGINE]
    assert not found.clean


def test_an_empty_backend_layout_does_not_prevent_queries(ops: VMOps, backend: Path, provision: Deploy) -> None:
    """A query restores it, and an unknown VM is reported as not found."""
    provision(PARAMS)
    (backend / "meta.yaml").write_text("")
    assert ops.plan(dict(PARAMS)) == []
    (backend / "meta.yaml").write_text("")
    assert ops.wait_vm_deployment(True, {"vmName": "exp2"}) == (Status.FAILED, {})
    failure = ops.last_failure({"vmName": "exp2"})
    assert failure
    assert failure.kind is FailureKind.NOT_FOUND


def test_the_state_does_not_record_where_resources_are_declared(backend: Path, provision: Deploy) -> None:
    """Paths of this host would be 40 % of a fleet's state, which the engine writes twice for each resource."""
    provision(PARAMS)
    resources = json.loads(state_file(backend).read_bytes())["checkpoint"]["latest"]["resources"]
    assert len(resources) > 5
    located = [each["type"] for each in resources if {"stackTrace", "sourcePosition"} & each.keys()]
    assert located == ["pulumi:pulumi:Stack"]


def azure_vm(azure: Azure, name: str) -> str:
    return next(each for each in azure.ids() if each.endswith(f"/virtualMachines/{name}"))
