"""Proves that existing resources are ours if this host has no record of them: the engine's state lists what it made.

Other hosts with the same backend, and this one before it lost its records, have written to that state.
"""

from vmops.azure import inventory
from vmops.azure.ownership import identity_of
from vmops.deploy.context import DeployContext
from vmops.engine.reconcile import apply
from vmops.spec.target import Target


def learn(context: DeployContext, target: Target, seen: inventory.Inventory) -> bool:
    """Record resources of a VM that the engine has made, if they are not recorded here or with another identity.

    ``seen`` is what exists. Returns: whether anything was recorded. Raises: OperationFailed, if the state cannot be
    read.
    """
    known = context.claim(target).made
    there = {each["id"].lower(): identity_of(each) for each in (*seen.others, *seen.unproven)}
    made = apply.identities(context.stack, context.owner)
    news = {
        arm_id: identity for arm_id, identity in made.items() if arm_id not in known or identity == there.get(arm_id)
    }
    for arm_id, identity in news.items():
        context.made.note(arm_id, identity, 0.0)
    return bool(news)
