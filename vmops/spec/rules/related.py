"""Rules for combinations of parameters, and defaults that depend on other parameters.

``info.data`` contains the valid parameters that precede this one in the spec. Invalid ones are never compared.
"""

from collections.abc import Callable

from pydantic import SecretStr, ValidationInfo

from vmops.spec import names
from vmops.spec.rules import arm_ids, hardware, images, login, naming, network

_LOCAL_SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
_LOCAL_LOCATION = "westus2"
_UBUNTU = "24.04-LTS"


def _is_local(info: ValidationInfo) -> bool:
    return bool(info.data.get("cloud", "local") == "local")


def _vm_name(info: ValidationInfo) -> str:
    return str(info.data.get("vm_name", "vm"))


def subscription(value: object, info: ValidationInfo) -> str:
    """Require a subscription on a real cloud; the local Azure has a default one."""
    if value is None and not _is_local(info):
        raise ValueError(f"is required on the cloud {info.data['cloud']!r}")
    return naming.subscription(_LOCAL_SUBSCRIPTION if value is None else value)


def resource_group(value: object, info: ValidationInfo) -> str:
    """Use a resource group of the VM's own if none is named."""
    return naming.group_name(names.default_group(_vm_name(info)) if value is None else value)


def named(role: str) -> Callable[[object, ValidationInfo], str]:
    """Use a network, subnet or security_group of the VM's own if none is named."""

    def name(value: object, info: ValidationInfo) -> str:
        return naming.network_name(names.default_name(role, _vm_name(info)) if value is None else value, role)

    return name


def subnet_id(value: object, info: ValidationInfo) -> str:
    """Require that an existing subnet is in the VM's subscription."""
    return arm_ids.subnet_id(value, info.data.get("subscription"))


def location(value: object, info: ValidationInfo) -> str | None:
    """Leave a missing location to the existing network or resource group, except on the local Azure."""
    if value is None:
        return _LOCAL_LOCATION if _is_local(info) and not info.data.get("subnet_id") else None
    return naming.location(value)


def image(value: object, info: ValidationInfo) -> images.Image:
    """Choose the default image for the size's processor architecture."""
    if isinstance(value, images.Image):
        return value
    return images.image(_UBUNTU if value is None else value, arm64=hardware.is_arm64(info.data.get("vm_size", "")))


def credential(value: object, info: ValidationInfo) -> SecretStr | None:
    """Require a password for a password login, unless the VM's stays. A missing SSH key is made later."""
    by_password = info.data.get("authentication_type") == "password"
    if value is not None:
        return SecretStr(login.password(value) if by_password else login.public_key(value))
    if by_password and "adminPasswordOrKey" not in (info.context or {}).get("kept", ()):
        raise ValueError("is required where authenticationType is password")
    return None


def subnet_prefix(value: object, info: ValidationInfo) -> str:
    """Keep the subnet inside its network; by default it is the first /24, a fleet's the first /20."""
    outer, longest = info.data.get("address_prefix", "0.0.0.0/0"), 24 if info.data.get("vm_count") is None else 20
    inner = network.first_subnet(outer, longest) if value is None else network.network(value)
    if not network.inside(inner, outer):
        raise ValueError(f"{inner!r} lies outside addressPrefix {outer}")
    return inner


def sources(value: object, info: ValidationInfo) -> tuple[str, ...]:
    """Require allowed sources for open ports; on the local Azure the default is everybody."""
    given = network.sources(() if value is None else value)
    if given or not info.data.get("vm_ports"):
        return given
    if value is None and _is_local(info):
        return ("*",)
    raise ValueError("is required where ports are open (addresses, CIDRs, or '*' for everybody)")


def dns_label(value: object, info: ValidationInfo) -> str:
    """Allow a DNS label only with a public address."""
    label = network.dns_label(value)
    if not info.data.get("public_ip", True):
        raise ValueError(f"{label!r} needs publicIp")
    return label


def max_price(value: object, info: ValidationInfo) -> float:
    """Allow a price only for a Spot VM."""
    price = hardware.max_price(value)
    _need_spot(value, info)
    return price


def eviction_policy(value: object, info: ValidationInfo) -> str | None:
    """Set what happens to a Spot VM on eviction: deallocate it by default."""
    if value is None:
        return "Deallocate" if _may_be_spot(info) else None
    _need_spot(value, info)
    return hardware.eviction_policy(value)


def _need_spot(value: object, info: ValidationInfo) -> None:
    if not _may_be_spot(info):
        raise ValueError(f"{value!r} needs priority Spot")


def _may_be_spot(info: ValidationInfo) -> bool:
    """Tell whether Spot is among the requested priorities; an invalid priority counts as Spot."""
    asked = (info.context or {}).get("lists", {}).get("priority") or (info.data.get("priority", "Spot"),)
    return "Spot" in asked
