"""What a machine requires of its guest, and how the guest's end changes the machine.

The guest's record is in the machine's ``hidden`` under GUEST: how many starts Azure has requested, how many times it
got new hardware, the port where it was last reached, and, until its first start, its sealed custom data.
"""

import math
import socket

from vmops.local.arm.data.sizes import SIZES
from vmops.local.arm.faults.rules import Rules
from vmops.local.arm.models.compute.instance_view import image_of
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json, Resource
from vmops.local.guests.protocol import Fault, Seen, Wanted

GUEST = "guest"

_MACHINE = "Microsoft.Compute/virtualMachines"
_CUSTOM_DATA = "customData"
_ITS_OWN = frozenset({"poweroff", "killed"})
"""Ends that a guest has caused itself: its machine is stopped then, and still billed. Any other end counts as a power
failure, after which the guest boots again.
"""


def keep_custom_data(cloud: Cloud, machine: Resource, given: str) -> None:
    """Store the custom data, in base64, for the first boot."""
    if cloud.has_guests and given:
        machine.hidden[GUEST] = _known(machine) | {_CUSTOM_DATA: cloud.seal.close({_CUSTOM_DATA: given})}


def boot(machine: Resource, *, force: bool = False) -> None:
    """Have a guest boot again; with ``force``, without asking running processes to end."""
    known = _known(machine)
    machine.hidden[GUEST] = known | {"boot": known.get("boot", 0) + 1, "force": force}


def leave_hardware(machine: Resource) -> None:
    """Have a guest lose its temporary disk, because it leaves its hardware."""
    known = _known(machine)
    machine.hidden[GUEST] = known | {"allocation": known.get("allocation", 0) + 1}


def stop(machine: Resource, *, force: bool) -> None:
    """Have a guest end; with ``force``, without asking it."""
    machine.hidden[GUEST] = _known(machine) | {"force": force}


def wanted(cloud: Cloud) -> list[Wanted]:
    """Give the guests that the machines want: one for each Linux machine with a login."""
    rules = Rules(cloud)
    return [_wanted(cloud, machine, rules) for machine in machines(cloud) if _known(machine).get("boot")]


def machines(cloud: Cloud) -> list[Resource]:
    """List the machines that can have guests."""
    with cloud.store.seen_until(math.inf):
        return [each for each in cloud.store.of_type(_MACHINE) if _has_linux(each)]


def learn(cloud: Cloud, seen: list[Seen]) -> None:
    """Update machines from their guests: record ports, and stop the machine of a guest that has ended by itself."""
    found = {each.vm_id: each for each in seen}
    for machine in machines(cloud):
        guest = found.get(machine.properties["vmId"])
        if guest and _has_learnt(cloud, machine, guest):
            cloud.store.save(machine)


def port_of(cloud: Cloud, machine: Resource) -> int:
    """Give the port of a guest: it is chosen before the boot, so that the machine's creator knows it."""
    known = _known(machine)
    if not known.get("port"):
        with socket.create_server(("127.0.0.1", 0)) as any_port:
            machine.hidden[GUEST] = known | {"port": any_port.getsockname()[1]}
        cloud.store.save(machine)
    return int(_known(machine)["port"])


def log_in_as(machine: Resource) -> str:
    """Give the name of the user who logs in."""
    return str(machine.properties["osProfile"]["adminUsername"])


def _has_learnt(cloud: Cloud, machine: Resource, seen: Seen) -> bool:
    """Write what is new into a machine; tell whether anything is."""
    known, power = dict(_known(machine)), machine.hidden["power"]
    known["port"] = seen.port
    known["silent"] = seen.state == "up" and not seen.ready and _fault(Rules(cloud), machine).name == "guest-panics"
    if seen.state == "up":
        known.pop(_CUSTOM_DATA, None)
    ended = seen.state == "down" and seen.why in _ITS_OWN and seen.boot == known["boot"]
    if ended and power == "running" and cloud.store.running(machine.id) is None:
        machine.hidden["power"] = "stopped"
    if (known, power) == (_known(machine), machine.hidden["power"]):
        return False
    machine.hidden[GUEST] = known
    return True


def _wanted(cloud: Cloud, machine: Resource, rules: Rules) -> Wanted:
    port = port_of(cloud, machine)
    profile, known = machine.properties["osProfile"], _known(machine)
    linux, size = profile["linuxConfiguration"], machine.properties["hardwareProfile"]["vmSize"]
    open_to_passwords = not linux["disablePasswordAuthentication"]
    return Wanted(
        machine.properties["vmId"],
        _is_up(machine),
        known["boot"],
        profile["computerName"],
        log_in_as(machine),
        tuple(key["keyData"] for key in linux.get("ssh", {}).get("publicKeys", ())),
        machine.hidden["secrets"].get("adminPassword", "") if open_to_passwords else "",
        _custom_data(cloud, known),
        SIZES[size.lower()].cores,
        known.get("allocation", 0),
        port,
        known["force"],
        _fault(rules, machine),
    )


def _is_up(machine: Resource) -> bool:
    """Tell whether a guest is to be up: also while its machine starts, unless that start is to fail."""
    power = machine.hidden["power"]
    return power == "running" or (power == "starting" and machine.hidden.get("bound") == "running")


def _custom_data(cloud: Cloud, known: Json) -> str:
    """Open the custom data; empty if another cloud has sealed it."""
    opened = cloud.seal.open(known[_CUSTOM_DATA]) if _CUSTOM_DATA in known else None
    return str(opened[_CUSTOM_DATA]) if opened else ""


def _fault(rules: Rules, machine: Resource) -> Fault:
    return Fault(*rules.of_guest(str(machine.id)))


def _has_linux(machine: Resource) -> bool:
    image = image_of(machine)
    return bool(image and image.system == "Linux" and "linuxConfiguration" in machine.properties.get("osProfile", {}))


def _known(machine: Resource) -> Json:
    known: Json = machine.hidden.get(GUEST, {})
    return known
