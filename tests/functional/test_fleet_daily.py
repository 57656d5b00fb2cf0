"""The everyday verbs for a fleet: lock files, drift, costs, recovery, adoption and hand-over."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.azure import Azure, all_of, killed
from tests.functional.test_fleets import identities, machine
from tests.functional.test_lock_file import ASKED
from vmops import Settings, Status, VMOps
from vmops.core.errors import OperationFailed
from vmops.core.failures import FailureKind
from vmops.core.polling import NotYet, poll_until
from vmops.local import daemon
from vmops.protocol import Params

F1: Params = {"vmName": "f1"}
WANTED: Params = {**ASKED, **F1, "vmCount": 2}
API = "?api-version=2024-07-01"


@dataclass
class Lab:
    """A fleet of two in a state directory that the tests of this module share and restore."""

    state_dir: Path
    azure: Azure
    ops: VMOps

    def provision(self, **params: object) -> Status:
        """Provision the fleet, and wait."""
        given: Params = {**WANTED, **params}
        if self.ops.vm_provision(given)[0] is Status.FAILED:
            return Status.FAILED
        return self.ops.wait_vm_deployment(True, given)[0]


@pytest.fixture(scope="module")
def lab(engine: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Give the fleet."""
    directory = tmp_path_factory.mktemp("fleet", numbered=False) / "state"
    directory.mkdir(mode=0o700)
    daemon.ensure(directory, 0)
    there = Lab(directory, Azure(directory), VMOps(Settings(state_dir=directory, owner="tester")))
    assert there.provision() is Status.SUCCEEDED, there.ops.last_failure(F1)
    yield there
    poll_until(lambda: NotYet(0.01) if killed(all_of(directory)) else True, timeout=60)
    daemon.stop(directory)


def test_a_lock_file_of_a_fleet_covers_all_members(lab: Lab, tmp_path: Path) -> None:
    """The fleet matches its lock file. A single member has no lock file, but metrics."""
    file, writes = tmp_path / "f1.lock.yaml", len(lab.azure.writes())
    file.write_text(json.dumps(lab.ops.lock_file(F1)))
    lock = yaml.safe_load(file.read_text())
    assert (lock["parameters"]["vmCount"], lock["made"]["vmSize"]) == (2, "Standard_D4s_v5")
    assert [each["sizeGB"] for each in lock["made"]["dataDisks"]] == [4]
    locked: Params = {**F1, "lockFile": str(file)}
    lab.ops.vm_provision(locked)
    assert lab.ops.wait_vm_deployment(True, locked)[0] is Status.SUCCEEDED, lab.ops.last_failure(F1)
    assert len(lab.azure.writes()) == writes
    with pytest.raises(OperationFailed, match="f1-1 is member 1 of the fleet f1"):
        lab.ops.lock_file({"vmName": "f1-1"})
    all_of_it, one = lab.ops.metrics(F1), lab.ops.metrics({"vmName": "f1-1"})
    assert all_of_it.pop("vmops_ready") == "2"
    assert all_of_it == one
    assert float(one["vmops_price"]) > 0


def test_metrics_of_differing_members_are_numbered(lab: Lab) -> None:
    """A fleet with a resized member has numbered metrics and no lock file; a provision repairs it."""
    lab.azure.patch(f"{machine(1)}{API}", {"properties": {"hardwareProfile": {"vmSize": "Standard_D2s_v5"}}})
    told = lab.ops.metrics(F1)
    assert (told["vmops_size_0"], told["vmops_size_1"]) == ("Standard_D4s_v5", "Standard_D2s_v5")
    assert told["vmops_lock_0"] != told["vmops_lock_1"]
    assert {"vmops_size", "vmops_zone_0"}.isdisjoint(told)
    with pytest.raises(OperationFailed, match=r"f1-0 has Standard_D4s_v5, f1-1 Standard_D2s_v5") as refused:
        lab.ops.lock_file(F1)
    assert refused.value.failure.kind is FailureKind.INVALID
    for which, many in (("f1", 1), ("f1-1", 1), ("f1-0", 0)):
        found = lab.ops.diff({"vmName": which})
        assert [(each["operation"], each["resource"]) for each in found] == [("update", "VirtualMachine f1-1")] * many
    assert [each for each in lab.ops.status(F1)["drift"] if "Standard_D2s_v5 instead of Standard_D4s_v5" in each]
    assert lab.provision() is Status.SUCCEEDED
    assert lab.ops.diff(F1) == []


def test_diff_of_a_fleet_names_missing_and_foreign_parts_once(lab: Lab) -> None:
    """A shared resource is listed once. Only a deleted member is recreated."""
    rule = f"{machine(0).partition('/providers/')[0]}/providers/Microsoft.Network/networkSecurityGroups/f1-nsg"
    body = {"protocol": "Tcp", "access": "Allow", "direction": "Inbound", "priority": 300}
    ends = {"sourceAddressPrefix": "*", "sourcePortRange": "*", "destinationAddressPrefix": "*"}
    path = f"{rule}/securityRules/theirs?api-version=2024-05-01"
    lab.azure.put(path, {"properties": {**body, **ends, "destinationPortRange": "8080"}})
    lab.azure.delete(f"{machine(1)}{API}")
    had = identities(lab.azure)
    found = [(each["operation"], each["resource"]) for each in lab.ops.diff(F1)]
    assert found[0] == ("create", "VirtualMachine f1-1")
    assert [operation for operation, _ in found[1:] if operation == "keep"] == ["keep"]
    assert lab.provision() is Status.SUCCEEDED, lab.ops.last_failure(F1)
    assert identities(lab.azure)["f1-0"] == had["f1-0"]
    lab.azure.delete(path)
    assert lab.ops.diff(F1) == []


def test_recover_restores_the_lost_state_of_a_fleet(lab: Lab) -> None:
    """No member is replaced afterwards. A single member has no state to recover."""
    backend = lab.state_dir / "backend" / ".pulumi"
    lost = [each for each in backend.rglob("*") if each.is_file() and "f1-" in str(each.relative_to(backend))]
    assert lost
    for each in lost:
        each.unlink()
    had = identities(lab.azure)
    status, found = lab.ops.recover(F1)
    assert (status, found["state"]) == (Status.SUCCEEDED, "lost"), lab.ops.last_failure(F1)
    assert {machine(number) for number in range(2)} <= {*found["resources"]}
    assert lab.provision(tags={"team": "b"}) is Status.SUCCEEDED, lab.ops.last_failure(F1)
    assert identities(lab.azure) == had
    for refused in (lab.ops.recover({"vmName": "f1-1"}), lab.ops.adopt({"vmName": "f1-1"})):
        assert refused == (Status.FAILED, {})
        assert "call it for the whole fleet, f1" in str(lab.ops.last_failure({"vmName": "f1-1"}))


def test_a_member_without_tags_is_adopted(lab: Lab) -> None:
    """It is adopted by its identity, with the fleet's tag, which marks it as a member."""
    tags = lab.azure.get(f"{machine(1)}{API}")["tags"]
    lab.azure.tag(machine(1), {"team": "b"})
    assert [each["name"] for each in lab.ops.members(F1)["missing"]] == ["f1-1"]
    status, found = lab.ops.adopt(F1)
    assert (status, found["proven"]) == (Status.SUCCEEDED, {machine(1): {"team": "b"}})
    assert lab.azure.get(f"{machine(1)}{API}")["tags"] == tags
    assert lab.ops.members(F1)["missing"] == []
    assert lab.ops.adopt(F1)[1]["proven"] == {}


def test_spent_so_far_of_a_fleet_is_the_sum_or_unknown(lab: Lab) -> None:
    """It is at most the price since creation for all members; with a deallocated member it is unknown."""
    price = lab.ops.members(F1)["members"][0]["pricePerHour"]
    report, rows = lab.ops.status(F1), lab.ops.vms().vms
    spent = [each["spentSoFar"] for each in report["members"]]
    assert all(0 < each < price for each in spent)  # they were made less than an hour ago
    assert report["spentSoFar"] == pytest.approx(sum(spent))
    assert all(0 < each["spentSoFar"] < price for each in rows)
    assert 0 < lab.ops.status({"vmName": "f1-0"})["spentSoFar"] < price
    lab.azure.post(f"{machine(1)}/deallocate{API}", None)
    report = lab.ops.status(F1)
    assert [each["spentSoFar"] is None for each in report["members"]] == [False, True]
    assert report["spentSoFar"] is None
    assert [each["spentSoFar"] is None for each in lab.ops.vms().vms] == [False, True]
    assert lab.provision(tags={"team": "b"}) is Status.SUCCEEDED  # it starts again


def test_a_fleet_is_handed_over_with_all_members(lab: Lab, engine: Path, tmp_path: Path) -> None:
    """The project agrees with Azure, and no member is ours afterwards."""
    member: Params = {"vmName": "f1-1"}
    assert lab.ops.export(member, tmp_path / "one") == (Status.FAILED, {})
    assert "call it for the whole fleet, f1" in str(lab.ops.last_failure(member))
    status, found = lab.ops.hand_over(F1, tmp_path / "all")
    assert status is Status.SUCCEEDED, lab.ops.last_failure(F1)
    assert {machine(number) for number in range(2)} <= {*found["handedOver"]}
    program = yaml.safe_load((tmp_path / "all" / "Pulumi.yaml").read_text())["resources"]
    assert {"f1-0", "f1-1"} <= program.keys()
    assert not any(name.startswith("vmops-") for each in lab.azure.resources() for name in each.get("tags") or ())
    assert lab.ops.vms().vms == []
    (tmp_path / "backend").mkdir()
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'backend'}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(tmp_path / "all" / "passphrase"),
        "PULUMI_DEBUG_PROVIDERS": f"azure-native:{daemon.ensure(lab.state_dir).provider}",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    name = found["stack"]
    for call in (
        f"stack init {name}",
        f"stack import --stack {name} --file state.json",
        f"refresh --yes --expect-no-changes --stack {name}",
    ):
        command = [str(engine), *call.split(), "--non-interactive"]
        done = subprocess.run(
            command, cwd=tmp_path / "all", env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr + done.stdout
