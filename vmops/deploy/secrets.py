"""Keeps the secrets of a VM that a request does not repeat.

ARM reports neither a password nor custom data. For an existing VM their declaration stays unchanged; for a VM that is
made again they are read from the engine's state.
"""

import json
from collections.abc import Mapping
from typing import Any

from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.deploy.context import DeployContext
from vmops.deploy.replacement import replacing
from vmops.engine.reconcile import declared
from vmops.spec import custom_data
from vmops.spec.vm_spec import VmSpec


def kept(spec: VmSpec, machine: Mapping[str, Any] | None) -> frozenset[str]:
    """Give the secret parameters that stay on an existing VM, including custom data that was not given."""
    silent = {"customData"} if spec.custom_data is None else set()
    return spec.kept | silent if machine else frozenset()


def restored(context: DeployContext, spec: VmSpec, machine: Mapping[str, Any] | None, *, known: bool) -> VmSpec:
    """Give the spec with the secrets that stay, if the VM is to be made or replaced; else unchanged.

    ``known``: the backend may know the stack. Its state is read only then.

    Raises: OperationFailed (invalid), naming the parameters whose values are lost.
    """
    missed = spec.kept | kept(spec, machine)
    if not missed or (machine and not any(replacing(machine, spec))):
        return spec
    found = of_state(context.stack.state(secrets=True) if known else None)
    if lost := sorted(spec.kept - found.keys()):
        what = "the VM is replaced" if machine else "the VM is made again"
        message = f"{', '.join(lost)}: given for this VM before, but its value is lost, and {what}"
        step = f"give {' and '.join(lost)} again"
        raise OperationFailed(Failure(FailureKind.INVALID, message, resource=spec.vm_id, step=step))
    return spec.with_secrets({name: secret for name, secret in found.items() if name in missed})


def of_state(state: Mapping[str, Any] | None) -> dict[str, str]:
    """Read the secrets of a VM from its stack's state, decrypted."""
    profile = declared.vm_inputs(state).get("osProfile", {})
    clear = {
        name: json.loads(profile[name]["plaintext"]) for name in ("adminPassword", "customData") if name in profile
    }
    found = {"adminPasswordOrKey": clear["adminPassword"]} if "adminPassword" in clear else {}
    if "customData" in clear:
        found["customData"] = custom_data.decoded(clear["customData"])
    return found
