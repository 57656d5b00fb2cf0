"""Proves that existing resources are ours where this host has no record: the engine's state tells what it made.

Other hosts with the same backend, and this one before it lost its records, have written there what they made for us.
"""

from vmops.azure import inventory
from vmops.azure.ownership import identity_of
from vmops.deploy.context import DeployContext
from vmops.engine.reconcile import apply
from vmops.spec.target import Target


def learn(site: DeployContext, target: Target, seen: inventory.Inventory) -> bool:
    """Record what the engine has made of a VM that is unknown here, or known with another identity than is ``seen``.

    Returns: whether there is any. Raises: OperationFailed, if the state cannot be read.
    """
    known = site.claim(target).made
    there = {each["id"].lower(): identity_of(each) for each in (*seen.anothers, *seen.unproven)}
    made = apply.identities(site.stack, site.owner)
    news = {arm_id: told for arm_id, told in made.items() if arm_id not in known or told == there.get(arm_id)}
    for arm_id, told in news.items():
        site.made.note(arm_id, told, 0.0)
    return bool(news)
