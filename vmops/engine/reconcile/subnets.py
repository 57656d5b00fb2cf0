"""Subnets in external networks: they have no tags, so only the engine's state tells that one is ours."""

from collections.abc import Mapping
from typing import Any

from vmops.azure.client import Arm
from vmops.azure.ownership import Claim
from vmops.core.polling import NotYet, poll_until
from vmops.engine.reconcile import apply, entries, plan
from vmops.engine.stack import EngineStack
from vmops.spec.names import TOKENS

_POLL_INTERVAL = 0.5
"""Seconds between two reads of a resource that may not be visible yet."""


def is_ours(exported: Mapping[str, Any] | None, key: str) -> bool:
    """Tell from its state whether the engine has made a resource, or started to.

    ``key`` is the end of its URN, ``TYPE::NAME``.
    """
    state = _deployment(exported)
    return key in plan.interrupted(state) or key in {entries.key_of(entry) for entry in state.get("resources", ())}


def adopt_subnet(stack: EngineStack, arm: Arm, claim: Claim, grace: float) -> None:
    """Add an existing subnet whose create was interrupted to the engine's state, so that a destroy deletes it.

    One that does not exist is read again until ``grace`` seconds have passed.
    """
    networks = f"{claim.vm.group_id}/providers/Microsoft.Network/virtualNetworks"
    intended = {
        key: f"{networks}/{inputs['virtualNetworkName']}/subnets/{name}"
        for key, interrupted_create in plan.interrupted(_deployment(stack.state())).items()
        if interrupted_create["type"] == TOKENS["subnet"]
        and (name := (inputs := interrupted_create["inputs"])["subnetName"])
    }
    if intended:
        poll_until(lambda: all(map(arm.get, intended.values())) or NotYet(_POLL_INTERVAL), timeout=grace)
        apply.reconcile(stack, arm, plan.Wanted(intended), claim)


def _deployment(exported: Mapping[str, Any] | None) -> dict[str, Any]:
    return (exported or {}).get("deployment") or {}
