"""The order in which a template's resources are made, by declared dependencies and by references.

Source: Microsoft's page on the order of deploying resources, which has both kinds of dependency.
"""

from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

from vmops.local.arm.deployments.evaluation import UNKNOWN, Reference, Scope, evaluate
from vmops.local.arm.deployments.expression import TemplateError
from vmops.local.arm.deployments.places import Place
from vmops.local.arm.deployments.template import Declared, Template, read
from vmops.local.arm.deployments.values import found
from vmops.local.arm.state.resource import Json


class Names:
    """The resources of a template by every name that they may have, in any case.

    Such a name is a complete id, an id from the provider on, a type and a name, or a name. The name of a loop stands
    for all its resources.
    """

    def __init__(self, resources: list[Declared]) -> None:
        self._named: dict[str, list[Declared]] = {}
        self._loops: dict[str, list[Declared]] = {}
        for each in resources:
            self._loops.setdefault(each.loop.lower(), []).append(each)
            for name in {each.id.strip("/"), each.id.rpartition("/providers/")[2], each.title, each.name}:
                self._named.setdefault(name.lower(), []).append(each)

    def find(self, named: str) -> Declared | None:
        """Return the resource of that name; raises `TemplateError` if there are several."""
        there = self._named.get(named.strip("/").lower(), [])
        if len(there) > 1:
            raise TemplateError(
                f"The resource '{named}' is ambiguous: the template has several of that name, name its type too. "
                "Please see https://aka.ms/arm-template for usage details."
            )
        return there[0] if there else None

    def awaited(self, named: str) -> list[Declared]:
        """Return the resources of a dependency: those of a loop, or one; raises `TemplateError`."""
        if named and named.lower() in self._loops:
            return self._loops[named.lower()]
        there = self.find(named)
        if there is None:
            raise undefined(named)
        return [there]


@dataclass(frozen=True)
class Plan:
    """An ordered template: the wanted resources by id in lower case, and the ids that each waits for.

    ``locations`` are those that are known before anything is made.
    """

    template: Template
    names: Names
    resources: dict[str, Declared]
    needs: dict[str, set[str]]
    locations: dict[str, str]


def plan(template: Json, given: Json, place: Place) -> Plan:
    """Read a template and order its resources; raises `TemplateError`."""
    try:
        return _planned(read(template, given, place))
    except RecursionError:
        raise TemplateError("The template is nested too deep.") from None


def _planned(template: Template) -> Plan:
    _require_distinct(template.resources)
    planned = Plan(template, Names(template.resources), {}, {}, {})
    for each in template.resources:
        if each.wanted:
            _add(planned, each)
    _require_order(planned)
    for name in template.declared_outputs:
        template.output(name, _looking(template.scope, planned.names, set()))
    return planned


def _add(planned: Plan, resource: Declared) -> None:
    """Add a resource, with what it waits for."""
    key = resource.id.lower()
    planned.resources[key] = resource
    seen = planned.needs[key] = {
        each.id.lower() for name in resource.after for each in planned.names.awaited(name) if each.wanted
    }
    body = evaluate(resource.body, _looking(resource.scope, planned.names, seen))
    location = found(body, "location")
    if isinstance(location, str):
        planned.locations[key] = location


def _looking(scope: Scope, names: Names, seen: set[str]) -> Scope:
    """Give a scope in which references are unknown, and are recorded if they stay within the template."""

    def reference(named: str, version: str, _whole: bool) -> Any:
        inside = names.find(named)
        if inside and inside.wanted:
            seen.add(inside.id.lower())
        elif not (version and named.startswith("/")):
            raise undefined(named)
        return UNKNOWN

    note: Reference = reference
    return replace(scope, reference=note)


def _require_distinct(resources: list[Declared]) -> None:
    seen: set[str] = set()
    for each in resources:
        if each.id.lower() in seen:
            raise TemplateError(
                f"The resource '{each.title}' is defined multiple times in a template. "
                "Please see https://aka.ms/arm-template/#resources for usage details."
            )
        seen.add(each.id.lower())


def _require_order(planned: Plan) -> None:
    try:
        TopologicalSorter(planned.needs).prepare()
    except CycleError as circle:
        raise TemplateError(
            f"Circular dependency detected on resource: '{planned.resources[circle.args[1][0]].id}'. "
            "Please see https://aka.ms/arm-template/#resources for usage details."
        ) from None


def undefined(named: str) -> TemplateError:
    """Give the error for a resource that the template does not define."""
    return TemplateError(
        f"The resource '{named}' is not defined in the template. "
        "Please see https://aka.ms/arm-template for usage details."
    )
