"""The requested places: lists of sizes, locations, zones and priorities, and the requirements on each place."""

from typing import Annotated

from pydantic import BeforeValidator, ValidationInfo

from vmops.spec.parts.machine import DiskType, Machine
from vmops.spec.parts.placement import Prefer
from vmops.spec.rules import hardware, places, related, values
from vmops.spec.target import WaitOptions, choice, derived_default


def _locations(value: object, info: ValidationInfo) -> tuple[str, ...]:
    """Return locations; the local cloud has a default one."""
    if found := related.location(None, info) if value is None else None:
        return (found,)
    if value is None:
        raise ValueError("is required: VMOPS_LOCATION sets one for all calls")
    return places.locations(value)


def _zones(value: object) -> tuple[str | None, ...]:
    """Return zones; None means the location as a whole."""
    return (None,) if value is None else places.zones(value)


def _default(name: str) -> str:
    return str(Machine.model_fields[name].default)


class PlaceRequest(WaitOptions):
    """The requested places. Each field is a word, or a list in order of preference."""

    subscription: Annotated[str, BeforeValidator(related.subscription)] = derived_default()
    location: Annotated[tuple[str, ...], BeforeValidator(_locations)] = derived_default()
    vm_size: Annotated[tuple[str, ...], BeforeValidator(places.sizes)] = (_default("vm_size"),)
    zone: Annotated[tuple[str | None, ...], BeforeValidator(_zones)] = (None,)
    priority: Annotated[tuple[str, ...], BeforeValidator(places.priorities)] = (_default("priority"),)
    os_disk_type: Annotated[DiskType, choice(DiskType)] = "StandardSSD_LRS"
    data_disks: Annotated[tuple[int, ...], BeforeValidator(hardware.data_disks)] = ()
    public_ip: Annotated[bool, BeforeValidator(values.boolean)] = True
    prefer: Annotated[Prefer, choice(Prefer)] = "order"
