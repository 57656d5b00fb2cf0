"""The places that are asked for: lists of sizes, locations, zones and priorities, and what each place must offer."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, ValidationInfo

from vmops.spec.parts.machine import DiskType, Machine
from vmops.spec.rules import hardware, related, values
from vmops.spec.target import WaitOptions, choice, derived_default

Prefer = Literal["order", "price"]

_BOTH, _PRIORITIES = "SpotThenRegular", ("Regular", "Spot")
_ANY, _ZONES = "any", ("1", "2", "3")


def _locations(value: object, info: ValidationInfo) -> tuple[str, ...]:
    """Return locations; the local cloud has a default."""
    found = [related.location(each, info) for each in (values.items(value) if value is not None else (None,))]
    if None in found:
        raise ValueError("is required: VMOPS_LOCATION sets one for all calls")
    return _once([each for each in found if each])


def _sizes(value: object) -> tuple[str, ...]:
    return _once([hardware.vm_size(each) for each in values.items(value)])


def _zones(value: object) -> tuple[str | None, ...]:
    """Return zones, all of them for ``any``; None stands for a regional VM, without a zone."""
    if value is None:
        return (None,)
    return _ZONES if value == _ANY else _once([hardware.zone(each) for each in values.items(value)])


def _priorities(value: object) -> tuple[str, ...]:
    """Return priorities; ``SpotThenRegular`` means both."""
    if value == _BOTH:
        return ("Spot", "Regular")
    return _once([values.one_of(*_PRIORITIES)(each) for each in values.items(value)])


def _once(found: list[str]) -> tuple[str, ...]:
    if not found:
        raise ValueError("is an empty list")
    return tuple(dict.fromkeys(found))


def _default(name: str) -> str:
    return str(Machine.model_fields[name].default)


class Wish(WaitOptions):
    """The places that are asked for. Each field is a word, or a list in order of preference."""

    subscription: Annotated[str, BeforeValidator(related.subscription)] = derived_default()
    location: Annotated[tuple[str, ...], BeforeValidator(_locations)] = derived_default()
    vm_size: Annotated[tuple[str, ...], BeforeValidator(_sizes)] = (_default("vm_size"),)
    zone: Annotated[tuple[str | None, ...], BeforeValidator(_zones)] = (None,)
    priority: Annotated[tuple[str, ...], BeforeValidator(_priorities)] = (_default("priority"),)
    os_disk_type: Annotated[DiskType, choice(DiskType)] = "StandardSSD_LRS"
    data_disks: Annotated[tuple[int, ...], BeforeValidator(hardware.data_disks)] = ()
    public_ip: Annotated[bool, BeforeValidator(values.boolean)] = True
    prefer: Annotated[Prefer, choice(Prefer)] = "order"
