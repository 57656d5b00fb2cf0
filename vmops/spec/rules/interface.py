"""Rules for a network interface: acceleration, private address, and where its security group is attached."""

import ipaddress
from typing import Literal, get_args

from pydantic import ValidationInfo

from vmops.spec.rules.values import boolean, one_of, text

Acceleration = Literal["true", "false", "auto"]
Guarded = Literal["nic", "subnet", "both"]


def acceleration(value: object) -> str:
    """Return true, false or auto as a word."""
    if str(value).strip().lower() == "auto":
        return "auto"
    try:
        return str(boolean(value)).lower()
    except ValueError:
        raise ValueError(f"{value!r} is not true, false or auto") from None


def guarded(value: object, info: ValidationInfo) -> str:
    """Refuse a security group on an external subnet."""
    on = one_of(*get_args(Guarded))(value)
    if on != "nic" and info.data.get("subnet_id"):
        raise ValueError(f"{on!r}: the subnet of subnetId is not changed")
    return on


def private_address(value: object, info: ValidationInfo) -> str:
    """Check that a private address is in the subnet, if that is ours.

    Azure reserves its first four addresses and its last.

    Source: Azure virtual network FAQ.
    """
    try:
        address = ipaddress.IPv4Address(text(value))
    except ValueError:
        raise ValueError(f"{value!r} is not an IPv4 address") from None
    prefix = None if info.data.get("subnet_id") else info.data.get("subnet_prefix")
    if prefix and not _has(ipaddress.IPv4Network(prefix), address):
        raise ValueError(
            f"{str(address)!r} is not an address for a VM in subnetPrefix {prefix} (the 5th to the last but one)"
        )
    return str(address)


def _has(subnet: ipaddress.IPv4Network, address: ipaddress.IPv4Address) -> bool:
    return int(subnet[4]) <= int(address) < int(subnet[-1])
