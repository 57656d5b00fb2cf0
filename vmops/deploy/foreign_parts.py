"""Foreign parts: tags, security rules and data disks that others have added to our resources.

A part is ours if the stack's last program declared it, or if it has the name and form of ours. All other parts are
declared beside ours: the engine writes a resource as a whole, so a part that it does not send would be removed.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from vmops.deploy import identities
from vmops.engine.reconcile import declared
from vmops.engine.reconcile.declared import OwnParts
from vmops.spec import names
from vmops.spec.foreign import ForeignParts
from vmops.spec.vm_spec import VmSpec

Part = Mapping[str, Any]
"""A resource, a rule or a disk as ARM returns it."""

_FORM = {"direction": "inbound", "access": "allow", "protocol": "tcp", "sourcePortRange": "*"}
"""The properties of every rule of ours, in lower case."""

_ELSE = ("description", "sourcePortRanges", "destinationPortRanges", "destinationAddressPrefixes")
"""Properties that no rule of ours has."""


def find(spec: VmSpec, bodies: Mapping[str, Part], last: OwnParts | None) -> ForeignParts:
    """Find what others have added to our resources, by role.

    ``last`` are the parts of the last declaration. If it is None (unknown), a tag counts as ours if its name is
    declared now.
    """
    own = last or OwnParts(tags=declared.of(spec).tags)
    tags = {role: _tags(spec, body, own) for role, body in bodies.items()}
    rules = _listed(bodies.get("security_group"), "securityRules")
    disks = _listed(bodies.get("vm"), "storageProfile", "dataDisks")
    return ForeignParts(
        tags={role: found for role, found in tags.items() if found},
        rules=tuple(rule for rule in rules if not _is_own_rule(rule, own)),
        disks=tuple(disk for disk in disks if not _is_own_disk(spec, disk, own)),
        identities=_identities(spec, bodies.get("vm"), own),
    )


def described(spec: VmSpec, foreign: ForeignParts) -> list[str]:
    """Describe each foreign part: ``rule hole allows * from *``, ``disk big at lun 5``, ``tag cost on exp1-nic``."""
    resources = {role: arm_id.rpartition("/")[2] for role, arm_id in spec.ids().items()}
    tags = [f"tag {name} on {resources[role]}" for role, found in foreign.tags.items() for name in found]
    disks = [f"disk {_name(disk)} at lun {disk['lun']}" for disk in foreign.disks]
    given = [f"identity {name}" for name in foreign.identities]
    return [*map(_rule_in_words, foreign.rules), *disks, *tags, *given]


def _identities(spec: VmSpec, machine: Part | None, own: OwnParts) -> tuple[str, ...]:
    """Give the identities of a VM that are not ours. If the spec names none, none is sent, and Azure keeps them all."""
    if machine is None or spec.managed_identity is None:
        return ()
    ours = {*map(str.lower, spec.managed_identity), *own.identities}
    return tuple(name for name in identities.of(machine) if name.lower() not in ours)


def _tags(spec: VmSpec, body: Part, own: OwnParts) -> dict[str, str]:
    """Give the tags of a resource that are not ours, ignoring the case of their names. Source: tag-resources."""
    asked = {name.lower(): value for name, value in spec.tags.items()}
    there = {name: value for name, value in (body.get("tags") or {}).items() if asked.get(name.lower()) != value}
    return {name: value for name, value in there.items() if not _is_own_tag(name.lower(), own)}


def _is_own_tag(name: str, own: OwnParts) -> bool:
    return name.startswith(names.TAG_PREFIX) or name in own.tags


def _is_own_rule(rule: Part, own: OwnParts) -> bool:
    return rule["name"].lower() in own.rules or _has_our_form(rule)


def _has_our_form(rule: Part) -> bool:
    """Tell whether a rule has the name and form of ours, with any sources and any of our priorities."""
    says = rule["properties"]
    port, anywhere = says.get("destinationPortRange", ""), says.get("destinationAddressPrefix") == "*"
    return (
        rule["name"].lower() == f"tcp-{port}"
        and anywhere
        and all(str(says.get(name)).lower() == word for name, word in _FORM.items())
        and not any(says.get(name) for name in _ELSE)
        and not any(says.get(f"{end}ApplicationSecurityGroups") for end in ("source", "destination"))
        and says.get("priority", 0) >= names.FIRST_PRIORITY
    )


def _is_own_disk(spec: VmSpec, disk: Part, own: OwnParts) -> bool:
    """Tell whether a disk has the lun and form of ours; one that was attached by hand counts only if it is known."""
    at, name = disk["lun"], _name(disk).lower()
    if name != spec.disk_name(at).lower() or not lies_in_group(spec, disk):
        return False
    return name in own.disks or at < len(spec.data_disks) or disk.get("createOption") != "Attach"


def lies_in_group(spec: VmSpec, disk: Part) -> bool:
    """Tell whether a VM's data disk is, or will be, in the VM's own group: a disk that is not made yet has no id."""
    arm_id = str(disk.get("managedDisk", {}).get("id", ""))
    return not arm_id or arm_id.lower().startswith(f"{spec.group_id.lower()}/")


def _listed(body: Part | None, *path: str) -> Iterator[dict[str, Any]]:
    found: Any = (body or {}).get("properties", {})
    for step in path:
        found = found.get(step) or {}
    yield from found


def _name(disk: Part) -> str:
    return str(disk.get("name") or disk.get("managedDisk", {}).get("id", "").rpartition("/")[2])


def _rule_in_words(rule: Part) -> str:
    says = rule["properties"]
    verb = "denies" if says.get("access", "").lower() == "deny" else "allows"
    ways = {"outbound": ("to", "destination")}.get(says.get("direction", "").lower(), ("from", "source"))
    ports, whom = _either(says, "destinationPortRange"), _either(says, f"{ways[1]}AddressPrefix", "es")
    return f"rule {rule['name']} {verb} {ports} {ways[0]} {whom}"


def _either(says: Mapping[str, Any], one: str, plural: str = "s") -> str:
    """Give the value of a property that ARM returns either singly or in a list."""
    return says.get(one) or ", ".join(says.get(one + plural) or ()) or "*"
