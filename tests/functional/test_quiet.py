"""What is as it was asked for is left alone, and nobody is asked more often than he wants to be."""

from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.azure import Azure
from vmops import Settings, Status, VMOps
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
    "spot": {"priority": "Spot", "evictionPolicy": "Delete", "maxPrice": 0.5},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_success_leaves_nothing_to_be_done(
    ops: VMOps, azure: Azure, state_dir: Path, provision: Deploy, kind: str
) -> None:
    """A preview is empty; a provision writes nothing, not even where the record of the first one is lost."""
    params: Params = {"vmName": "exp1", **KINDS[kind]}
    provision(params)
    writes = azure.writes()
    assert ops.plan(params) == []
    assert ops.vm_provision(params) == (Status.SUCCEEDED, {})
    for path in state_dir.glob("operations.db*"):
        path.unlink()
    elsewhere = VMOps(Settings(state_dir=state_dir, owner="tester"))
    assert elsewhere.vm_provision(params) == (Status.PENDING, {})
    assert elsewhere.wait_vm_deployment(True, params)[0] is Status.SUCCEEDED, elsewhere.last_failure(params)
    assert azure.writes() == writes


def gaps(azure: Azure) -> dict[str, list[float]]:
    """Give the seconds between two polls of each operation that was polled more than once, by path."""
    times = defaultdict(list)
    for each in azure.journal():
        if each["method"] == "GET" and "/operations/" in each["path"].lower():
            times[each["path"]].append(each["time"])
    return {
        path: [later - sooner for sooner, later in pairwise(polls)] for path, polls in times.items() if len(polls) > 1
    }


def told(state_dir: Path, path: str) -> float:
    """Give the seconds that the service asks the pollers of an operation that goes on to wait."""
    here = daemon.ensure(state_dir)
    answer = requests.get(here.arm + path, headers={"Authorization": f"Bearer {here.token}"}, timeout=10)
    return int(answer.headers["x-ms-retry-after-ms"]) / 1000


def test_polls_keep_to_what_the_service_says(ops: VMOps, azure: Azure, state_dir: Path, provision: Deploy) -> None:
    """Of a create, by the provider, and of a power operation, by us: never sooner than Retry-After says."""
    daemon.ensure(state_dir, 0.04)
    params: Params = {"vmName": "exp1", "pollInterval": 0.01}
    provision(params)
    assert ops.vm_restart(params) == (Status.PENDING, {})
    pause = told(state_dir, params["asyncResultsUrl"].partition("//")[2].partition("/")[2].join(("/", "")))
    before = len(azure.journal())
    assert ops.wait_vm_operation(params)[0] is Status.SUCCEEDED
    assert len(azure.journal()) > before
    polled = gaps(azure)
    assert len(polled) > 1
    assert pause > 0.1
    assert all(gap > pause * 0.9 for path in polled for gap in polled[path][1:]), polled
