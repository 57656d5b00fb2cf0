"""Exports a VM's stack as a project for `pulumi`: a copy that vmops does not track."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vmops.core import keys, private
from vmops.core.errors import OperationFailed, SpecError
from vmops.core.failures import Failure, FailureKind
from vmops.core.settings import Settings
from vmops.deploy.context import DeployContext
from vmops.engine import project
from vmops.ops.deployments import Deployments
from vmops.ops.reading import reading
from vmops.spec.names import PROJECT
from vmops.spec.target import Target

_VM = "azure-native:compute:VirtualMachine"


def export(deployments: Deployments, target: Target, directory: Path) -> dict[str, Any]:
    """Write a project, the stack's settings, its state and the passphrase into a new or empty directory.

    Returns: as `write`.

    Raises: SpecError if the directory cannot be written to, or is not empty; OperationFailed (not_found) if the engine
    does not know the VM; EngineMissing.
    """
    refuse_used(directory)
    with reading(deployments.settings, deployments.store, target) as site:
        state = state_of(site, target)
    return write(deployments.settings, target, state, directory)


def write(settings: Settings, target: Target, state: Mapping[str, Any], directory: Path) -> dict[str, Any]:
    """Write the files of `export` for a stack with this state.

    Returns: ``directory``, ``stack``, ``project``, ``files``, and the number of ``resources`` in the state.

    Raises: SpecError if the directory cannot be written to.
    """
    files = {
        "Pulumi.yaml": _yaml(project.program(state, _replaces())),
        f"Pulumi.{target.stack}.yaml": _yaml(project.settings(state)),
        "state.json": json.dumps(state, indent=2).encode(),
        "passphrase": keys.passphrase_file(settings.state_dir).read_bytes().strip(),
    }
    _write(directory, files)
    resources = len(state["deployment"].get("resources") or ())
    return {
        "directory": str(directory.absolute()),
        "project": PROJECT,
        "stack": target.stack,
        "files": sorted(files),
        "resources": resources,
    }


def refuse_used(directory: Path) -> None:
    """Check that a directory is new or empty. Raises: SpecError."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise SpecError(f"DIR: {directory} exists and is not empty: name a new or an empty directory")


def state_of(site: DeployContext, target: Target) -> Mapping[str, Any]:
    """Read the state of a VM's stack. Raises: OperationFailed (not_found) if the engine does not know the VM."""
    state = site.stack.state()
    if state is None:
        raise OperationFailed(
            Failure(FailureKind.NOT_FOUND, "the engine's backend here has no state of this VM", resource=target.vm_id)
        )
    return state


def _replaces() -> dict[str, list[str]]:
    from vmops.stacks.machine import REPLACES_THE_VM  # importing it takes a second

    return {_VM: REPLACES_THE_VM}


def _yaml(content: Mapping[str, Any]) -> bytes:
    import yaml

    return str(yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True)).encode()


def _write(directory: Path, files: Mapping[str, bytes]) -> None:
    """Write files for their owner only. Raises: SpecError if that is not permitted, or the disk is full."""
    try:
        private.make_directory(directory.absolute())
        directory.chmod(0o700)
        for name, content in files.items():
            with private.open_file(directory / name, "wb") as file:
                file.write(content)
    except OSError as error:
        raise SpecError(f"DIR: {directory} cannot be written: {error.strerror}") from None
