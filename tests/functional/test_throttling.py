"""The requests of vmops for one VM stay below Azure's rate limits."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.azure import Azure
from vmops import Settings, Status, VMOps
from vmops.local import daemon
from vmops.protocol import Params


def live(ops: VMOps, params: Params) -> None:
    """Provision a VM, stop, start, restart, resize and deprovision it."""

    def deployed(is_setup: bool, params: Params) -> None:
        (ops.vm_provision if is_setup else ops.vm_deprovision)(params)
        assert ops.wait_vm_deployment(is_setup, params)[0] is Status.SUCCEEDED, ops.last_failure(params)

    deployed(True, params)
    for verb in (ops.vm_stop, ops.vm_start, ops.vm_restart):
        verb(params)
        assert ops.wait_vm_operation(params)[0] is Status.SUCCEEDED
    deployed(True, params | {"vmSize": "Standard_D2s_v5"})
    deployed(False, params)


def test_a_whole_life_is_never_throttled(engine: Path, state_dir: Path) -> None:
    """At a pace at which Azure's minutes pass."""
    daemon.ensure(state_dir, 0.02)
    live(VMOps(Settings(state_dir=state_dir, owner="tester")), {"vmName": "vm"})
    assert Counter(each["status"] for each in Azure(state_dir).journal())[429] == 0


def test_a_whole_life_costs_less_than_one_bucket(ops: VMOps, azure: Azure) -> None:
    """In one minute, a VM's buckets allow 12 writes of a kind and 36 reads."""
    live(ops, {"vmName": "vm"})
    asked = [each for each in azure.journal() if "/virtualMachines/" in each["path"]]
    kinds = Counter(each["method"] for each in asked)
    assert (kinds["PUT"], kinds["POST"], kinds["DELETE"]) == (2, 3, 1), kinds
    assert kinds["GET"] <= 36, kinds


def too_early(calls: list[dict[str, Any]]) -> list[str]:
    """Name the operations that were polled before the pause of the previous answer was over."""
    due: dict[str, float] = {}
    early = []
    for call in calls:
        if "/operations/" in call["path"] and call["at"] < due.get(call["path"], 0.0):
            early.append(call["path"])
        due[call["follow"]] = call["at"] + call["pause"]
    return early


@pytest.mark.timeout(900)
def test_a_whole_life_at_azures_pace(engine: Path, tmp_path: Path) -> None:
    """With a killed engine and a resize, no bucket is emptied and no poll is early.

    The clock moves only while all processes wait, so requests are as dense as possible.
    """
    subprocess.run([sys.executable, "-m", "tests.functional.stepped", str(tmp_path)], check=True)
    calls = json.loads((tmp_path / "wire.json").read_text())
    assert Counter(call["status"] for call in calls)[429] == 0
    assert too_early(calls) == []
    assert calls[-1]["at"] - calls[0]["at"] > 180, "Azure takes minutes for this"
    polled = Counter(call["path"] for call in calls if "/operations/" in call["path"])
    assert len(polled) >= 15
    group = [call for call in calls if call["path"].endswith("/resourceGroups/vmops-vm")][-1]
    assert (group["method"], group["status"]) == ("GET", 404), "the group is gone"
