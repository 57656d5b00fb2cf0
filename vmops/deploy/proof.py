"""Proof that what exists is ours, where this host's records do not have it: the engine's state tells what it has made.

Other hosts that share the backend, and ours before it lost its records, have written there what they made in our name.
"""

from vmops.azure import inventory
from vmops.azure.ownership import identity_of
from vmops.deploy.context import DeployContext
from vmops.engine.reconcile import apply
from vmops.spec.target import Target


def learn(site: DeployContext, target: Target, seen: inventory.Inventory) -> bool:
    """Note what the engine has made of a VM and is not known here, or as another resource than is ``seen``.

    Tells whether there is any of it. Raises: OperationFailed, if the state cannot be read.
    """
    known = site.claim(target).made
    there = {each["id"].lower(): identity_of(each) for each in (*seen.anothers, *seen.unproven)}
    made = apply.identities(site.stack, site.owner)
    news = {arm_id: told for arm_id, told in made.items() if arm_id not in known or told == there.get(arm_id)}
    for arm_id, told in news.items():
        site.made.note(arm_id, told, 0.0)
    return bool(news)
