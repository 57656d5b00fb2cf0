"""Starts an existing VM if needed, and checks that it runs through ARM and, if asked for, at its SSH port."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from vmops.azure import guests, power, vm_state
from vmops.azure.client import Arm
from vmops.azure.error_codes import failure_from_cloud_error
from vmops.azure.guests import Guest
from vmops.azure.responses import Accepted
from vmops.core.errors import CloudError, OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.log import get_logger
from vmops.core.polling import NotYet, poll_until
from vmops.deploy.survey import data_disks
from vmops.spec import names
from vmops.spec.target import Target
from vmops.spec.vm_spec import VmSpec
from vmops.ssh.banner import ssh_answers
from vmops.ssh.way_in import PORT

_REREAD_INTERVAL, _REREADS = 10.0, 18
"""Azure's seconds between polls, and the number of polls, of a VM that was just made or changed and is not found: it
may take minutes until every replica shows it. Source: public reports of a 404 for what was just made
(terraform-provider-azurerm#18268).
"""

_SSH_POLL_INTERVAL = 0.5
"""Shortest interval between two polls of a VM's SSH port, in seconds."""


def needs_deallocation(existing: Mapping[str, Any], spec: VmSpec) -> bool:
    """Tell whether a disk of ours (compared by lun) grows, which ARM allows only on a deallocated VM.

    Source: Azure documentation, expand virtual hard disks on a Linux VM.
    """
    storage = existing["properties"].get("storageProfile", {})
    there = {lun: disk.get("diskSizeGB") for lun, disk in data_disks(existing).items()}
    sizes = {lun: (there.get(lun), size) for lun, size in enumerate(spec.data_disks)}
    pairs = [(storage.get("osDisk", {}).get("diskSizeGB"), spec.os_disk_size_gb), *sizes.values()]
    return any(now and then and then > now for now, then in pairs)


def ensure_running(arm: Arm, spec: VmSpec) -> None:
    """Start the VM if it is stopped, and check through ARM that it runs.

    Raises: OperationFailed if it does not run within the deployment's time.
    """
    seen = vm_state.get_vm_state(arm, spec.vm_id)
    if seen and seen.running:
        return
    if seen and seen.stopped:
        power_and_wait(arm, spec, power.Action.START)
    unknown = reread_pauses(arm)
    if not poll_until(lambda: _running(arm, spec, unknown), timeout=spec.deploy_timeout):
        raise OperationFailed(Failure(FailureKind.TIMEOUT, "the VM does not run", resource=spec.vm_id))


def reread_pauses(arm: Arm) -> Iterator[NotYet]:
    """Give the pauses after which a VM that was just made or changed and is not found is read again."""
    return iter([NotYet(_REREAD_INTERVAL * arm.pace)] * _REREADS)


def power_and_wait(arm: Arm, spec: VmSpec, action: power.Action) -> None:
    """Request a power operation and wait for it; it is logged like the engine's steps.

    Raises: OperationFailed if ARM refuses it, reports a failure, or does not finish within the deployment's time.
    """
    if failed := end(arm, spec, begin(arm, spec, action)):
        raise OperationFailed(failed)


@dataclass(frozen=True)
class PowerRequest:
    """A requested power operation, or ARM's refusal of it; ``at`` is the time of the request by the monotonic clock."""

    action: power.Action
    accepted: Accepted | CloudError
    at: float


def begin(arm: Arm, spec: Target, action: power.Action) -> PowerRequest:
    """Request a power operation; it is logged like the engine's steps."""
    _log(spec, action).info("resource_begun")
    at = time.monotonic()
    try:
        return PowerRequest(action, power.begin(arm, spec.vm_id, action), at)
    except CloudError as error:
        return PowerRequest(action, error, at)


def end(arm: Arm, spec: Target, request: PowerRequest) -> Failure | None:
    """Wait for the end of a power operation; give why it failed, None if it succeeded."""
    failed = _power_failure(arm, spec, request)
    seconds = round(time.monotonic() - request.at, 3)
    _log(spec, request.action).info("resource_failed" if failed else "resource_done", seconds=seconds)
    return failed


def _log(spec: Target, action: power.Action) -> Any:
    return get_logger().bind(resource=names.in_words(spec.vm_id), operation=str(action))


def _power_failure(arm: Arm, spec: Target, request: PowerRequest) -> Failure | None:
    if isinstance(request.accepted, CloudError):
        return replace(failure_from_cloud_error(request.accepted), resource=spec.vm_id)
    try:
        ended = poll_until(power.follow(arm, request.accepted, spec.poll_interval), timeout=spec.deploy_timeout)
    except CloudError as error:
        ended = error
    if ended is None:
        return Failure(FailureKind.TIMEOUT, f"the {request.action} does not end", resource=spec.vm_id)
    return replace(failure_from_cloud_error(ended), resource=spec.vm_id) if isinstance(ended, CloudError) else None


def deallocate(arm: Arm, spec: VmSpec, reason: str) -> None:
    """Deallocate the VM, and log the ``reason`` first, because this stops the VM.

    Raises: OperationFailed, (immutable) if its system disk is ephemeral and would be lost.
    """
    if spec.ephemeral_os_disk:
        message = f"ephemeralOsDisk: the VM cannot be deallocated, which this needs: {reason}"
        raise OperationFailed(Failure(FailureKind.IMMUTABLE, message, resource=spec.vm_id))
    get_logger().warning("deallocated", vm=spec.vm_id, reason=reason)
    power_and_wait(arm, spec, power.Action.DEALLOCATE)


def ssh_of(arm: Arm, spec: VmSpec, outputs: Mapping[str, Any], guest: Guest | None = None) -> dict[str, Any]:
    """Give the host and port of the VM's SSH as outputs; if the spec waits for SSH, once it answers.

    ``guest`` is what runs inside the VM, if that is known already.

    Raises: OperationFailed (timeout) if it does not answer within the deployment's time; CloudError.
    """
    where = _ssh(guest or guests.guest_of(arm, spec.vm_id), outputs)
    if spec.wait_for != "ssh":
        return where

    def check() -> dict[str, Any] | NotYet:
        where.update(_ssh(guests.guest_of(arm, spec.vm_id), outputs))
        return where if ssh_answers(where["sshHost"], where["sshPort"], spec.request_timeout) else again

    again = NotYet(min(_SSH_POLL_INTERVAL, spec.poll_interval), max_interval=spec.poll_interval)
    if poll_until(check, timeout=spec.deploy_timeout):
        return where
    at = f"{where['sshHost']} port {where['sshPort']}"
    raise OperationFailed(
        Failure(FailureKind.TIMEOUT, f"the VM runs, but nothing answers as SSH on {at}", resource=spec.vm_id)
    )


def why_doubtful(arm: Arm, spec: VmSpec) -> str:
    """Say why the VM's SSH port may not answer; '' if it should. Raises: CloudError."""
    private = not (arm.has_guests or spec.public_ip)
    return why_silent(arm, spec) or ("it has no public address" if private else "")


def is_as_awaited(arm: Arm, spec: VmSpec, outputs: Mapping[str, Any]) -> bool:
    """Tell, after one attempt, whether SSH answers; True if the spec does not wait for it. Raises: CloudError."""
    if spec.wait_for != "ssh":
        return True
    where = _ssh(guests.guest_of(arm, spec.vm_id), outputs)
    return ssh_answers(where["sshHost"], where["sshPort"], spec.request_timeout)


def _ssh(guest: Guest, outputs: Mapping[str, Any]) -> dict[str, Any]:
    address = outputs.get("publicIp") or outputs.get("privateIp")
    return {"sshHost": guest.host or str(address or ""), "sshPort": guest.port or PORT}


def refuse_silent(arm: Arm, spec: VmSpec) -> None:
    """Check that something can answer on the VM's SSH port if the spec waits for SSH.

    Raises: OperationFailed (invalid), before anything is made; CloudError.
    """
    if why := why_silent(arm, spec):
        step = "leave waitFor at running, or correct that, then call again"
        raise OperationFailed(Failure(FailureKind.INVALID, f"waitFor: ssh: {why}", resource=spec.vm_id, step=step))


def why_silent(arm: Arm, spec: VmSpec) -> str:
    """Say why nothing will answer on the VM's SSH port; '' if something may. Raises: CloudError."""
    guest = guests.kind(arm)
    if guest.kind == guests.NONE:
        return f"nothing runs inside it: {guest.why}"
    closed = guest.kind == guests.AZURE and spec.public_ip and PORT not in spec.vm_ports
    return f"port {PORT} is not among its vmPorts" if closed else ""


def _running(arm: Arm, spec: VmSpec, unknown: Iterator[NotYet]) -> vm_state.VmState | NotYet:
    """Read the VM once. If it is not found, it counts as gone only after the last pause of ``unknown``."""
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
