"""Compares a VM in Azure with its request, independently of the product's code."""

from collections.abc import Iterator, Mapping
from typing import Any

from vmops.spec.vm_spec import VmSpec

Body = Mapping[str, Any]


def differences(spec: VmSpec, existing: Mapping[str, Body]) -> Iterator[str]:
    """List the differences between existing resources and the request; absent ones are not reported."""
    ids = {role: arm_id.lower() for role, arm_id in spec.ids().items()}
    machine, guard = existing.get(ids["vm"]), ids["security_group"]
    if machine:
        disks = {
            each["lun"]: each["name"].lower() for each in machine["properties"]["storageProfile"].get("dataDisks") or ()
        }
        luns = range(len(spec.data_disks))
        yield from (f"lun {lun}" for lun in luns if disks.get(lun) != f"{spec.vm_name}-data-{lun}".lower())
        tags = machine.get("tags") or {}
        yield from (f"tag {name}" for name, value in spec.tags.items() if tags.get(name) != value)
    if guard in existing and "security_group" not in spec.named_roles:
        rules = {port: existing.get(f"{guard}/securityrules/tcp-{port}") for port in spec.priorities()}
        yield from (f"port {port}" for port, rule in rules.items() if not _lets_in(rule, port, spec))


def _lets_in(rule: Body | None, port: int, spec: VmSpec) -> bool:
    """Tell whether a rule permits exactly the requested sources at a port."""
    if rule is None:
        return False
    says = rule["properties"]
    sources = {says.get("sourceAddressPrefix"), *(says.get("sourceAddressPrefixes") or ())} - {None, ""}
    told = (says["access"], says["direction"], says.get("destinationPortRange"))
    return told == ("Allow", "Inbound", str(port)) and sources == set(spec.source_address_prefixes)
