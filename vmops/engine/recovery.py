"""Settling what a dead engine left: creates that may or may not have happened.

Called with the VM's lock held, so every worker and engine of before is dead. ARM says what is true.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import structlog

from vmops.arm import Arm
from vmops.engine.stack import PROJECT, EngineStack
from vmops.ownership import stack_of
from vmops.spec import VmSpec

State = dict[str, Any]
"""A stack's deployment as the engine exports it."""

_STACK = "pulumi:pulumi:Stack"
_PROVIDER = "pulumi:providers:azure-native"


def settle(stack: EngineStack, arm: Arm, spec: VmSpec) -> bool:
    """Bring the engine's state in line with ARM before the next update.

    Of the intended resources that the state does not have, those that exist and are ours are adopted; creates that
    never happened are cleared. What is there and not ours is left alone: the provider refuses to create it, by name.

    Returns: whether the state was changed, so that the next update must refresh.
    """
    exported = stack.state()
    if exported is None:
        return False
    state: State = exported["deployment"]
    adopted = list(_adopted(state, _found(arm, _missing(state, spec), spec.stack), spec.stack))
    if not adopted and not state.get("pending_operations"):
        return False
    state["resources"] = [*state.get("resources", ()), *adopted]
    state.pop("pending_operations", None)
    stack.replace_state(exported)
    return True


def _missing(state: State, spec: VmSpec) -> dict[str, str]:
    """Give the ARM ids, by the end of their URNs, of what is intended and not in the state."""
    known = {_key(resource["urn"]) for resource in state.get("resources", ())}
    return {key: arm_id for key, arm_id in spec.urn_keys().items() if key not in known}


def _found(arm: Arm, missing: Mapping[str, str], stack_name: str) -> Iterator[tuple[str, str]]:
    """Give what of the missing exists and is ours; a subnet, which has no tags, is its network's."""
    for key, arm_id in missing.items():
        resource = arm.get(arm_id)
        parent, is_subnet, _ = arm_id.partition("/subnets/")
        tagged = arm.get(parent) if is_subnet else resource
        if resource is not None and tagged is not None and stack_of(tagged) == stack_name:
            yield key, arm_id


def _adopted(state: State, found: Iterator[tuple[str, str]], stack_name: str) -> Iterator[dict[str, Any]]:
    """Make a state entry for each resource found; its inputs and outputs come with the next refresh."""
    entries = state.get("resources", ())
    root = next((entry["urn"] for entry in entries if entry["type"] == _STACK), None)
    provider = next((f"{entry['urn']}::{entry['id']}" for entry in entries if entry["type"] == _PROVIDER), None)
    begun = {_key(each["resource"]["urn"]): each["resource"] for each in state.get("pending_operations") or ()}
    if root is None or provider is None:
        return
    for key, arm_id in found:
        structlog.get_logger().info("adopted", resource=arm_id)
        bare = {
            "urn": f"urn:pulumi:{stack_name}::{PROJECT}::{key}",
            "custom": True,
            "type": key.partition("::")[0],
            "inputs": {},
            "parent": root,
            "provider": provider,
        }
        yield {**bare, **begun.get(key, {}), "id": arm_id, "outputs": {}}


def _key(urn: str) -> str:
    """Give ``TYPE::NAME``, the part of an URN that names neither stack nor project."""
    return "::".join(urn.split("::")[2:])
