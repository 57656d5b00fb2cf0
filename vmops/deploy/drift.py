"""Drift: something of ours that somebody else has changed or removed since it was declared.

Additions are not drift: they belong to others, and stay (`vmops.deploy.foreign_parts`).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vmops.azure.client import Arm
from vmops.azure.ownership import Claim, is_ours
from vmops.core.log import get_logger
from vmops.deploy import identities, traits
from vmops.deploy.survey import Preflight, data_disks
from vmops.spec import names
from vmops.spec.vm_spec import VmSpec

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Drift:
    """One value that differs: the resource, the path in ARM's answer, and the value ``found`` there.

    ``found`` is None if the value is absent, and ``declared`` is None if it should be. The path is empty if the whole
    resource is missing. ``parameter`` is the one that declared the value, '' if none did. ``what`` names the value in
    words. A difference that ``replaces`` the resource is never drift: the spec requests it.
    """

    resource: str
    path: str
    parameter: str
    what: str
    declared: Any
    found: Any
    replaces: bool = False

    def __str__(self) -> str:
        """Say what was found, and what is declared."""
        if self.found is None:
            return f"{self.what}: missing"
        return f"{self.what}: {_words(self.found)} instead of {_words(self.declared)}"

    def as_dict(self) -> dict[str, Any]:
        """Give the drift as a change back to what is declared."""
        return {"path": self.path, "from": self.found, "to": self.declared, "replaces": self.replaces}


def differences(spec: VmSpec, before: Preflight) -> list[Drift]:
    """List all drift of an existing VM, without resources of others."""
    if before.machine is None:
        return []
    bodies = {role: body for role, body in before.bodies(spec, ours=True).items() if role not in before.external}
    return [*missing(spec, bodies, before.external), *find(spec, bodies)]


def distinct(found: Iterable[Drift]) -> list[Drift]:
    """Remove duplicates from the drift of several VMs: shared resources were compared for each of them."""
    return list({(each.resource, each.path): each for each in found}.values())


def find(spec: VmSpec, bodies: Mapping[str, Body]) -> list[Drift]:
    """Compare what is declared with ARM's answer for each role in ``bodies``."""
    return list(_of_all(spec, bodies))


def missing(spec: VmSpec, bodies: Mapping[str, Body], external: Iterable[str]) -> list[Drift]:
    """List the declared resources that do not exist; roles in ``external`` belong to others."""
    ids = spec.ids()
    roles = [role for role in ids if role in names.TOKENS and role not in {*external, *bodies, "subnet"}]
    return [
        Drift(ids[role], "", "", f"{role.replace('_', ' ')} {ids[role].rpartition('/')[2]}", "", None) for role in roles
    ]


def are_as_declared(arm: Arm, claim: Claim, vms: Sequence[tuple[VmSpec, Body]], returned: Collection[str]) -> bool:
    """Tell whether VMs, and their security groups if these are ours, are as their specs declare.

    ``returned`` is drift, in words, that came back after a repair: it is logged and ignored.
    """
    bodies = [(member, {"vm": machine}) for member, machine in vms]
    for guard_id, spec in {member.security_group_id: member for member, _ in vms}.items():
        guard = arm.get(guard_id)
        if guard is None and "security_group" not in spec.named_roles:
            return False
        if guard and is_ours(guard, claim):
            bodies.append((spec, {"security_group": guard}))
    found = {str(each) for member, body in bodies for each in find(member, body)}
    if found and found <= {*returned}:
        get_logger().warning("drift", returned=sorted(found))
    return found <= {*returned}


def none_failed(bodies: Mapping[str, Body]) -> bool:
    """Tell whether no existing resource is in the state Failed: a refresh would make the engine forget the failure.

    Source: Pulumi, refresh: it clears what is known of a create that failed.
    """
    states = (str(body.get("properties", {}).get("provisioningState", "Succeeded")) for body in bodies.values())
    return all(state.lower() == "succeeded" for state in states)


def _of_all(spec: VmSpec, bodies: Mapping[str, Body]) -> Iterator[Drift]:
    for role, body in bodies.items():
        yield from _of_tags(spec, body)
        yield from _of_traits(spec, role, body)
        if role == "vm":
            yield from _of_size(spec, body)
            yield from _of_disks(spec, body)
            yield from _of_identities(spec, body)
        if role == "security_group":
            yield from _of_rules(spec, body)
        if role == "nic":
            yield from _of_links(spec, body)


def _of_tags(spec: VmSpec, body: Body) -> Iterator[Drift]:
    """Compare tags, ignoring the case of their names. Source: Azure Resource Manager, tag-resources."""
    there = {name.lower(): value for name, value in (body.get("tags") or {}).items()}
    for name, value in spec.tags.items():
        found = there.get(name.lower())
        if found != value:
            yield Drift(body["id"], f"tags.{name}", "tags", f"tag {name} of {_name(body)}", value, found)


def _of_size(spec: VmSpec, body: Body) -> Iterator[Drift]:
    found = str(body["properties"].get("hardwareProfile", {}).get("vmSize", ""))
    if found.lower() != spec.vm_size.lower():
        yield Drift(body["id"], "hardwareProfile.vmSize", "vmSize", "size", spec.vm_size, found)


def _of_traits(spec: VmSpec, role: str, body: Body) -> Iterator[Drift]:
    for trait, declared, found in traits.differing(spec, role, body):
        yield Drift(body["id"], trait.path, trait.parameter, trait.parameter, declared, found)


def _of_identities(spec: VmSpec, body: Body) -> Iterator[Drift]:
    there = {name.lower() for name in identities.of(body)}
    for name in spec.managed_identity or ():
        if name.lower() not in there:
            yield Drift(body["id"], "identity", "managedIdentity", f"identity {name}", name, None)


def _of_disks(spec: VmSpec, body: Body) -> Iterator[Drift]:
    """Compare the data disks by lun. A larger disk is not drift, because Azure cannot shrink one."""
    there = {lun: str(disk.get("name", "")).lower() for lun, disk in data_disks(body).items()}
    for lun, size in enumerate(spec.data_disks):
        name = spec.disk_name(lun)
        caching, found = spec.data_disk_caching, data_disks(body).get(lun, {}).get("caching")
        if caching and lun in there and found != caching:
            path = f"storageProfile.dataDisks[{lun}].caching"
            yield Drift(body["id"], path, "dataDiskCaching", f"caching of disk {name}", caching, found)
        if there.get(lun) != name.lower():
            path = f"storageProfile.dataDisks[{lun}]"
            yield Drift(body["id"], path, "dataDisks", f"disk {name} of {size} GiB", size, None)


def _of_rules(spec: VmSpec, body: Body) -> Iterator[Drift]:
    there = {rule["name"].lower(): rule["properties"] for rule in body["properties"].get("securityRules") or ()}
    for port, priority in spec.priorities().items():
        name = names.rule(port)
        declared = _rule(port, priority, spec.source_address_prefixes)
        found = _rule_parts(there[name]) if name in there else None
        if found is None:
            yield Drift(body["id"], f"securityRules.{name}", "vmPorts", f"rule {name}", declared, None)
            continue
        for part, value in declared.items():
            if found[part] != value:
                parameter = "sourceAddressPrefixes" if part == "from" else "vmPorts"
                path = f"securityRules.{name}.{part}"
                yield Drift(body["id"], path, parameter, f"rule {name}, {part}", value, found[part])


def _rule(port: int, priority: int, sources: Iterable[str]) -> dict[str, Any]:
    """Give the parts of a rule of ours, in the form of `_rule_parts`."""
    return {
        "priority": priority,
        "direction": "inbound",
        "access": "allow",
        "protocol": "tcp",
        "from": sorted(sources),
        "to": ["*"],
        "ports": [str(port)],
        "source ports": ["*"],
    }


def _rule_parts(says: Body) -> dict[str, Any]:
    return {
        "priority": says.get("priority"),
        **{name: str(says.get(name, "")).lower() for name in ("direction", "access", "protocol")},
        "from": _either(says, "sourceAddressPrefix", "es"),
        "to": _either(says, "destinationAddressPrefix", "es"),
        "ports": _either(says, "destinationPortRange"),
        "source ports": _either(says, "sourcePortRange"),
    }


def _either(says: Body, one: str, plural: str = "s") -> list[str]:
    """Give the values of a property that ARM returns either singly or in a list."""
    return sorted(filter(None, [says.get(one), *(says.get(one + plural) or ())]))


def _of_links(spec: VmSpec, body: Body) -> Iterator[Drift]:
    """Compare the security group and the public address of a network interface."""
    ids, properties = spec.ids(), body["properties"]
    first = next(iter(properties.get("ipConfigurations") or [{}])).get("properties", {})
    links = {"networkSecurityGroup": (properties, "security_group"), "publicIPAddress": (first, "address")}
    if spec.network_security_group_on == "subnet":
        del links["networkSecurityGroup"]
    for name, (where, role) in links.items():
        found = str((where.get(name) or {}).get("id", "")) or None
        if role in ids and (found or "").lower() != ids[role].lower():
            yield Drift(body["id"], name, "", f"{name} of {_name(body)}", ids[role], found)


def _name(body: Body) -> str:
    return str(body["id"]).rpartition("/")[2]


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
