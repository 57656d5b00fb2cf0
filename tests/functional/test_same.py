"""Recorded requests: a VM is requested again, and secrets that are not repeated stay."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.azure import Azure
from tests.functional.test_cli import Shell
from vmops import Settings, Status, VMOps
from vmops.core.failures import Failure, FailureKind
from vmops.protocol import Params

Deploy = Callable[[Params], dict[str, Any]]
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/vmops-s1"
VM = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/s1"
SEEN = f"{VM}?api-version=2024-07-01"
S1: Params = {"vmName": "s1"}
PASSWORD, SCRIPT = "Correct-Horse-7", "#!/bin/sh\necho sesame\n"
PLAIN: Params = {**S1, "vmSize": "Standard_D4s_v5", "vmPorts": [22, 443], "dataDisks": [4, 8], "tags": {"team": "a"}}
SECRET: Params = {**PLAIN, "authenticationType": "password", "adminPasswordOrKey": PASSWORD, "customData": SCRIPT}
OTHER_IMAGE = "Canonical:0001-com-ubuntu-server-jammy:22_04-lts-gen2:latest"


def vm_id(azure: Azure) -> str:
    """Give Azure's own id of the VM."""
    return str(azure.get(SEEN)["properties"]["vmId"])


def again(ops: VMOps, **params: Any) -> Failure | None:
    """Request the VM with its last parameters, changed by some; give the failure, None if there is none."""
    asked: Params = {**S1, **params}
    begun = ops.vm_provision(asked, same=True)[0]
    ended = ops.wait_vm_deployment(True, asked)[0] if begun is Status.PENDING else begun
    assert ended in {Status.SUCCEEDED, Status.FAILED}
    return ops.last_failure(asked) if ended is Status.FAILED else None


def looks(azure: Azure) -> dict[str, Any]:
    """Give the requested properties of a VM, as Azure has them."""
    found = azure.get(SEEN)
    tags = {name: value for name, value in found["tags"].items() if not name.startswith("vmops-")}
    disks = [disk["diskSizeGB"] for disk in found["properties"]["storageProfile"]["dataDisks"]]
    group = azure.get(f"{GROUP}/providers/Microsoft.Network/networkSecurityGroups/s1-nsg?api-version=2024-05-01")
    rules = sorted(rule["name"] for rule in group["properties"]["securityRules"])
    return {"size": found["properties"]["hardwareProfile"]["vmSize"], "tags": tags, "disks": disks, "rules": rules}


@pytest.mark.parametrize("params", [PLAIN, SECRET], ids=["plain", "secret"])
def test_provision_same_without_changes_succeeds_at_once(
    ops: VMOps, azure: Azure, provision: Deploy, params: Params
) -> None:
    """No engine is started and nothing is written, also by another client of the same state directory."""
    provision(dict(params))
    before = azure.writes()
    assert ops.vm_provision(dict(S1), same=True) == (Status.SUCCEEDED, {})
    assert azure.writes() == before


@pytest.mark.parametrize("params", [PLAIN, SECRET], ids=["plain", "secret"])
def test_provision_same_changes_only_the_given_parameter(
    ops: VMOps, azure: Azure, provision: Deploy, params: Params
) -> None:
    """Size, ports, disks and tags stay, and so does the VM."""
    provision(dict(params))
    made, was = vm_id(azure), looks(azure)
    assert again(ops, vmSize="Standard_D8s_v5") is None
    assert looks(azure) == {**was, "size": "Standard_D8s_v5"}
    assert again(ops, vmPorts="22,80") is None
    assert looks(azure) == {**was, "size": "Standard_D8s_v5", "rules": ["tcp-22", "tcp-80"]}
    assert vm_id(azure) == made
    assert ops.vm_provision(dict(S1), same=True) == (Status.SUCCEEDED, {})


def test_custom_data_that_is_not_repeated_stays(azure: Azure, provision: Deploy) -> None:
    """Only other custom data replaces the VM."""
    provision({**S1, "customData": SCRIPT})
    made = vm_id(azure)
    provision({**S1, "vmPorts": [22, 80]})
    assert vm_id(azure) == made
    provision({**S1, "vmPorts": [22, 80], "customData": SCRIPT})
    assert vm_id(azure) == made
    provision({**S1, "customData": f"{SCRIPT}\n"})
    assert vm_id(azure) != made


def test_a_replaced_vm_keeps_its_secrets(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """They are in the engine's state."""
    provision(dict(SECRET))
    made = vm_id(azure)
    assert again(ops, image=OTHER_IMAGE) is None
    assert vm_id(azure) != made
    anew = vm_id(azure)
    provision({**SECRET, "image": OTHER_IMAGE})
    assert vm_id(azure) == anew, "both secrets are what they were"


def test_a_lost_secret_is_required_by_name(ops: VMOps, azure: Azure, provision: Deploy, deprovision: Deploy) -> None:
    """After a removal the request is repeated only with its secrets given again."""
    provision(dict(SECRET))
    deprovision(dict(S1))
    before = azure.writes()
    failure = again(ops)
    assert failure is not None
    assert failure.kind is FailureKind.INVALID
    assert "adminPasswordOrKey, customData: " in failure.message
    assert failure.step == "give adminPasswordOrKey and customData again"
    assert azure.writes() == before
    assert again(ops, adminPasswordOrKey=PASSWORD, customData=SCRIPT) is None
    assert looks(azure)["disks"] == [4, 8]


def test_provision_same_after_a_removal_repeats_the_request(
    ops: VMOps, azure: Azure, provision: Deploy, deprovision: Deploy, tmp_path: Path
) -> None:
    """Custom data is read again from a file whose content is the same."""
    file = tmp_path / "boot.sh"
    file.write_text(SCRIPT)
    provision({**PLAIN, "customDataFile": str(file)})
    was = looks(azure)
    deprovision(dict(S1))
    assert again(ops) is None
    assert looks(azure) == was
    made = vm_id(azure)
    file.write_text("#!/bin/sh\n")
    assert again(ops, vmPorts="") is None
    assert vm_id(azure) == made, "nobody asked for what the file says now"


def test_provision_same_without_a_record_is_refused(ops: VMOps, azure: Azure) -> None:
    """Nothing is made."""
    failure = again(ops)
    assert failure is not None
    assert failure.kind is FailureKind.NOT_FOUND
    assert "has no record of a request" in failure.message
    assert azure.ids() == set()


def test_the_command_that_status_suggests_changes_nothing(azure: Azure, provision: Deploy, state_dir: Path) -> None:
    """It has all values that differ from the defaults, and no secret."""
    vmops = Shell(state_dir)
    provision(dict(SECRET))
    was, made = looks(azure), vm_id(azure)
    azure.delete(SEEN)
    shown = vmops("status", "s1").stdout
    advised = " ".join(shown[shown.index("vmops provision") : shown.index(" recreates it")].split())
    assert "-p vmSize=Standard_D4s_v5" in advised
    assert PASSWORD not in shown
    assert "sesame" not in shown
    done = vmops(*shlex.split(advised)[1:], "--wait", "--json")
    assert json.loads(done.stdout)["status"] == "SUCCEEDED", done.stderr
    assert looks(azure) == was
    anew = vm_id(azure)
    assert anew != made
    provision({**SECRET, "tags": "team=b"})
    assert vm_id(azure) == anew, "both secrets are what they were"


def test_no_secret_is_in_the_records(ops: VMOps, provision: Deploy, state_dir: Path) -> None:
    """They have HMACs, and a shown record only the names."""
    provision(dict(SECRET))
    records = b"".join(path.read_bytes() for path in state_dir.glob("operations.db*"))
    assert PASSWORD.encode() not in records
    assert b"sesame" not in records
    operation = VMOps(Settings(state_dir=state_dir, owner="tester")).operation(dict(S1))
    assert operation is not None
    shown = operation.as_dict()
    assert shown["secrets"] == ["adminPasswordOrKey", "customData"]
    assert shown["given"]["vmSize"] == "Standard_D4s_v5"
    assert not shown["given"].keys() & {"adminPasswordOrKey", "customData"}
