"""Locks and policies of a subscription's owners, with the real engine."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.azure import Azure
from vmops import SpecError, Status, VMOps
from vmops.cli.commands.local import app
from vmops.core.failures import FailureKind
from vmops.local import inspection
from vmops.protocol import Params

Deploy = Callable[[Params], dict[str, Any]]
LOCK = "/providers/Microsoft.Authorization/locks/keep"


def test_a_locked_resource_fails_the_removal_until_it_is_unlocked(
    ops: VMOps, azure: Azure, state_dir: Path, provision: Deploy, deprovision: Deploy
) -> None:
    """The failure comes at once, after one attempt of the engine and one of ours. Without the lock everything goes."""
    params: Params = {"vmName": "exp1"}
    vm_id = provision(params)["id"]
    lock = f"{vm_id}{LOCK}?api-version=2016-09-01"
    azure.put(lock, {"properties": {"level": "CanNotDelete"}})
    assert ops.vm_deprovision(params) == (Status.PENDING, {})
    assert ops.wait_vm_deployment(False, params)[0] is Status.FAILED
    failure = ops.last_failure(params)
    assert failure
    assert (failure.kind, failure.code, failure.retryable) == (FailureKind.AUTH, "ScopeLocked", False)
    assert failure.message.startswith("left, and still paid for: exp1, ")
    assert f"somebody has locked {vm_id}" in failure.message
    assert vm_id in azure.ids()
    assert azure.writes().count(f"DELETE {vm_id}") == 2
    inspection.send(state_dir, "DELETE", lock)
    deprovision(params)
    assert azure.resources() == []


@pytest.mark.parametrize("verb", ["provision", "start"])
def test_a_read_only_lock_is_not_retried(ops: VMOps, azure: Azure, provision: Deploy, verb: str) -> None:
    """Writes and power verbs fail at once with a sentence."""
    params: Params = {"vmName": "exp1"}
    vm_id = provision(params)["id"]
    group = vm_id.partition("/providers")[0]
    azure.put(f"{group}{LOCK}?api-version=2016-09-01", {"properties": {"level": "ReadOnly"}})
    if verb == "start":
        assert ops.vm_start(params) == (Status.FAILED, {})
    else:
        bigger: Params = {**params, "vmSize": "Standard_D2s_v5"}
        assert ops.vm_provision(bigger) == (Status.PENDING, {})
        assert ops.wait_vm_deployment(True, bigger) == (Status.FAILED, {})
    failure = ops.last_failure(params)
    assert failure
    assert (failure.kind, failure.code, failure.retryable) == (FailureKind.AUTH, "ScopeLocked", False)
    assert failure.next_step == f"remove the management lock from {group}, then call again"
    assert [each for each in azure.writes() if each.startswith(f"PUT {vm_id}")][1:] in ([], [f"PUT {vm_id}"])


def test_a_deadline_reports_the_last_refusal(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """The timeout names what was refused last, and since when."""
    params: Params = {"vmName": "exp1"}
    provision(params)
    used = {"do": "refuse", "code": "InUseSubnetCannotBeDeleted"}
    azure.fault({"path": "*/virtualNetworks/exp1-vnet", "verbs": ["delete"], "effect": used})
    hasty: Params = {**params, "deployTimeout": 8}
    assert ops.vm_deprovision(hasty) == (Status.PENDING, {})
    assert ops.wait_vm_deployment(False, hasty)[0] is Status.FAILED
    failure = ops.last_failure(params)
    assert failure
    assert (failure.kind, failure.code) == (FailureKind.TIMEOUT, "InUseSubnetCannotBeDeleted")
    assert "within deployTimeout, 8 seconds; last refused at " in failure.message


DENY = {
    "name": "no-public-ips",
    "policyRule": {
        "if": {"field": "type", "equals": "Microsoft.Network/publicIPAddresses"},
        "then": {"effect": "deny"},
    },
}
OWN_TEAM = {
    "name": "team",
    "policyRule": {
        "if": {"field": "tags['team']", "exists": "false"},
        "then": {"effect": "append", "details": [{"field": "tags['team']", "value": "lab"}]},
    },
}


def shell(*arguments: str) -> str:
    """Run ``vmops local policy``, which must succeed; its exceptions are raised here."""
    return CliRunner().invoke(app, ["policy", *arguments], catch_exceptions=False).stdout


def test_local_policy_puts_lists_and_clears_policies(azure: Azure, tmp_path: Path) -> None:
    """A file is added to the active policies, and replaces those of the same name.

    ``--clear`` removes the others first.
    """
    assert shell() == "no policies\n"
    one, both = tmp_path / "one.json", tmp_path / "both.yaml"
    one.write_text(json.dumps(DENY))
    both.write_text(json.dumps([OWN_TEAM, DENY | {"scope": "/subscriptions/s"}]))
    assert [line.split() for line in shell(str(one)).splitlines()] == [
        ["NAME", "EFFECT", "SCOPE"],
        ["no-public-ips", "deny", "everywhere"],
    ]
    assert [each["name"] for each in json.loads(shell(str(both), "--json"))] == ["team", "no-public-ips"]
    assert json.loads(shell("--json"))[1]["scope"] == "/subscriptions/s"
    assert json.loads(shell(str(one), "--clear", "--json")) == [DENY]
    assert shell("--clear") == "no policies\n"
    assert azure.get("/_local/policies") == []


def test_local_policy_refuses_a_file_without_a_policy(azure: Azure, tmp_path: Path) -> None:
    """The error names the file and the problem, and the active policies stay."""
    file = tmp_path / "p.json"
    with pytest.raises(SpecError, match=r"^FILE: .*p\.json cannot be read: No such file or directory$"):
        shell(str(file))
    file.write_text('{"name": "p"}')
    with pytest.raises(SpecError, match=r"^0\.policyRule: Field required$"):
        shell(str(file))
    assert azure.get("/_local/policies") == []


def test_a_provision_that_a_policy_denies_fails_and_succeeds_without_it(
    ops: VMOps, azure: Azure, tmp_path: Path, deprovision: Deploy, provision: Deploy
) -> None:
    """The failure names the policy. A tag that a policy adds causes no further write."""
    params: Params = {"vmName": "exp1"}
    file = tmp_path / "p.json"
    file.write_text(json.dumps([DENY, OWN_TEAM]))
    shell(str(file))
    assert ops.vm_provision(params) == (Status.PENDING, {})
    assert ops.wait_vm_deployment(True, params)[0] is Status.FAILED
    failure = ops.last_failure(params)
    assert failure
    assert (failure.code, failure.retryable) == ("RequestDisallowedByPolicy", False)
    assert "no login helps" in failure.next_step
    assert "no-public-ips" in failure.message
    shell(str(file), "--clear")
    file.write_text(json.dumps(OWN_TEAM))
    shell(str(file), "--clear")
    vm_id = provision(params)["id"]
    assert azure.vm(vm_id)["tags"]["team"] == "lab"
    deprovision(params)
    assert azure.resources() == []
