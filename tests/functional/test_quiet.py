"""Unchanged VMs cause no writes, and polls respect the service's pauses."""

from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.azure import Azure
from vmops import Settings, Status, VMOps
from vmops.core.polling import NotYet, poll_until
from vmops.local import daemon
from vmops.protocol import Params

Deploy = Callable[[Params], dict[str, Any]]
KINDS: dict[str, Params] = {
    "plain": {},
    "with secrets": {
        "authenticationType": "password",
        "adminPasswordOrKey": "Secret-5ecret-x",
        "customData": "#!/bin/sh",
    },
    "with disks": {"dataDisks": "32,64", "osDiskSizeGB": 64, "tags": "team=lab", "vmPorts": "22,443"},
    "private": {"publicIp": False, "virtualNetworkName": "net", "networkSecurityGroupName": "guard"},
    "spot": {"vmSize": "Standard_D2s_v5", "priority": "Spot", "evictionPolicy": "Delete", "maxPrice": 0.5},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_repeated_provision_sends_no_write(
    ops: VMOps, azure: Azure, state_dir: Path, provision: Deploy, kind: str
) -> None:
    """The preview is empty; nothing is written, even if the first record is lost."""
    params: Params = {"vmName": "exp1", **KINDS[kind]}
    provision(params)
    writes = azure.writes()
    assert ops.plan(params) == []
    assert ops.vm_provision(params) == (Status.SUCCEEDED, {})
    for path in state_dir.glob("operations.db*"):
        path.unlink(missing_ok=True)  # closing the records deletes their log
    elsewhere = VMOps(Settings(state_dir=state_dir, owner="tester"))
    assert elsewhere.vm_provision(params) == (Status.PENDING, {})
    assert elsewhere.wait_vm_deployment(True, params)[0] is Status.SUCCEEDED, elsewhere.last_failure(params)
    assert azure.writes() == writes


def polls(azure: Azure) -> dict[str, list[float]]:
    """Give the instants at which each operation was polled, by path."""
    times = defaultdict(list)
    for each in azure.journal():
        if each["method"] == "GET" and "/operations/" in each["path"].lower():
            times[each["path"]].append(each["time"])
    return times


def told(state_dir: Path, path: str) -> float:
    """Give the pause in seconds that the service asks for while an operation runs."""
    here = daemon.ensure(state_dir)
    headers = {"Authorization": f"Bearer {here.token}"}
    answer = requests.get(f"{here.arm}{path}?api-version=2024-07-01", headers=headers, timeout=60)
    milliseconds = answer.headers.get("x-ms-retry-after-ms")
    return int(milliseconds) / 1000 if milliseconds else float(answer.headers["Retry-After"])


@pytest.mark.parametrize("verb", ["create", "restart"])
def test_polls_follow_the_services_pause(
    ops: VMOps, azure: Azure, state_dir: Path, provision: Deploy, verb: str
) -> None:
    """Polls of a create by the provider, and of a power operation by vmops, are never earlier than Retry-After.

    The operation lasts for several polls.
    """
    daemon.ensure(state_dir, 0.02)
    params: Params = {"vmName": "exp1", "pollInterval": 0.01}
    if verb == "restart":
        provision(params)
    before = polls(azure).keys()
    azure.stick(verb)
    begun = ops.vm_restart(params) if verb == "restart" else ops.vm_provision(params)
    assert begun == (Status.PENDING, {}), ops.last_failure(params)

    def often() -> tuple[str, list[float]] | NotYet:
        polled = [(path, times) for path, times in polls(azure).items() if path not in before and len(times) > 3]
        return polled[0] if polled else NotYet(0.05)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ops.wait_vm_operation, params)
        polled = poll_until(often, timeout=120)
        assert isinstance(polled, tuple), polls(azure)
        path, times = polled
        pause = told(state_dir, path)
        azure.let_go()
        assert waiting.result()[0] is Status.SUCCEEDED, ops.last_failure(params)
    assert pause > 0.1
    assert all(later - sooner > pause * 0.9 for sooner, later in pairwise(times)), times
