"""Kills of worker and engine while a fleet is made, scaled and removed: the same call converges."""

from pathlib import Path
from typing import Any

from tests.azure import Azure, kill_all
from tests.functional.test_fleets import GROUP, NETWORK, identities, kinds, machine
from vmops import Status, VMOps
from vmops.core.polling import NotYet, poll_until
from vmops.protocol import Params

Moment = tuple[str, str, bool]
"""A call by method and path, and whether it is carried out before everything is killed."""

NICS = f"{NETWORK}/networkInterfaces"
MADE: list[Moment] = [
    ("PUT", f"{NETWORK}/networkSecurityGroups/f1-nsg", True),
    ("PUT", f"{NICS}/f1-1-nic", False),
    ("PUT", machine(1), True),
]
GROWN: list[Moment] = [("PUT", f"{NICS}/f1-3-nic", True), ("PUT", machine(3), False)]
SHRUNK: list[Moment] = [("DELETE", machine(3), True), ("DELETE", f"{NICS}/f1-3-nic", False)]


def test_a_fleet_converges_after_a_kill_at_any_moment(ops: VMOps, azure: Azure, state_dir: Path) -> None:
    """Running members are not replaced, no member exists twice, and nothing is left at the end."""
    ran: dict[str, str] = {}
    for count, moments in ((3, MADE), (4, GROWN), (2, SHRUNK)):
        params: Params = {"vmName": "f1", "vmCount": count, "vmSize": "Standard_D2s_v5"}
        for moment in moments:
            killed_at(moment, ops, azure, state_dir, params)
            seen = identities(azure)
            stay = {name: each for name, each in ran.items() if int(name.partition("-")[2]) < count}
            assert {name: seen[name] for name in stay} == stay
        status, result = provisioned(ops, params)
        assert (status, result["ready"]) == (Status.SUCCEEDED, count), ops.last_failure(params)
        now = identities(azure)
        assert {name: now[name] for name in ran.keys() & now.keys()} == {
            name: ran[name] for name in ran.keys() & now.keys()
        }
        each = {"virtualMachines", "networkInterfaces", "publicIPAddresses", "disks"}
        assert kinds(azure) == dict.fromkeys(each, count) | {"virtualNetworks": 1, "networkSecurityGroups": 1}
        ran = now
    fleet: Params = {"vmName": "f1"}
    azure.fault(rule(("DELETE", machine(0), True)))
    assert ops.vm_deprovision(fleet)[0] is Status.PENDING
    assert poll_until(lambda: azure.kept() or NotYet(0.01), timeout=240)
    kill_all(state_dir)
    azure.let_go()
    assert ops.vm_deprovision(fleet)[0] is Status.PENDING, ops.last_failure(fleet)
    assert ops.wait_vm_deployment(False, fleet)[0] is Status.SUCCEEDED, ops.last_failure(fleet)
    assert GROUP not in azure.ids()
    assert azure.ids() == set()


def rule(moment: Moment) -> dict[str, Any]:
    """Give the fault that delays a call, or its answer."""
    method, path, carried_out = moment
    return {"method": method, "path": path, "effect": {"do": "delay", "answer": carried_out}}


def killed_at(moment: Moment, ops: VMOps, azure: Azure, state_dir: Path, params: Params) -> None:
    """Provision, and kill worker and engine at a moment, which must occur."""
    azure.fault(rule(moment))
    assert ops.vm_provision(dict(params))[0] is Status.PENDING, ops.last_failure(params)
    assert poll_until(lambda: azure.kept() or NotYet(0.01), timeout=240), moment
    kill_all(state_dir)
    azure.let_go()


def provisioned(ops: VMOps, params: Params) -> tuple[Status, dict[str, Any]]:
    """Provision, and wait."""
    ops.vm_provision(dict(params))
    return ops.wait_vm_deployment(True, dict(params))
