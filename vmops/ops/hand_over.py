"""Hands a VM over to `pulumi`: afterwards vmops does not manage it any more."""

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from vmops.azure import cleanup, inventory
from vmops.azure.inventory import Resource
from vmops.deploy.context import DeployContext, open_for_change
from vmops.engine import project
from vmops.jobs import admission
from vmops.jobs.operation import HANDED_OVER, State, Verb
from vmops.jobs.stack_records import StackRecords
from vmops.ops import export
from vmops.ops.deployments import Deployments
from vmops.ops.record import record
from vmops.spec.names import TAG_PREFIX
from vmops.spec.target import Target


def hand_over(deployments: Deployments, target: Target, directory: Path) -> dict[str, Any]:
    """Write a VM's project as `export.export` does, remove our tags from its resources, and forget the VM.

    The project is written first. After a crash the same call, into another directory, completes the rest. The record is
    that of a removal that succeeded, with the directory of the project.

    Returns: as `export.export`, with ``handedOver``: the ids of the resources that had our tags.

    Raises: as `export.export`; OperationFailed (conflict) if the VM is another owner's, (locked) if somebody works on
    it; CloudError if ARM refuses.
    """
    export.refuse_used(directory)
    settings, store = deployments.settings, deployments.store
    begun, records = record(settings, target, Verb.DEPROVISION), StackRecords(store, target.stack)
    with (
        admission.vm_lock(store, settings, target.stack) as (held, claim),
        open_for_change(settings, target, records, (held,), longest=settings.engine_silence, claim=claim) as site,
    ):
        ours = _ours(site, target)
        state = project.disowned(export.state_of(site, target))
        found = export.write(settings, target, state, directory)
        _disown(site, ours)
        site.stack.remove()
    outputs = {HANDED_OVER: found["directory"]}
    store.insert(replace(begun, state=State.SUCCEEDED, started=begun.created, ended=time.time(), outputs=outputs))
    return {**found, "handedOver": [str(each["id"]) for each in ours]}


def _ours(site: DeployContext, target: Target) -> list[Resource]:
    claim = site.claim(target)
    seen = inventory.read_cross_checked(site.arm, claim)
    cleanup.refuse_another_owner(seen, claim)
    return seen.to_go


def _disown(site: DeployContext, ours: list[Resource]) -> None:
    """Remove our tags, and forget the resources: otherwise a later removal would treat them as ours."""
    for resource in ours:
        if tags := _own_tags(resource):
            site.arm.drop_tags(resource["id"], tags)
    site.made.disown(site.made.known())


def _own_tags(resource: Mapping[str, Any]) -> dict[str, str]:
    tags = resource.get("tags") or {}
    return {name: value for name, value in tags.items() if name.lower().startswith(TAG_PREFIX)}
