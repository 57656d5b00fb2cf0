"""What a provision would destroy of an existing VM."""

from collections.abc import Iterator, Mapping
from typing import Any

from vmops.deploy.replacement import replacing
from vmops.deploy.survey import data_disks
from vmops.jobs.operation import Operation
from vmops.ops.remembered import Asked

Machine = Mapping[str, Any]


def losses(machine: Machine, asked: Asked, latest: Operation | None) -> list[str]:
    """Describe the losses, from the VM in ARM and from the HMACs of its secrets in the records."""
    return list(_losses(machine, asked, latest))


def _losses(machine: Machine, asked: Asked, latest: Operation | None) -> Iterator[str]:
    spec = asked.spec
    why = [*(each.parameter for each in replacing(machine, spec)), *other_secrets(asked, latest)]
    there = {lun: disk.get("name") for lun, disk in data_disks(machine).items()}
    own = {lun: name for lun, name in there.items() if name == spec.disk_name(lun)}
    if why:
        lost = [spec.name_of("os_disk"), *(() if spec.has_separate_disks else own.values())]
        yield f"{spec.machine_name} is replaced because of {', '.join(dict.fromkeys(why))}, and loses {', '.join(lost)}"
        return
    for lun, name in own.items():
        if lun >= len(spec.data_disks):
            yield f"{name} is detached, and still paid for"


def other_secrets(asked: Asked, latest: Operation | None) -> Iterator[str]:
    """Name the given secrets that differ from those of the last request; none if those are unknown."""
    known = latest.secrets if latest and latest.given else None
    for name in asked.spec.secrets:
        if known is not None and known.get(name) != asked.secrets[name]:
            yield name
