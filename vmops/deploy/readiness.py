"""A VM that exists, brought to run, and seen to: by ARM, and by its SSH port if that is asked for."""

import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from vmops.azure import power, vm_state
from vmops.azure.client import Arm
from vmops.azure.error_codes import failure_from_cloud_error
from vmops.core.errors import CloudError, OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.log import get_logger
from vmops.core.polling import NotYet, poll_until
from vmops.deploy.survey import data_disks
from vmops.spec import names
from vmops.spec.vm_spec import VmSpec

_AGAIN, _LOOKS = 10.0, 18
"""Azure's seconds to the next look, and looks, while a VM that was just made or changed is not found: a replica may not
know of it. Source: public reports of a 404 for what was just made (terraform-provider-azurerm#18268); it passes within
minutes."""


def needs_deallocation(existing: Mapping[str, Any], spec: VmSpec) -> bool:
    """Tell whether a disk of ours, known by its lun, gets bigger, which ARM allows only on a deallocated VM.

    Source: Azure documentation, expand virtual hard disks on a Linux VM.
    """
    storage = existing["properties"].get("storageProfile", {})
    there = {lun: disk.get("diskSizeGB") for lun, disk in data_disks(existing).items()}
    sizes = {lun: (there.get(lun), size) for lun, size in enumerate(spec.data_disks)}
    pairs = [(storage.get("osDisk", {}).get("diskSizeGB"), spec.os_disk_size_gb), *sizes.values()]
    return any(now and then and then > now for now, then in pairs)


def ensure_running(arm: Arm, spec: VmSpec) -> None:
    """Start the VM if it stands still, and see by ARM that it runs.

    Raises: OperationFailed if it does not run within the deployment's time.
    """
    seen = vm_state.get_vm_state(arm, spec.vm_id)
    if seen and seen.running:
        return
    if seen and seen.stopped:
        power_and_wait(arm, spec, power.Action.START)
    unknown = iter([NotYet(_AGAIN * arm.pace)] * _LOOKS)
    if not poll_until(lambda: _running(arm, spec, unknown), timeout=spec.deploy_timeout):
        raise OperationFailed(Failure(FailureKind.TIMEOUT, "the VM does not run", resource=spec.vm_id))


def power_and_wait(arm: Arm, spec: VmSpec, action: power.Action) -> None:
    """Ask for a power operation and wait for it; it is logged as the engine's steps are.

    Raises: OperationFailed if ARM refuses it, says that it failed, or does not end it within the deployment's time.
    """
    log = get_logger().bind(resource=names.in_words(spec.vm_id), operation=str(action))
    log.info("resource_begun")
    begun, failed = time.monotonic(), _power_failure(arm, spec, action)
    log.info("resource_failed" if failed else "resource_done", seconds=round(time.monotonic() - begun, 3))
    if failed:
        raise OperationFailed(failed)


def _power_failure(arm: Arm, spec: VmSpec, action: power.Action) -> Failure | None:
    """Ask for a power operation and wait for it; give why it failed, None if it went well."""
    try:
        accepted = power.begin(arm, spec.vm_id, action)
        ended = poll_until(power.follow(arm, accepted, spec.poll_interval), timeout=spec.deploy_timeout)
    except CloudError as error:
        ended = error
    if ended is None:
        return Failure(FailureKind.TIMEOUT, f"the {action} does not end", resource=spec.vm_id)
    return replace(failure_from_cloud_error(ended), resource=spec.vm_id) if isinstance(ended, CloudError) else None


def wait_for_ssh(spec: VmSpec, outputs: Mapping[str, Any]) -> None:
    """Wait, if asked to, until the VM answers on its SSH port.

    Raises: OperationFailed (timeout) if it does not answer within the deployment's time.
    """
    if spec.wait_for != "ssh":
        return
    address = outputs.get("publicIp") or outputs["privateIp"]
    looks = lambda: ssh_answers(address, spec.request_timeout) or NotYet(spec.poll_interval)  # noqa: E731
    if not poll_until(looks, timeout=spec.deploy_timeout):
        raise OperationFailed(
            Failure(FailureKind.TIMEOUT, f"the VM runs, but nothing answers on {address} port 22", resource=spec.vm_id)
        )


def _running(arm: Arm, spec: VmSpec, unknown: Iterator[NotYet]) -> vm_state.VmState | NotYet:
    """Look once; that a VM is not there, which was just made or changed, is believed after the last ``unknown``."""
    seen = vm_state.get_vm_state(arm, spec.vm_id)
    if seen is None:
        if later := next(unknown, None):
            return later
        raise OperationFailed(Failure(FailureKind.NOT_FOUND, "the VM is gone", resource=spec.vm_id))
    if seen.provisioning == "failed":
        raise OperationFailed(
            Failure(FailureKind.CAPACITY, "the VM's provisioning state is Failed", resource=spec.vm_id)
        )
    return seen if seen.running else vm_state.next_poll(spec.poll_interval)


def ssh_answers(address: str, timeout: float) -> bool:
    """Tell whether an SSH server answers at an address within ``timeout`` seconds.

    Source: RFC 4253, section 4.2: a server's first line begins with ``SSH-``.
    """
    try:
        with socket.create_connection((address, 22), timeout=timeout) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False
