"""Recovers a VM from dead processes at once: its record, its locks, the engine's files and state.

Nothing is made or removed in the cloud: the next provision or deprovision continues from there. If the engine's state
and all its copies are lost, the next provision rebuilds it from the declaration.
"""

from typing import Any

from vmops.azure import inventory
from vmops.azure.client import Arm
from vmops.core.settings import Settings
from vmops.deploy.context import DeployContext, open_for_change
from vmops.engine.backend.files import Repair
from vmops.engine.reconcile import apply, plan
from vmops.jobs import admission
from vmops.jobs.stack_records import StackRecords
from vmops.jobs.store import Store
from vmops.spec import names
from vmops.spec.target import Target


def recover(
    settings: Settings, store: Store, target: Target, *, dry_run: bool = False, break_lock: bool = False
) -> dict[str, Any]:
    """Recover a VM whose operations are done, or whose workers are dead.

    With ``break_lock`` the engine's locks are removed even if their holders may be alive: the caller must know that
    they are dead.

    Returns: ``locks``, the locks' holders, as far as they can be read; ``state``, what was done to the engine's state
    (nothing, restored, lost); ``adopted`` and ``foreign``, ARM ids; ``cleared``, operations of the engine that did not
    end; ``resources``, the ids of our resources. With ``dry_run``, what would be done.

    Raises: OperationFailed (locked) if somebody works on the VM, or may; CloudError if ARM refuses; EngineMissing.
    """
    records = StackRecords(store, target.stack)
    with (
        admission.vm_lock(store, settings, target.stack) as (held, claim),
        open_for_change(settings, target, records, (held,), longest=settings.engine_silence, claim=claim) as site,
    ):
        locks = site.stack.lock_holders()
        if break_lock and not dry_run:
            site.stack.break_lock()
        return {"locks": locks, **_repaired(site, target, write=not dry_run)}


def _repaired(site: DeployContext, target: Target, *, write: bool) -> dict[str, Any]:
    claim = site.claim(target)
    ours = [str(found["id"]) for found in inventory.read(site.arm, claim).to_go]
    repair = site.stack.repair(write=write)
    made = plan.Plan()
    if write or repair is Repair.NOTHING:
        reconcile = apply.reconcile if write else apply.preview
        made = reconcile(site.stack, site.arm, plan.Wanted(_intended(site.arm, target, ours)), claim)
    return {
        "state": str(repair),
        "adopted": list(made.adopted.values()),
        "cleared": list(made.cleared),
        "foreign": list(made.foreign),
        "resources": ours,
    }


def _intended(arm: Arm, target: Target, ours: list[str]) -> dict[str, str]:
    """Give the ids that the stack's state should have, by the end of their URN: our resources, and the VM itself.

    Separate disks are left out: only the next provision knows which of them are declared.
    """
    seen = arm.get(target.vm_id)
    ids = [seen["id"] if seen else target.vm_id]
    for arm_id in ours:
        ids.append(arm_id)
        if "/virtualnetworks/" in arm_id.lower() and (network := arm.get(arm_id)):
            ids += [subnet["id"] for subnet in network["properties"].get("subnets", ())]
    return {key: arm_id for arm_id in ids if "/disks/" not in arm_id.lower() and (key := names.urn_key(arm_id))}
