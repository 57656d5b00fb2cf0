"""Rules for the ARM ids of external resources."""

from itertools import zip_longest

from vmops.spec.rules.values import text

SUBNET = "Microsoft.Network/virtualNetworks/subnets"


def arm_id(value: object, *kinds: str) -> str:
    """Check that an id has one of these types; give it in ARM's case, except for the names in it.

    Source: Azure Resource Manager, resource ids: /subscriptions/S/resourceGroups/G/providers/TYPE/NAME, where each
    further type is followed by its name. Compared without case.
    """
    given = text(value).rstrip("/")
    for kind in kinds:
        if spelled := _spelled(given, kind):
            return spelled
    raise ValueError(f"{given!r} is not the id of a resource of the type {' or '.join(kinds)} ({_form(kinds[0])})")


def subscription_of(resource_id: str) -> str:
    """Give the subscription in a resource's id, in lower case."""
    return resource_id.lower().split("/")[2]


def subnet_id(value: object, subscription: str | None) -> str:
    """Check a subnet's id. An interface can only be attached to a subnet in its own subscription.

    Source: Azure documentation, create, change, or delete a network interface: location and subscription of the
    interface and of its virtual network are the same.
    """
    resource_id = arm_id(value, SUBNET)
    if subscription and subscription_of(resource_id) != subscription:
        raise ValueError(f"{resource_id!r} lies in another subscription than the VM, {subscription}")
    return resource_id


def _form(kind: str) -> str:
    """Write a resource id as a pattern, with capitals for the names."""
    provider, *types = kind.split("/")
    return f"/subscriptions/S/resourceGroups/G/providers/{provider}" + "".join(f"/{each}/NAME" for each in types)


def _spelled(given: str, kind: str) -> str:
    """Write an id in the case of its pattern; empty if it does not match."""
    pairs = list(zip_longest(given.split("/"), _form(kind).split("/"), fillvalue=""))
    named = [word for word, form in pairs if form in ("S", "G", "NAME")]
    fits = all(word.lower() == form.lower() for word, form in pairs if form not in ("S", "G", "NAME"))
    return "/".join(word if form in ("S", "G", "NAME") else form for word, form in pairs) if fits and all(named) else ""
