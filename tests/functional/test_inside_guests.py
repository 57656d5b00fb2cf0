"""Into a VM of the local Azure, where something really runs: made, logged in to, made anew under its name, and gone."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.azure import Azure
from vmops import VMOps, get
from vmops.cli import command_line
from vmops.leases.machine import Machine
from vmops.local import inspection
from vmops.protocol import Params

Deploy = Callable[[Params], dict[str, Any]]
PARAMS: Params = {"vmName": "exp1", "waitFor": "ssh", "customData": "#!/bin/sh\necho made >/etc/made\n"}


@pytest.fixture(autouse=True)
def auto(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # once the state directory has said none
    monkeypatch.setenv("VMOPS_LOCAL_GUESTS", "auto")
    monkeypatch.setenv("VMOPS_OWNER", "tester")


def test_a_vm_is_logged_in_to_by_its_name_whichever_one_has_it(
    azure: Azure, ops: VMOps, state_dir: Path, provision: Deploy, deprovision: Deploy, tmp_path: Path
) -> None:
    """SSH that was waited for answers; the next VM of that name has another key, and nobody is warned of it."""
    told = inspection.guests(state_dir)
    if told["kind"] == "none":
        pytest.skip(told["reason"])
    first, second = ([provision(dict(PARAMS)), said(ops), deprovision(PARAMS)][:2] for _ in range(2))
    assert (first[1], second[1]) == ("made exp1", "made exp1")
    made = provision(dict(PARAMS))
    vm = Machine(ops, {"vmName": "exp1"}, made)
    assert vm.ssh_port == made["sshPort"]
    assert vm.exec(["sh", "-c", "exit 7"]).returncode == 7
    (tmp_path / "sent").write_text("a b\n")
    vm.put(tmp_path / "sent", "kept")
    vm.get("kept", tmp_path / "back")
    assert (tmp_path / "back").read_text() == "a b\n"
    assert get("exp1", settings=ops.settings).ssh_port == made["sshPort"]
    ran = CliRunner().invoke(command_line(), ["exec", "exp1", "--json", "--", "cat", "kept"], catch_exceptions=False)
    assert '"stdout": "a b\\n"' in ran.stdout
    deprovision(PARAMS)
    assert (azure.resources(), inspection.guests(state_dir)["running"]) == ([], 0)


def said(ops: VMOps) -> str:
    """Give what a VM has made of its custom data, and its name; SSH has nothing to say beside that."""
    ended = get("exp1", settings=ops.settings).exec(["sh", "-c", "cat /etc/made; uname -n"])
    assert (ended.returncode, ended.stderr) == (0, b"")
    return " ".join(ended.stdout.decode().split())
