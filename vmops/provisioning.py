"""The steps of one deployment, as the worker takes them."""

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from vmops import instance, ownership, power, remains
from vmops.arm import Arm
from vmops.engine import recovery
from vmops.engine.events import EXISTS_ALREADY, PROVIDER_GONE
from vmops.errors import CloudError
from vmops.failures import Failed, Failure, Kind, of_cloud
from vmops.site import Site
from vmops.spec import VmSpec
from vmops.target import Target
from vmops.waiting import Later, delay, wait

_PASSING = frozenset({Kind.CONFLICT, Kind.THROTTLED})
"""What the same update does not meet again a little later."""

_SETTLED = frozenset({EXISTS_ALREADY, PROVIDER_GONE})
"""Codes after which the engine's state is settled, so that the next update must refresh.

After any other it must not: a refresh forgets that a create has failed, and leaves the resource Failed."""

_WINDOW = 240.0
"""Seconds for which a refusal that may pass is met again: a NIC stays reserved for 180 after a create that failed.

Source: ARM's own message, NicReservedForAnotherVm."""


def provision(site: Site, spec: VmSpec, *, doubtful: bool, expires: float) -> dict[str, Any]:
    """Make the VM as the spec says, running, and give its outputs.

    ``doubtful``: what came before did not end, so the engine's state may lack what exists. ``expires`` is in seconds
    since the epoch, 0 for never.

    Raises: Failed; CloudError if ARM refuses a look.
    """
    outputs: dict[str, Any] = {}
    before = _settled_survey(site, spec)
    declared = _declared(site, spec, before, expires, outputs)
    existed = site.stack.ensure()
    gone = existed and before.machine is None
    refresh = (existed and doubtful and recovery.settle(site.stack, site.arm, spec)) or gone
    if before.machine and _grows(before.machine, spec):
        _power(site.arm, spec, power.Action.DEALLOCATE)
    _up(site, spec, declared, refresh=refresh)
    _run_machine(site.arm, spec)
    _reach(site, spec, outputs)
    return outputs


def plan(site: Site, spec: VmSpec) -> list[dict[str, str]]:
    """Preview what `provision` would do: a resource and an operation (create, update, replace, delete) each.

    Raises: Failed; CloudError if ARM refuses a look.
    """
    return site.stack.preview(_declared(site, spec, ownership.survey(site.arm, spec, site.owner), 0.0, {}))


def deprovision(site: Site, target: Target) -> dict[str, Any]:
    """Destroy all that the stack made, verify by listing, then forget the stack.

    What the engine cannot destroy is released through ARM, which also knows what the engine does not.

    Returns: ``left``, the foreign resources for whose sake our group stays, if there are any.

    Raises: Failed, naming what would not go; CloudError if ARM refuses a look.
    """
    existing = site.arm.get(target.vm_id)
    if existing is not None:
        ownership.refuse_foreign(existing, target.stack, site.owner)
    try:
        site.stack.destroy()
    except Failed as error:
        if error.failure.kind is Kind.LOCKED:
            raise
        structlog.get_logger().warning("destroy_incomplete", cause=str(error.failure))
    left = remains.release(
        site.arm, target.group_id, target.stack, interval=target.poll_interval, timeout=target.deploy_timeout
    )
    site.stack.remove()
    return {"left": left} if left else {}


def _settled_survey(site: Site, spec: VmSpec) -> ownership.Survey:
    """Survey what exists, once nothing is being done to the VM any more: ARM refuses a second change meanwhile."""

    def look() -> ownership.Survey | Later:
        found = ownership.survey(site.arm, spec, site.owner)
        return Later(spec.poll_interval) if found.machine and instance.in_transit(found.machine) else found

    found = wait(look, timeout=spec.deploy_timeout)
    if found is None:
        raise Failed(Failure(Kind.TIMEOUT, "an earlier change of the VM does not end", resource=spec.vm_id))
    return found


def _up(site: Site, spec: VmSpec, declared: Callable[[], None], *, refresh: bool) -> None:
    """Run the program; what passes with time is tried again, and what exists unknown to the engine is adopted."""
    refusals: list[Failed] = []

    def attempt() -> bool | Later:
        settled = any(refusal.failure.code in _SETTLED for refusal in refusals)
        try:
            site.stack.up(declared, refresh=refresh or settled)
        except Failed as error:
            if not _passes(site, spec, error.failure):
                raise
            refusals.append(error)
            return Later(delay(len(refusals)))
        return True

    if not wait(attempt, timeout=_WINDOW):
        raise refusals[-1]


def _passes(site: Site, spec: VmSpec, failure: Failure) -> bool:
    """Tell whether the same update may do better, once the provider lives and the state knows what exists."""
    if failure.code == PROVIDER_GONE:
        site.reconnect()
        recovery.settle(site.stack, site.arm, spec)
        return True
    if failure.code == EXISTS_ALREADY:
        return recovery.settle(site.stack, site.arm, spec)
    return failure.kind in _PASSING


def _declared(
    site: Site, spec: VmSpec, before: ownership.Survey, expires: float, outputs: dict[str, Any]
) -> Callable[[], None]:
    from vmops.engine.program import program  # a second of imports, which a deprovision does without

    return program(
        spec.model_copy(update={"location": before.location}),
        owner=site.owner,
        uses=before.uses,
        expires=ownership.instant(expires) if expires else None,
        provider=site.cloud.provider_arguments(spec.subscription),
        outputs=outputs,
    )


def _grows(existing: Mapping[str, Any], spec: VmSpec) -> bool:
    """Tell whether a disk gets bigger, which ARM allows only on a deallocated VM.

    Source: Azure documentation, expand virtual hard disks on a Linux VM.
    """
    storage = existing["properties"]["storageProfile"]
    there = [storage["osDisk"].get("diskSizeGB"), *(disk.get("diskSizeGB") for disk in storage.get("dataDisks", ()))]
    asked = [spec.os_disk_size_gb, *spec.data_disks]
    return any(now and then and then > now for now, then in zip(there, asked, strict=False))


def _run_machine(arm: Arm, spec: VmSpec) -> None:
    """Start the VM if it stands still, and see by ARM that it runs.

    Raises: Failed if it does not run within the deployment's time.
    """
    seen = instance.look(arm, spec.vm_id)
    if seen and seen.running:
        return
    if seen and seen.resting:
        _power(arm, spec, power.Action.START)
    if not wait(lambda: _running(arm, spec), timeout=spec.deploy_timeout):
        raise Failed(Failure(Kind.TIMEOUT, "the VM does not run", resource=spec.vm_id))


def _power(arm: Arm, spec: VmSpec, action: power.Action) -> None:
    """Ask for a power operation and wait for it.

    Raises: Failed if ARM says that it failed.
    """
    accepted = power.begin(arm, spec.vm_id, action)
    if accepted.url is None:
        return
    url = accepted.url
    ended = wait(lambda: power.look(arm, url, spec.poll_interval), timeout=spec.deploy_timeout)
    if isinstance(ended, CloudError):
        raise Failed(of_cloud(ended))


def _reach(site: Site, spec: VmSpec, outputs: Mapping[str, Any]) -> None:
    """Wait, if asked to, until the VM answers on its SSH port; a simulated machine never does, and is not asked.

    Raises: Failed (timeout) if it does not answer within the deployment's time.
    """
    if spec.wait_for != "ssh" or not site.cloud.answers:
        return
    address = outputs.get("publicIp") or outputs["privateIp"]
    looks = lambda: instance.greets(address, spec.request_timeout) or Later(spec.poll_interval)  # noqa: E731
    if not wait(looks, timeout=spec.deploy_timeout):
        raise Failed(
            Failure(Kind.TIMEOUT, f"the VM runs, but nothing answers on {address} port 22", resource=spec.vm_id)
        )


def _running(arm: Arm, spec: VmSpec) -> instance.Instance | Later:
    seen = instance.look(arm, spec.vm_id)
    if seen is None:
        raise Failed(Failure(Kind.NOT_FOUND, "the VM is gone", resource=spec.vm_id))
    if seen.provisioning == "failed":
        raise Failed(Failure(Kind.CAPACITY, "the VM's provisioning state is Failed", resource=spec.vm_id))
    return seen if seen.running else Later(spec.poll_interval)
