"""Rules for names: of VMs, groups, networks, locations, subscriptions and tags."""

import re
from uuid import UUID

from vmops.spec.names import OWN_TAGS
from vmops.spec.rules.values import pairs, text

_VM_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_])?")
_GROUP_NAME = re.compile(r"[-\w.()]{0,89}[-\w()]")
_NETWORK_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?")
_LOCATION = re.compile(r"[a-z][a-z0-9]*")
# The most tags of a resource, and how many of them the user may set. Source: Azure Resource Manager, tag-resources.
MAX_TAGS = 50
MAX_USER_TAGS = MAX_TAGS - len(OWN_TAGS)
_RESERVED_TAGS = ("vmops-", "microsoft", "azure", "windows")


def vm_name(value: object) -> str:
    """Check the name of a Linux VM, from which the names of its resources are derived.

    Source: resource-name-rules, Microsoft.Compute/virtualMachines and, for the derived names, Microsoft.Network.
    """
    if not _VM_NAME.fullmatch(name := text(value)):
        raise ValueError(
            f"{name!r} is not a VM name (1 to 64 letters, digits, '.', '_' and '-'; "
            "first a letter or digit, last a letter, digit or '_')"
        )
    return name


def group_name(value: object) -> str:
    """Check the name of a resource group. Source: resource-name-rules, Microsoft.Resources/resourcegroups."""
    if not _GROUP_NAME.fullmatch(name := text(value)):
        raise ValueError(
            f"{name!r} is not a resource group name (1 to 90 letters, digits, '_', '-', '.', '(' and ')'; last not '.')"
        )
    return name


def network_name(value: object, role: str) -> str:
    """Check the name of a network, subnet or security_group: the first has 2 to 64 characters.

    Source: resource-name-rules, Microsoft.Network.
    """
    shortest, longest = (2, 64) if role == "network" else (1, 80)
    if not _NETWORK_NAME.fullmatch(name := text(value)) or not shortest <= len(name) <= longest:
        raise ValueError(
            f"{name!r} is not a name for a {role.replace('_', ' ')} ({shortest} to {longest} letters, digits, '.', '_' "
            "and '-'; first a letter or digit, last a letter, digit or '_')"
        )
    return name


def subscription(value: object) -> str:
    """Check a subscription id, a UUID. Source: ARM common-types, subscriptionId."""
    try:
        return str(UUID(text(value)))
    except ValueError:
        raise ValueError(f"{value!r} is not a subscription id (a UUID)") from None


def location(value: object) -> str:
    """Return a region's name from its name or display name: "West US 2" is westus2. ARM knows which exist."""
    if not _LOCATION.fullmatch(name := text(value).replace(" ", "").lower()):
        raise ValueError(f"{value!r} is not a location (letters and digits, such as westus2)")
    return name


def tags(value: object) -> dict[str, str]:
    """Check a user's tags: no two names may differ only in case.

    Source: Azure Resource Manager, tag-resources, limitations.
    """
    result = pairs(value)
    if len(result) > MAX_USER_TAGS:
        raise ValueError(f"{len(result)} tags are more than {MAX_USER_TAGS}")
    if len({name.lower() for name in result}) < len(result):
        raise ValueError(f"{', '.join(sorted(result))} has two names that differ only in case")
    for name, content in result.items():
        _check_tag(name, content)
    return result


def _check_tag(name: str, content: str) -> None:
    if name.lower().startswith(_RESERVED_TAGS):
        raise ValueError(f"{name!r} begins with a reserved word ({', '.join(_RESERVED_TAGS)})")
    if len(name) > 512 or set(name) & set("<>%&\\?/"):
        raise ValueError(f"{name!r} is not a tag's name (at most 512 characters, none of <>%&\\?/)")
    if len(content) > 256:
        raise ValueError(f"{name!r} has a value of more than 256 characters")
