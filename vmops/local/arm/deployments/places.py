"""The target of a deployment, and the ids of resources relative to it.

Source: Microsoft's page on the resource functions of templates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vmops.local.arm.data.tenant import TENANT
from vmops.local.arm.deployments.expression import TemplateError
from vmops.local.arm.state.resource import Json
from vmops.local.arm.state.resource_id import ResourceId

_GROUPS = "microsoft.resources/resourcegroups"


@dataclass(frozen=True, slots=True)
class Place:
    """The resource group of a deployment, and the deployment's name."""

    home: ResourceId
    body: Json
    name: str

    @property
    def group(self) -> Json:
        """The resource group, as ``resourceGroup()`` returns it."""
        return self.body | {"type": "Microsoft.Resources/resourceGroups"}

    @property
    def subscription(self) -> Json:
        """The subscription, as ``subscription()`` returns it."""
        name = self.home.subscription
        return {"id": f"/subscriptions/{name}", "subscriptionId": name, "tenantId": TENANT, "displayName": "local"}

    @property
    def deployment(self) -> Json:
        """The deployment, as ``deployment()`` returns it, without the template."""
        return {"name": self.name, "properties": {"mode": "Incremental", "provisioningState": "Accepted"}}


def resource_id(place: Place, given: Sequence[Any]) -> str:
    """Give the id of a resource; subscription and group may come before the type, names follow it."""
    before, kind, names = _cut("resourceId", given, 2)
    group = before[-1] if before else place.home.group
    subscription = before[0] if len(before) > 1 else place.home.subscription
    if kind.lower() == _GROUPS:
        return f"/subscriptions/{subscription}/resourceGroups/{names[0]}"
    return f"{ResourceId(subscription, group)}/{within(kind, names)}"


def subscription_resource_id(place: Place, given: Sequence[Any]) -> str:
    """Give the id of a subscription's own resource; a subscription may come before the type, names follow it."""
    before, kind, names = _cut("subscriptionResourceId", given, 1)
    return f"/subscriptions/{before[0] if before else place.home.subscription}/{within(kind, names)}"


def within(kind: str, names: Sequence[str]) -> str:
    """Give the part of an id from ``providers`` on."""
    provider, *types = kind.split("/")
    return "/".join(["providers", provider, *(step for pair in zip(types, names, strict=True) for step in pair)])


def _cut(function: str, given: Sequence[Any], most: int) -> tuple[list[str], str, list[str]]:
    """Find the type among the arguments: the first with a slash in it."""
    texts = [each for each in given if isinstance(each, str) and each]
    at = next((number for number, text in enumerate(texts) if "/" in text), most + 1)
    if len(texts) < len(given) or at > most:
        raise TemplateError(
            f"Unable to evaluate template language function '{function}': the type of resource is missing, or an "
            "argument is no text. Please see https://aka.ms/arm-resource-functions/#resourceid for usage details."
        )
    kind, names = texts[at], texts[at + 1 :]
    wanted = kind.count("/")
    if wanted != len(names):
        raise TemplateError(
            f"Unable to evaluate template language function '{function}': the type '{kind}' requires '{wanted}' "
            "resource name argument(s). Please see https://aka.ms/arm-resource-functions/#resourceid for usage details."
        )
    return texts[:at], kind, names
