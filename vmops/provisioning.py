"""The steps of one deployment, as the worker takes them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import structlog

from vmops import instance, names, ownership, power, remains, running
from vmops.engine import completion, recovery, untagged
from vmops.engine.checkpoint import Mended
from vmops.engine.events import EXISTS_ALREADY, PROVIDER_GONE
from vmops.failures import Failed, Failure, Kind
from vmops.site import PATIENCE, Site
from vmops.spec import VmSpec
from vmops.target import Target
from vmops.waiting import Later, delay, wait

_PASSING = frozenset({Kind.CONFLICT, Kind.THROTTLED})
"""What the same update does not meet again a little later."""

_VANISHED = frozenset({"InvalidResourceReference", "ParentResourceNotFound"})
"""Codes by which ARM says that something is gone that the update has just read or made: somebody removes it, often a
removal of ours that was killed. Source: recorded refusals of Microsoft.Network and Microsoft.Compute."""

_LOSSES = 4
"""How often that may happen to one deployment: more often, and what is referred to is not there at all."""

_SETTLED = frozenset({EXISTS_ALREADY, PROVIDER_GONE, *_VANISHED})
"""Codes after which the engine's state is settled, so that the next update must refresh.

After any other it must not: a refresh forgets that a create has failed, and leaves the resource Failed."""

_GRACE = 3.0
"""Seconds within which ARM shows what a request has begun that was still on its way when its sender died."""


def provision(site: Site, spec: VmSpec, *, doubtful: bool, expires: float) -> dict[str, Any]:
    """Make the VM as the spec says, running, and give its outputs.

    ``doubtful``: what came before did not end, so the engine's state may lack what exists. ``expires`` is in seconds
    since the epoch, 0 for never.

    Raises: Failed; CloudError if ARM refuses a look.
    """
    outputs: dict[str, Any] = {}
    before = _settled_survey(site, spec)
    mended = site.stack.mend() is not Mended.NOTHING
    existed = site.stack.ensure() or mended
    before = _with_own_subnet(site, spec, before) if existed else before
    declared = _declared(site, spec, before, expires, outputs)
    settled = (doubtful or mended) and existed and _settle(site, spec, before.uses, declared).stale
    if before.machine and running.grows(before.machine, spec):
        running.switch(site.arm, spec, power.Action.DEALLOCATE)
    _up(site, spec, before.uses, declared, refresh=settled or mended or (existed and before.machine is None))
    running.run(site.arm, spec)
    if site.cloud.answers:
        running.reach(spec, outputs)
    return outputs


def plan(site: Site, spec: VmSpec) -> list[dict[str, str]]:
    """Preview what `provision` would do: a resource and an operation (create, update, replace, delete) each.

    Raises: Failed; CloudError if ARM refuses a look.
    """
    before = _with_own_subnet(site, spec, ownership.survey(site.arm, spec, site.owner))
    return site.stack.preview(_declared(site, spec, before, 0.0, {}))


def deprovision(site: Site, target: Target, *, doubtful: bool) -> dict[str, Any]:
    """Destroy all that the stack made, verify by listing, then forget the stack.

    What the engine cannot destroy is released through ARM, which also knows what the engine does not. ``doubtful``:
    what came before was cut off, so that a write may still be on its way; it is looked for once more.

    Returns: ``left``, the foreign resources for whose sake our group stays, if there are any.

    Raises: Failed, naming what would not go; CloudError if ARM refuses a look.
    """
    existing = site.arm.get(target.vm_id)
    if existing is not None:
        ownership.refuse_foreign(existing, target.stack, site.owner)
    site.stack.mend()
    grace = _GRACE if doubtful else 0.0
    if doubtful:
        untagged.adopt_subnet(site.stack, site.arm, target.group_id, grace)
    try:
        site.stack.destroy()
    except Failed as error:
        if error.failure.kind is Kind.LOCKED:
            raise
        structlog.get_logger().warning("destroy_incomplete", cause=str(error.failure))
    left = remains.release(
        site.arm,
        target.group_id,
        target.stack,
        interval=target.poll_interval,
        timeout=target.deploy_timeout,
        grace=grace,
    )
    site.stack.remove()
    return {"left": left} if left else {}


def _settled_survey(site: Site, spec: VmSpec) -> ownership.Survey:
    """Survey what exists, once nothing is being done to the VM any more: ARM refuses a second change meanwhile."""

    def look() -> ownership.Survey | Later:
        found = ownership.survey(site.arm, spec, site.owner)
        return instance.again(spec.poll_interval) if found.machine and instance.in_transit(found.machine) else found

    found = wait(look, timeout=spec.deploy_timeout)
    if found is None:
        raise Failed(Failure(Kind.TIMEOUT, "an earlier change of the VM does not end", resource=spec.vm_id))
    return found


def _with_own_subnet(site: Site, spec: VmSpec, found: ownership.Survey) -> ownership.Survey:
    """See that a subnet in another's network is not taken for another's if the engine has made it."""
    ours = "subnet" in found.uses and untagged.is_ours(site.stack, names.urn_key(spec.ids()["subnet"]))
    return replace(found, uses=found.uses - {"subnet"}) if ours else found


def _settle(site: Site, spec: VmSpec, uses: frozenset[str], declared: Callable[[], None]) -> recovery.Settled:
    """Settle the engine's state. Raises: Failed (conflict), naming what is intended and another's."""
    arguments = site.cloud.provider_arguments(spec.subscription)
    settled = recovery.settle(site.stack, site.arm, spec.urn_keys(uses), spec.unwanted(), arguments)
    for arm_id in settled.foreign:
        if found := site.arm.get(arm_id):
            ownership.refuse_foreign(found, spec.stack, site.owner)
    if settled.bare:
        completion.complete(site.stack, declared)
    return settled


def _up(site: Site, spec: VmSpec, uses: frozenset[str], declared: Callable[[], None], *, refresh: bool) -> None:
    """Run the program; what passes with time is tried again, and what exists unknown to the engine is adopted."""
    refusals: list[Failed] = []

    def attempt() -> bool | Later:
        settled = any(refusal.failure.code in _SETTLED for refusal in refusals)
        try:
            site.stack.up(declared, refresh=refresh or settled)
        except Failed as error:
            refusals.append(error)
            lost = sum(refusal.failure.code in _VANISHED for refusal in refusals)
            if lost > _LOSSES or not _passes(site, spec, uses, declared, error.failure):
                raise
            return Later(delay(len(refusals)))
        return True

    if not wait(attempt, timeout=PATIENCE):
        raise refusals[-1]


def _passes(site: Site, spec: VmSpec, uses: frozenset[str], declared: Callable[[], None], failure: Failure) -> bool:
    """Tell whether the same update may do better, once the provider lives and the state knows what exists."""
    if failure.code == PROVIDER_GONE:
        site.reconnect()
        _settle(site, spec, uses, declared)
        return True
    if failure.code == EXISTS_ALREADY:
        return _settle(site, spec, uses, declared).changed
    return failure.kind in _PASSING or failure.code in _VANISHED


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
