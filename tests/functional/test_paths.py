"""Unusual state directories, as CI and users name them: with characters of URLs, shells and terminals."""

import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.azure import Azure
from vmops import VMOps
from vmops.core.state_dir import backend_path
from vmops.protocol import Params

Deploy = Callable[[Params], dict[str, Any]]


@pytest.fixture(params=["feature%2Fx #1?", "it's $HOME\\\n\"~*"], ids=["of-a-url", "of-a-shell"])
def state_name(request: pytest.FixtureRequest) -> str:
    """Give a name as Jenkins makes it from a branch, and one that a shell would split."""
    name: str = request.param
    return name


def test_a_whole_life_in_a_state_directory_with_unusual_characters(
    ops: VMOps, azure: Azure, state_dir: Path, provision: Deploy, deprovision: Deploy
) -> None:
    """The engine makes, changes and removes there, and the login command works in a shell."""
    made = provision({"vmName": "exp1"})
    vm_id = azure.vm(made["id"])["properties"]["vmId"]
    provision({"vmName": "exp1", "vmSize": "Standard_B4ms"})
    assert azure.vm(made["id"])["properties"]["vmId"] == vm_id
    ssh = ["sh", "-c", f'ssh() {{ printf "%s\\0" "$@"; }}; {made["ssh"]}']
    *_, key, who, _ = subprocess.run(ssh, capture_output=True, check=True, text=True).stdout.split("\0")
    assert (Path(key).is_file(), Path(key).is_relative_to(state_dir), who) == (True, True, f"mlos@{made['publicIp']}")
    assert shlex.split(made["ssh"])[-1] == who
    assert list(backend_path(state_dir).glob(".pulumi/stacks/**/*.json*"))
    deprovision({"vmName": "exp1"})
    assert azure.resources() == []
    assert sorted(each.name for each in state_dir.parent.iterdir()) == [state_dir.name]
