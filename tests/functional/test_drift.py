"""Drift: changes of our resources by others are found and repaired; one that returns is only reported."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.azure import Azure
from tests.functional.test_cli import Shell
from tests.functional.test_foreign_parts import NIC, NSG, PARAMS, VM, Deploy, Hand
from vmops import Status, VMOps
from vmops.protocol import Params

PORTS: Params = {**PARAMS, "vmPorts": [22, 443], "sourceAddressPrefixes": "192.0.2.0/24", "dataDisks": [4]}
TAGGED: Params = {**PORTS, "tags": {"team": "a"}}
SECRET: Params = {
    **TAGGED,
    "authenticationType": "password",
    "adminPasswordOrKey": "Correct-Horse-7",
    "customData": "#!/bin/sh\n",
}
GROUP_API, COMPUTE_API = "?api-version=2024-05-01", "?api-version=2024-07-01"


POLICY = {
    "name": "team",
    "policyRule": {
        "if": {"field": "type", "equals": "Microsoft.Compute/virtualMachines"},
        "then": {
            "effect": "modify",
            "details": {"operations": [{"operation": "addOrReplace", "field": "tags['team']", "value": "b"}]},
        },
    },
}


@pytest.fixture
def hand(azure: Azure) -> Hand:
    return Hand(azure)


def resize(hand: Hand) -> None:
    """Change the VM's size as somebody else would."""
    change = {"properties": {"hardwareProfile": {"vmSize": "Standard_D4s_v5"}}}
    hand.azure.patch(f"{VM}{COMPUTE_API}", change)


def open_to_all(hand: Hand) -> None:
    """Replace a rule's sources by any address."""
    rule = hand.rules()["tcp-22"]
    told = {name: value for name, value in rule.items() if name not in {"provisioningState", "sourceAddressPrefixes"}}
    hand.azure.put(f"{NSG}/securityRules/tcp-22{GROUP_API}", {"properties": told | {"sourceAddressPrefix": "*"}})


def close_port(hand: Hand) -> None:
    """Delete a security rule of ours."""
    hand.azure.delete(f"{NSG}/securityRules/tcp-443{GROUP_API}")


def unplug(hand: Hand) -> None:
    """Remove the security group from the interface."""
    nic = hand.see(NIC)
    del nic["properties"]["networkSecurityGroup"]
    hand.azure.put(f"{NIC}{GROUP_API}", nic)


def detach(hand: Hand) -> None:
    """Detach a data disk of ours, which stays."""
    disk = f"{VM.partition('/virtualMachines')[0]}/disks/y1-data-0"
    change = {"dataDisksToDetach": [{"diskId": disk}]}
    hand.azure.post(f"{VM}/attachDetachDataDisks{COMPUTE_API}", change)


def retag(hand: Hand) -> None:
    """Change the value of a tag of ours."""
    hand.tag(VM, team="b")


def shape(hand: Hand) -> dict[str, Any]:
    """Give the declared part of the VM."""
    vm, rules = hand.see(VM), hand.rules()
    says = {name: {key: rule.get(key) for key in ("sourceAddressPrefix", "access")} for name, rule in rules.items()}
    guard = hand.see(NIC)["properties"].get("networkSecurityGroup", {}).get("id")
    return {
        "size": vm["properties"]["hardwareProfile"],
        "tags": hand.tags(VM),
        "disks": {lun: (name, ends) for lun, (name, _, ends) in hand.disks().items()},
        **says,
        "nsg": guard,
    }


DRIFTS: Mapping[str, tuple[Callable[[Hand], None], str]] = {
    "resized": (resize, "size: Standard_D4s_v5 instead of Standard_B2s"),
    "opened": (open_to_all, "rule tcp-22, from: * instead of 192.0.2.0/24"),
    "closed": (close_port, "rule tcp-443: missing"),
    "retagged": (retag, "tag team of y1: b instead of a"),
    "detached": (detach, "disk y1-data-0 of 4 GiB: missing"),
}


@pytest.mark.parametrize("params", [TAGGED, SECRET], ids=["plain", "secret"])
def test_repeated_provision_repairs_drift(
    ops: VMOps, azure: Azure, hand: Hand, provision: Deploy, params: Params
) -> None:
    """The outputs list each repair, the VM keeps its identity, and the next provision has nothing to do."""
    provision(dict(params))
    was, made = shape(hand), hand.vm_id()
    for drift, (meddle, words) in DRIFTS.items():
        meddle(hand)
        assert shape(hand) != was, drift
        steps = ops.plan(dict(params))
        assert [step for step in steps if step["properties"]], (drift, steps)
        assert provision(dict(params))["repaired"] == [f"{words}: repaired"], drift
        assert (shape(hand), hand.vm_id()) == (was, made), drift
        before = azure.writes()
        assert ops.vm_provision(dict(params)) == (Status.SUCCEEDED, {}), drift
        assert ops.plan(dict(params)) == [], drift
        assert azure.writes() == before, drift


def test_drift_is_repaired_after_the_engines_state_was_lost(hand: Hand, provision: Deploy, state_dir: Path) -> None:
    """The last rule and the last disk of a VM are repaired too."""
    params = {**TAGGED, "vmPorts": [443]}
    provision(dict(params))
    was, made = shape(hand), hand.vm_id()
    close_port(hand)
    detach(hand)
    for kept in ("stacks/vmops", "history/vmops"):
        shutil.rmtree(state_dir / "backend" / ".pulumi" / kept)
    repaired = ["rule tcp-443: missing: repaired", "disk y1-data-0 of 4 GiB: missing: repaired"]
    assert provision(dict(params))["repaired"] == repaired
    assert (shape(hand), hand.vm_id()) == (was, made)


def test_drift_outside_the_quick_check_is_repaired_with_other_drift(hand: Hand, provision: Deploy) -> None:
    """A deployment for another change finds and reports it."""
    provision(dict(TAGGED))
    was = shape(hand)
    unplug(hand)
    told = provision({**TAGGED, "vmSize": "Standard_D2s_v5"})
    assert told["repaired"] == ["networkSecurityGroup of y1-nic: missing: repaired"]
    assert shape(hand) == {**was, "size": {"vmSize": "Standard_D2s_v5"}}


def test_a_requested_change_is_not_drift(ops: VMOps, hand: Hand, provision: Deploy) -> None:
    """It is not reported as a repair; the plan shows both values."""
    provision(dict(TAGGED))
    (step,) = ops.plan({**TAGGED, "vmSize": "Standard_D2s_v5"})
    assert step["properties"] == [
        {"path": "hardwareProfile.vmSize", "from": "Standard_B2s", "to": "Standard_D2s_v5", "replaces": False}
    ]
    assert "repaired" not in provision({**TAGGED, "vmSize": "Standard_D2s_v5"})


def test_dry_run_plans_to_create_a_deleted_vm(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """ARM decides what exists, not the engine's state."""
    provision(dict(TAGGED))
    azure.delete(f"{VM}{COMPUTE_API}")
    assert [(step["operation"], step["resource"]) for step in ops.plan(dict(TAGGED))] == [
        ("create", "VirtualMachine y1")
    ]


def test_a_new_ttl_is_not_a_change(ops: VMOps, provision: Deploy) -> None:
    """An unchanged VM needs no deployment for it."""
    provision({**PARAMS, "ttl": "2h"})
    assert ops.plan({**PARAMS, "ttl": "2h"}) == []


def test_drift_that_a_policy_reverts_is_reported_and_not_repeated(
    ops: VMOps, azure: Azure, hand: Hand, provision: Deploy
) -> None:
    """It is repaired once. The next provision has nothing to do until something else is requested."""
    provision(dict(TAGGED))
    retag(hand)
    azure.put("/_local/policies", [POLICY])
    told = provision(dict(TAGGED))
    assert told["returned"] == ["tag team of y1: b instead of a"]
    before = azure.writes()
    assert ops.vm_provision(dict(TAGGED)) == (Status.SUCCEEDED, {})
    assert azure.writes() == before


def test_status_reports_drift_and_foreign_parts(ops: VMOps, azure: Azure, hand: Hand, provision: Deploy) -> None:
    """No engine is started and nothing is written; diff shows the same."""
    provision(dict(SECRET))
    assert ops.diff(dict(PARAMS)) == []
    resize(hand)
    close_port(hand)
    hand.open()
    before = azure.writes()
    found = {(change["operation"], change["resource"]): change["properties"] for change in ops.diff(dict(PARAMS))}
    assert found.keys() == {
        ("update", "VirtualMachine y1"),
        ("update", "NetworkSecurityGroup y1-nsg"),
        ("keep", "rule hole allows * from *"),
    }
    assert found["update", "VirtualMachine y1"] == [
        {"path": "hardwareProfile.vmSize", "from": "Standard_D4s_v5", "to": "Standard_B2s", "replaces": False}
    ]
    status = ops.status(dict(PARAMS))
    assert sorted(status["drift"]) == ["rule tcp-443: missing", "size: Standard_D4s_v5 instead of Standard_B2s"]
    assert status["notOurs"] == ["rule hole allows * from *"]
    assert azure.writes() == before


def test_diff_of_a_deleted_vm_plans_to_create_it(
    state_dir: Path, azure: Azure, provision: Deploy, deprovision: Deploy
) -> None:
    """After a removal there is no request to compare with."""
    shell = Shell(state_dir)
    provision(dict(TAGGED))
    azure.delete(f"{VM}{COMPUTE_API}")
    shown = shell("diff", "y1")
    assert shown.stdout == "create   VirtualMachine y1\n"
    assert "1 change would reconcile it" in shown.stderr
    deprovision(dict(PARAMS))
    refused = shell("diff", "y1")
    assert refused.returncode == 1
    assert "no request to compare" in refused.stderr


def test_the_dry_run_shows_values(state_dir: Path, hand: Hand) -> None:
    """Each change has the present and the declared value."""
    shell = Shell(state_dir)
    assert shell("provision", "y1", "--wait").returncode == 0
    resize(hand)
    shown = shell("provision", "y1", "--dry-run")
    assert "hardwareProfile.vmSize: Standard_D4s_v5 → Standard_B2s\n" in shown.stdout
    assert "1 change to be made" in shown.stderr
