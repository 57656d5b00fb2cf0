"""Export and hand-over of a VM's stack, for use with `pulumi` alone."""

import base64
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.azure import Azure
from vmops import SpecError, Status, VMOps
from vmops.core.failures import FailureKind
from vmops.local import daemon
from vmops.protocol import Params

SCRIPT = "#!/bin/sh\necho sesame\n"
EXP1: Params = {"vmName": "exp1"}


@pytest.fixture
def pulumi(engine: Path, azure: Azure, state_dir: Path, tmp_path: Path) -> Callable[..., str]:
    """Give the engine as a user runs it: in the project, with its own backend, home and passphrase."""
    project, backend = tmp_path / "exp1", tmp_path / "backend"
    backend.mkdir()
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path),
        "PULUMI_BACKEND_URL": f"file://{backend}",
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(project / "passphrase"),
        "PULUMI_DEBUG_PROVIDERS": f"azure-native:{daemon.ensure(state_dir).provider}",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [engine, *arguments, "--non-interactive"], cwd=project, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout

    return run


def test_pulumi_manages_an_exported_stack(
    ops: VMOps,
    azure: Azure,
    provision: Callable[[Params], dict[str, Any]],
    deprovision: Callable[[Params], dict[str, Any]],
    pulumi: Callable[..., str],
    tmp_path: Path,
) -> None:
    """The state with its secrets agrees with Azure. Nothing is written, and vmops still owns the VM."""
    vm_id = provision({**EXP1, "customData": SCRIPT, "tags": {"price": "${9}"}, "ttl": "1h"})["id"]
    directory, body, writes = tmp_path / "exp1", azure.vm(vm_id), len(azure.writes())
    status, found = ops.export(EXP1, directory)
    assert status is Status.SUCCEEDED
    assert found["files"] == sorted(each.name for each in directory.iterdir())
    assert {each.stat().st_mode & 0o077 for each in (directory, *directory.iterdir())} == {0}
    stack = found["stack"]
    pulumi("stack", "init", stack)
    pulumi("stack", "import", "--stack", stack, "--file", "state.json")
    pulumi("refresh", "--yes", "--expect-no-changes", "--stack", stack)
    exported = json.loads(pulumi("stack", "export", "--show-secrets", "--stack", stack))
    assert len(exported["deployment"]["resources"]) == found["resources"]
    assert base64.b64encode(SCRIPT.encode()).decode() in json.dumps(exported)
    program = yaml.safe_load((directory / "Pulumi.yaml").read_text())
    assert (program["name"], program["runtime"]) == ("vmops", "yaml")
    vm = program["resources"]["exp1"]
    assert (vm["type"], vm["options"]["provider"]) == ("azure-native:compute:VirtualMachine", "${azure}")
    assert vm["options"]["ignoreChanges"] == ["osProfile.customData"]
    assert vm["properties"]["tags"]["price"] == "$${9}"
    assert not any("sesame" in each.read_text() for each in directory.iterdir())
    assert (azure.vm(vm_id), len(azure.writes())) == (body, writes)
    deprovision(EXP1)
    assert azure.resources() == []


def test_a_handed_over_vm_is_forgotten_by_vmops(
    ops: VMOps,
    azure: Azure,
    provision: Callable[[Params], dict[str, Any]],
    pulumi: Callable[..., str],
    tmp_path: Path,
) -> None:
    """Our tags and records are gone, and only pulumi removes the VM.

    The group stays, as it may contain others' resources.
    """
    provision({**EXP1, "dataDisks": 8, "tags": {"team": "db"}, "ttl": "1h"})
    there = azure.resources()
    status, found = ops.hand_over(EXP1, tmp_path / "exp1")
    assert status is Status.SUCCEEDED, ops.last_failure(EXP1)
    tagged = [each["tags"] for each in azure.resources() if each.get("tags")]
    assert (len(tagged), tagged[0]) == (len([each for each in there if each.get("tags")]), {"team": "db"})
    assert all(tags == tagged[0] for tags in tagged)
    assert ops.vms().vms == []
    assert ops.status(EXP1)["standing"] == "handed over"
    stack = found["stack"]
    pulumi("stack", "init", stack)
    pulumi("stack", "import", "--stack", stack, "--file", "state.json")
    pulumi("refresh", "--yes", "--expect-no-changes", "--stack", stack)
    assert not any("vmops-stack" in each.read_text() for each in (tmp_path / "exp1").iterdir())
    assert ops.vm_deprovision(EXP1)[0] is Status.PENDING
    assert ops.wait_vm_deployment(False, EXP1)[0] is Status.FAILED
    assert ops.vm_provision(EXP1)[0] is Status.PENDING
    assert ops.wait_vm_deployment(True, EXP1)[0] is Status.FAILED
    assert azure.ids() == {each["id"] for each in there}
    assert ops.hand_over(EXP1, tmp_path / "again") == (Status.FAILED, {})
    group = yaml.safe_load((tmp_path / "exp1" / "Pulumi.yaml").read_text())["resources"]["vmops-exp1"]
    assert group["options"]["retainOnDelete"]
    pulumi("destroy", "--yes", "--stack", stack)
    assert [each["name"] for each in azure.resources()] == ["vmops-exp1"]


def test_a_refused_export_writes_nothing(ops: VMOps, tmp_path: Path) -> None:
    """It is refused for a VM without an engine's state, and for a directory that is not empty."""
    assert ops.export(EXP1, tmp_path / "new") == (Status.FAILED, {})
    failure = ops.last_failure(EXP1)
    assert failure
    assert failure.kind is FailureKind.NOT_FOUND
    assert not (tmp_path / "new").exists()
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "notes").touch()
    with pytest.raises(SpecError, match="used exists and is not empty"):
        ops.export(EXP1, tmp_path / "used")
