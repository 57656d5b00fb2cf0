"""The changes of a plan or a comparison, as plain JSON.

Each has an ``operation`` (create, adopt, update, replace, delete, keep), the ``resource`` (``VirtualMachine exp1``),
its ``type`` in Azure, whether it ``replaces`` the resource, what is lost with that (``loses``), and ``properties``:
each with its ``path``, the present value (``from``), the declared one (``to``), and whether it ``replaces``.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vmops.deploy.drift import Drift
from vmops.deploy.replacement import of_secret
from vmops.spec import names
from vmops.spec.vm_spec import VmSpec

Change = dict[str, Any]


def of_plan(
    spec: VmSpec, steps: Iterable[Mapping[str, str]], differs: Sequence[Drift], there: Iterable[str]
) -> list[Change]:
    """Add to the engine's changes what is known of each resource; both steps of a replacement stay.

    ``there`` are the roles of existing resources of ours. If the engine does not know such a resource, its preview
    creates it; a provision adopts it instead, and updates what differs.
    """
    known = {names.in_words(spec.ids()[role]) for role in there}
    completed = [_change(spec, step["operation"], step["resource"], differs) for step in steps]
    return [
        _adopted(each) if each["operation"] == "create" and each["resource"] in known else each for each in completed
    ]


def _adopted(created: Change) -> Change:
    return {**created, "operation": "update" if created["properties"] else "adopt"}


def with_secrets(spec: VmSpec, found: Sequence[Change], secrets: Iterable[str]) -> list[Change]:
    """Add the secrets whose change replaces a VM, which only this host's records know; their values are not shown."""
    vm, values = names.in_words(spec.vm_id), [of_secret(spec.vm_id, name).as_dict() for name in secrets]

    def completed(change: Change) -> Change:
        new = [each for each in values if each not in change["properties"]]
        hit = change["replaces"] and change["resource"] == vm
        return {**change, "properties": [*change["properties"], *new]} if hit else change

    return [completed(each) for each in found]


def of_drift(spec: VmSpec, differs: Sequence[Drift]) -> list[Change]:
    """Give the changes that would repair the drift, one for each resource."""
    operations = {each.resource: "update" if each.path else "create" for each in differs}
    return [_change(spec, operation, names.in_words(arm_id), differs) for arm_id, operation in operations.items()]


def too_many(member: VmSpec) -> Change:
    """Give the change that removes a surplus member of a fleet."""
    return _change(member, "delete", names.in_words(member.vm_id), ())


def kept(foreign: Iterable[str]) -> list[Change]:
    """Describe what others have added, which stays."""
    return [_plain("keep", each) for each in foreign]


def _change(spec: VmSpec, operation: str, resource: str, differs: Sequence[Drift]) -> Change:
    """Give one change. Replacing a VM loses its own disks, which are deleted with it."""
    own = {names.in_words(arm_id): arm_id for arm_id in spec.ids().values() if names.urn_key(arm_id)}
    values = [each.as_dict() for each in differs if each.path and names.in_words(each.resource) == resource]
    replaces = "replace" in operation
    roles = ("os_disk",) if spec.has_separate_disks else ("os_disk", "data_disk")
    disks = [arm_id.rpartition("/")[2] for role, arm_id in spec.ids().items() if role.startswith(roles)]
    loses = disks if replaces and own.get(resource) == spec.vm_id else []
    kind = names.arm_type(own[resource]) if resource in own else ""
    return {**_plain(operation, resource), "type": kind, "replaces": replaces, "loses": loses, "properties": values}


def _plain(operation: str, resource: str) -> Change:
    return {
        "operation": operation,
        "resource": resource,
        "type": "",
        "replaces": False,
        "loses": [],
        "properties": [],
    }
