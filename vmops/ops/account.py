"""The result of a deployment that succeeded, as a wait returns it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vmops.core import keys, times
from vmops.jobs.operation import Operation, Verb
from vmops.ops.prices import Prices
from vmops.ssh.way_in import PORT, ssh_command


def account(state_dir: Path, operation: Operation) -> dict[str, Any]:
    """Describe a deployment that succeeded; times are in seconds since the epoch, and in ISO 8601 beside that."""
    return {
        "operation": operation.id,
        "verb": str(operation.verb),
        "startTime": operation.created,
        "endTime": operation.ended,
        "startedAt": times.utc_or_none(operation.created),
        "endedAt": times.utc_or_none(operation.ended),
        "seconds": operation.seconds,
        **operation.outputs,
        **_way_in(state_dir, operation),
        **_price(state_dir, operation),
        **_members(state_dir, operation),
    }


def _members(state_dir: Path, operation: Operation) -> dict[str, Any]:
    """Give for each member of a fleet what is given for a VM: its price, and how to log in."""
    if "members" not in operation.outputs:
        return {}
    prices, user = Prices(state_dir), operation.outputs["adminUsername"]
    key = keys.existing_ssh_key_file(state_dir, operation.stack)

    def told(member: Mapping[str, Any]) -> dict[str, Any]:
        price = prices.told(operation.cloud, *(member[name] for name in ("location", "vmSize", "priority")))
        ssh = ssh_command(member["sshHost"], member["sshPort"], user, key)
        return {**member, "pricePerHour": price["pricePerHour"], "ssh": ssh}

    return {"members": [told(each) for each in operation.outputs["members"]]}


def _price(state_dir: Path, operation: Operation) -> dict[str, Any]:
    """Give what a VM costs. A record of an earlier version has no size, so its price is unknown."""
    if operation.verb is not Verb.PROVISION:
        return {}
    place = (operation.outputs.get(name) for name in ("location", "vmSize", "priority"))
    return Prices(state_dir).told(operation.cloud, *place)


def _way_in(state_dir: Path, operation: Operation) -> dict[str, Any]:
    """Give where SSH answers, and the shell command that logs in.

    The command names the key if vmops made it on this host. Records of an earlier version do not say where SSH answers.
    """
    outputs = operation.outputs
    address = outputs.get("sshHost") or outputs.get("publicIp") or outputs.get("privateIp")
    if not address:
        return {}
    port, key = outputs.get("sshPort", PORT), keys.existing_ssh_key_file(state_dir, operation.stack)
    command = ssh_command(address, port, outputs["adminUsername"], key)
    return {"sshHost": address, "sshPort": port, "ssh": command}
