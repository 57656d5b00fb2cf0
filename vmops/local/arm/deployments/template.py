"""A template that is ready to run: its parameters and variables, its resources, and its outputs.

Source: Microsoft's page on the structure and syntax of templates.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from vmops.local.arm.deployments import parameters
from vmops.local.arm.deployments.evaluation import UNKNOWN, Scope, copies, count_of, evaluate
from vmops.local.arm.deployments.expression import TemplateError
from vmops.local.arm.deployments.places import Place, within
from vmops.local.arm.deployments.values import NONE, found, is_integer, type_of
from vmops.local.arm.state.resource import Json

_OURS = frozenset(
    {"apiversion", "type", "name", "comments", "condition", "copy", "dependson", "metadata", "resources", "scope"}
)
"""The properties of a template's resource that are not sent to the resource provider, in lower case."""
_NESTED = "microsoft.resources/deployments"
_PARTS = ("parameters", "variables", "outputs")
_HELP = "Please see https://aka.ms/arm-template/#resources for usage details."


@dataclass(frozen=True)
class Declared:
    """One resource of a template, with loops resolved: its id, its scope, and what it waits for.

    ``body`` is as written. ``after`` names others by id, name or loop.
    """

    id: str
    type: str
    name: str
    api_version: str
    body: Json
    scope: Scope
    wanted: bool = True
    after: tuple[str, ...] = ()
    loop: str = ""

    @property
    def title(self) -> str:
        """The resource's name in ARM's refusals."""
        return f"{self.type}/{self.name}"


@dataclass(frozen=True)
class Template:
    """A template with its parameters; ``parameters`` are as an answer shows them."""

    scope: Scope
    parameters: Json
    resources: list[Declared]
    declared_outputs: Json = field(default_factory=dict)

    def output(self, name: str, scope: Scope) -> Json:
        """Give an output by its name, empty if its condition is false; raises `TemplateError`."""
        words = self.declared_outputs[name]
        return {name: _output(name, words, scope)} if _wanted(words, scope) else {}


def read(template: Json, given: Json, place: Place) -> Template:
    """Read a template; raises `TemplateError`."""
    parts = {name: _mapping(template, name) for name in _PARTS}
    values = parameters.values_of(parts["parameters"], given, place)
    bare = Scope(place, values)
    scope = replace(bare, variable=_Variables(parts["variables"], bare))
    listed = found(template, "resources", [])
    if isinstance(listed, Mapping):
        raise TemplateError("Resources with symbolic names ('languageVersion' 2.0) are not known to the local Azure.")
    resources = [made for words in _objects(listed) for made in _declared(words, scope)]
    shown = parameters.shown(parts["parameters"], values)
    return Template(scope, shown, resources, parts["outputs"])


class _Variables:
    """The variables, each evaluated on its first use."""

    def __init__(self, declared: Mapping[str, Any], scope: Scope) -> None:
        self._declared = {name: part for name, part in declared.items() if name.lower() != "copy"}
        loops = found(declared, "copy", [])
        self._loops = {str(found(loop, "name")): loop for loop in _objects(loops)}
        self._scope, self._known, self._open = scope, dict[str, Any](), set[str]()

    def __call__(self, name: str) -> Any:
        """Return a variable by its name in any case."""
        key = name.lower()
        if key in self._open:
            raise TemplateError(f"The template variable '{name}' depends on itself.")
        if key not in self._known:
            self._open.add(key)
            self._known[key] = self._made(name)
            self._open.discard(key)
        return self._known[key]

    def _made(self, name: str) -> Any:
        scope = replace(self._scope, variable=self)
        loop = found(self._loops, name)
        if loop is not None:
            return copies(loop, name, scope)
        value = found(self._declared, name, NONE)
        if value is NONE:
            raise TemplateError(
                f"The template variable '{name}' is not found. "
                "Please see https://aka.ms/arm-template/#variables for usage details."
            )
        return evaluate(value, scope)


def _declared(words: Json, scope: Scope, around: tuple[str, str] = ("", "")) -> Iterator[Declared]:
    """Give the resources of one entry: one for each iteration of its loop, and those nested in it."""
    loop = found(words, "copy")
    if loop is None:
        yield from _one(words, scope, around)
        return
    named = evaluate(found(loop, "name"), scope) if isinstance(loop, Mapping) else None
    if not isinstance(named, str):
        raise TemplateError(
            "A copy of a resource has a 'name' and a 'count'. Please see https://aka.ms/arm-copy for usage details."
        )
    batch = _batch(loop)
    turns = [list(_one(words, scope.within(named, at, inner=True), around)) for at in range(count_of(loop, scope))]
    for at, turn in enumerate(turns):
        start = at - at % batch if batch else 0
        before = tuple(each.id for earlier in turns[max(0, start - batch) : start] for each in earlier)
        yield from (replace(each, after=each.after + before, loop=each.loop or named) for each in turn)


def _batch(loop: Mapping[str, Any]) -> int:
    """Return how many iterations of a loop are made at once; 0 for all of them."""
    mode, size = str(found(loop, "mode", "parallel")).lower(), found(loop, "batchSize", 1)
    if mode not in ("parallel", "serial") or not is_integer(size) or size < 1:
        raise TemplateError("The mode of a copy is 'parallel' or 'serial', and its batchSize a positive integer.")
    return int(size) if mode == "serial" else 0


def _one(words: Json, scope: Scope, around: tuple[str, str]) -> Iterator[Declared]:
    kind, name, version = (_text(words, key, scope) for key in ("type", "name", "apiVersion"))
    kind, name = "/".join(filter(None, (around[0], kind))), "/".join(filter(None, (around[1], name)))
    wanted, after = _wanted(words, scope), found(words, "dependsOn", [])
    _require_segments(kind, name)
    rid = f"{_scope_of(words, scope)}/{within(kind, name.split('/'))}"
    waits = tuple(str(evaluate(each, scope)) for each in (after if isinstance(after, list) else [after]))
    body = {key: part for key, part in words.items() if key.lower() not in _OURS}
    runtime = replace(scope, reference=None)
    yield Declared(rid, kind, name, version, body, runtime, wanted, waits)
    for child in _objects(found(words, "resources", [])):
        yield from (replace(each, wanted=wanted and each.wanted) for each in _declared(child, scope, (kind, name)))


def _scope_of(words: Json, scope: Scope) -> str:
    """Return the id of the parent of a resource: the resource group, or the resource that it extends."""
    for word in ("subscriptionId", "resourceGroup"):
        if found(words, word) is not None:
            raise TemplateError(
                f"A resource with a '{word}' of its own is a nested deployment, unknown to the local Azure."
            )
    text = str(evaluate(found(words, "scope", ""), scope))
    if not text or text.startswith("/"):
        return text.rstrip("/") or str(scope.place.home)
    steps = text.split("/")
    if len(steps) < 3 or not len(steps) % 2:
        raise TemplateError(f"The scope '{text}' of a template resource is neither an id nor a type and its names.")
    return f"{scope.place.home}/{within('/'.join(steps[:2] + steps[3::2]), steps[2::2])}"


def _require_segments(kind: str, name: str) -> None:
    """Refuse a name without one part for each part of its type. Source: Microsoft's page on InvalidTemplate."""
    if kind.lower() == _NESTED:
        raise TemplateError(f"The template resource '{name}' is a nested deployment: the local Azure knows none.")
    if (
        not all(kind.split("/"))
        or kind.count("/") < 1
        or kind.count("/") != name.count("/") + 1
        or not all(name.split("/"))
    ):
        raise TemplateError(
            f"The template resource '{name}' for type '{kind}' has incorrect segment lengths. A nested resource type "
            "must have identical number of segments as its resource name. A root resource type must have segment "
            f"length one greater than its resource name. {_HELP}"
        )


def _text(words: Json, key: str, scope: Scope) -> str:
    value = evaluate(found(words, key), scope)
    if not isinstance(value, str) or not value:
        raise TemplateError(
            f"The template resource property '{key}' is of type '{type_of(value)}': a 'String' is required. {_HELP}"
        )
    return value


def _wanted(words: Any, scope: Scope) -> bool:
    """Return the value of a condition; true without one."""
    value = evaluate(found(words, "condition", True) if isinstance(words, Mapping) else True, scope)
    if not isinstance(value, bool):
        raise TemplateError(
            f"The condition of a part of the template is of type '{type_of(value)}': a 'Boolean' is expected."
        )
    return value


def _output(name: str, words: Any, scope: Scope) -> Json:
    if not isinstance(words, Mapping):
        raise TemplateError(f"The template output '{name}' is no object.")
    loop, kind = found(words, "copy"), found(words, "type")
    value = (
        copies(loop, name, scope, inner=True) if isinstance(loop, Mapping) else evaluate(found(words, "value"), scope)
    )
    if value is not UNKNOWN and not parameters.fits(kind, value):
        raise TemplateError(
            f"The template output '{name}' is not valid: expected a value of type "
            f"'{parameters.canonical_type(kind)}', but it evaluated to one of type '{type_of(value)}'."
        )
    return parameters.typed(kind, value)


def _mapping(template: Json, name: str) -> Json:
    part = found(template, name)
    if part is not None and not isinstance(part, Mapping):
        raise TemplateError(f"The '{name}' of the template are no object.")
    return dict(part or {})


def _objects(listed: Any) -> list[Json]:
    if not isinstance(listed, list) or not all(isinstance(each, Mapping) for each in listed):
        raise TemplateError(f"The resources, and the loops of variables, are lists of objects. {_HELP}")
    return listed
