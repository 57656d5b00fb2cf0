"""Lock files: what a VM was really made from, and a VM made from that."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.azure import Azure
from tests.functional.doors import blocks, names
from tests.functional.test_cli import Shell
from vmops import Status, VMOps
from vmops.core.failures import FailureKind
from vmops.protocol import Params

SCRIPT = "#!/bin/sh\necho sesame\n"
ASKED: Params = {"vmName": "exp1", "vmSize": "Standard_D4s_v5", "dataDisks": [4], "tags": {"team": "a"}}


@pytest.mark.parametrize("secret", [{}, {"customData": SCRIPT}], ids=["plain", "custom-data"])
def test_a_vm_from_a_lock_file_has_an_equal_lock_file(
    ops: VMOps,
    azure: Azure,
    provision: Callable[[Params], dict[str, Any]],
    shell: Shell,
    tmp_path: Path,
    secret: Params,
) -> None:
    """The original VM is unchanged by its lock file, and another name makes an equal VM."""
    vm_id = provision({**ASKED, **secret})["id"]
    file = tmp_path / "exp1.lock.yaml"
    written = shell(*shlex.split("lock exp1"))
    file.write_text(written.stdout)
    body = azure.vm(vm_id)
    lock = yaml.safe_load(file.read_text())
    exact = body["properties"]["storageProfile"]["imageReference"]["exactVersion"]
    assert lock["made"]["image"]["exactVersion"] == exact
    assert (lock["made"]["vmSize"], lock["made"]["location"]) == ("Standard_D4s_v5", body["location"])
    assert bool(lock["made"]["customData"]) is bool(secret)
    assert "sesame" not in file.read_text()
    writes = len(azure.writes())
    again = shell("provision", "exp1", "--lock", str(file), "--wait", "--json")
    assert json.loads(again.stdout)["status"] == "SUCCEEDED", again.stderr
    assert (len(azure.writes()), azure.vm(vm_id)["properties"]["vmId"]) == (writes, body["properties"]["vmId"])
    two = provision({"vmName": "exp2", "lockFile": str(file), **secret})
    told = [ops.metrics({"vmName": name}) for name in ("exp1", "exp2")]
    assert told[0] == told[1]
    assert (told[0]["vmops_cpu"], float(told[0]["vmops_price"]) > 0) == ("Intel x64", True)
    assert (told[0]["vmops_size"], told[0]["vmops_image"].rpartition(":")[2]) == ("Standard_D4s_v5", exact)
    assert shell("get", "exp1", "--metrics").stdout.startswith("metric,value\nvmops_size,Standard_D4s_v5\n")
    made = azure.vm(two["id"])["properties"]
    assert made["storageProfile"]["imageReference"]["version"] == exact
    assert made["hardwareProfile"]["vmSize"] == "Standard_D4s_v5"
    assert [disk["diskSizeGB"] for disk in made["storageProfile"]["dataDisks"]] == [4]


def test_a_lock_file_of_an_unavailable_image_is_refused(
    ops: VMOps, azure: Azure, provision: Callable[[Params], dict[str, Any]], tmp_path: Path
) -> None:
    """So is one whose custom data is neither given nor recorded."""
    provision({"vmName": "exp1", "customData": SCRIPT})
    lock = ops.lock_file({"vmName": "exp1"})
    file = tmp_path / "exp1.lock.yaml"
    file.write_text(yaml.safe_dump(lock))
    params: Params = {"vmName": "exp2", "lockFile": str(file)}
    assert refusal(ops, params) == (FailureKind.INVALID, "customData: given for this VM before, but its value is lost")
    assert not any("exp2" in each for each in azure.ids())
    lock["made"]["image"] |= {"offer": "ubuntu-99_04", "exactVersion": "99.4.1"}
    file.write_text(yaml.safe_dump(lock))
    kind, message = refusal(ops, {**params, "customData": SCRIPT})
    assert kind is FailureKind.INVALID
    assert "'Canonical:ubuntu-99_04:server:99.4.1'" in message


def test_the_page_about_lock_files_runs(
    shell: Shell, azure: Azure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commands in the docs make two VMs of the same environment."""
    monkeypatch.chdir(tmp_path)
    (calls,) = blocks("again.md", "sh")
    for call in calls.splitlines():
        done = shell(*shlex.split(call)[1:])
        assert done.returncode == 0, done.stderr
    assert names(azure) == ["exp1", "exp2"]


@pytest.fixture
def shell(azure: Azure, state_dir: Path) -> Shell:
    return Shell(state_dir)


def refusal(ops: VMOps, params: Params) -> tuple[FailureKind, str]:
    """Give why a provision fails: its kind, and the start of its message."""
    assert ops.vm_provision(params)[0] is Status.PENDING
    assert ops.wait_vm_deployment(True, params)[0] is Status.FAILED
    failure = ops.last_failure(params)
    assert failure
    return failure.kind, failure.message.partition(", and the VM")[0]
