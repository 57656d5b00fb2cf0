"""Rules for networks, ports, allowed sources and DNS labels."""

import ipaddress
import itertools
import re

from vmops.spec.rules.values import items, text, within

_DNS_LABEL = re.compile(r"[a-z][a-z0-9-]{1,61}[a-z0-9]")
_SERVICE_TAG = re.compile(r"\*|[A-Za-z][A-Za-z0-9]*(?:\.[A-Za-z0-9]+)*")


def ports(value: object) -> tuple[int, ...]:
    """Return ports in order, from a list, from "22,80", or from one number."""
    numbers = sorted(within(port, 1, 65535, "a port (1 to 65535)") for port in items(value))
    if twice := [port for port, following in itertools.pairwise(numbers) if port == following]:
        raise ValueError(f"{twice[0]} is given twice")
    return tuple(numbers)


def sources(value: object) -> tuple[str, ...]:
    """Return the allowed sources in a fixed order: addresses and CIDRs, or only "*" or one service tag.

    Source: network REST reference, SecurityRule: sourceAddressPrefix takes "*" and tags, sourceAddressPrefixes CIDRs.
    """
    prefixes = [text(item) for item in items(value)]
    if len(prefixes) == 1 and _SERVICE_TAG.fullmatch(prefixes[0]):
        return (prefixes[0],)
    return tuple(sorted({_cidr(prefix) for prefix in prefixes}))


def _cidr(prefix: str) -> str:
    try:
        return str(ipaddress.ip_network(prefix, strict=False))
    except ValueError:
        raise ValueError(f"{prefix!r} is not an address or CIDR, nor a '*' or service tag that stands alone") from None


def network(value: object) -> str:
    """Check an IPv4 network of /2 to /29, for a subnet's addresses or a virtual network's.

    Source: Azure virtual network FAQ, "How small and how large can virtual networks and subnets be?"
    """
    try:
        prefix = ipaddress.IPv4Network(text(value))
    except ValueError:
        prefix = ipaddress.IPv4Network("0.0.0.0/0")
    if not 2 <= prefix.prefixlen <= 29:
        raise ValueError(f"{value!r} is not an IPv4 network of /2 to /29 (such as 10.0.0.0/16)")
    return str(prefix)


def inside(prefix: str, outer: str) -> bool:
    """Tell whether an IPv4 network lies inside another."""
    return ipaddress.IPv4Network(prefix).subnet_of(ipaddress.IPv4Network(outer))


def first_subnet(prefix: str, length: int) -> str:
    """Return the first network of that prefix length in an IPv4 network, or all of a smaller one."""
    outer = ipaddress.IPv4Network(prefix)
    return str(next(outer.subnets(new_prefix=max(length, outer.prefixlen))))


def dns_label(value: object) -> str:
    """Check a public address's DNS label. Source: ARM's answer InvalidDomainNameLabel, which gives the expression."""
    if not _DNS_LABEL.fullmatch(label := text(value)):
        raise ValueError(
            f"{label!r} is not a DNS label (3 to 63 of a-z, 0-9 and '-'; first a letter, last a letter or digit)"
        )
    return label
