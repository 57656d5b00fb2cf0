"""Maps a path to its route, in a tree of the routes by the steps of their paths.

Paths match without regard to case. Source: ARM RPC, resource-api-reference.
"""

from dataclasses import dataclass, field

from vmops.local.arm.handlers import providers
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.routes import TABLE, Handler, Route


@dataclass(slots=True)
class _Node:
    steps: dict[str, tuple[str, "_Node"]] = field(default_factory=dict)
    name: tuple[str, "_Node"] | None = None
    handlers: dict[str, Handler] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """The route of a path; ``path`` has the table's spelling, but names as they were sent."""

    handler: Handler
    path: str
    names: dict[str, str]


def _tree(table: tuple[Route, ...]) -> _Node:
    root = _Node()
    for method, template, handler in table:
        node = root
        for step in template.strip("/").split("/"):
            if step.startswith("{"):
                node.name = node.name or (step.strip("{}"), _Node())
                node = node.name[1]
            else:
                node = node.steps.setdefault(step.lower(), (step, _Node()))[1]
        node.handlers[method] = handler
    return root


_ROOT = _tree(TABLE)


def find(method: str, path: str, api_version: str) -> Found:
    """Return the route of a path.

    Raises: ArmError InvalidResourceNamespace, InvalidResourceType, MethodNotAllowed.
    """
    node, names, spelled = _ROOT, {}, [""]
    for step in path.strip("/").split("/"):
        if known := node.steps.get(step.lower()):
            step, node = known
        elif node.name and step:
            names[node.name[0]] = step
            node = node.name[1]
        else:
            raise _unknown(path, api_version)
        spelled.append(step)
    if not node.handlers:
        raise _unknown(path, api_version)
    if method not in node.handlers:
        raise ArmError("MethodNotAllowed", method=method)
    return Found(node.handlers[method], "/".join(spelled), names)


def _unknown(path: str, api_version: str) -> ArmError:
    """Give the refusal of a path: its namespace is not served, or a type in a served namespace is not."""
    steps = path.strip("/").split("/")
    words = [step.lower() for step in steps]
    at = max((at for at, word in enumerate(words[:-1], 1) if word == "providers"), default=0)
    namespace = steps[at] if at else path
    if namespace.lower() not in {known.lower() for known in providers.NAMESPACES}:
        return ArmError("InvalidResourceNamespace", namespace=namespace, known=providers.known_namespaces())
    kind = "/".join(steps[at + 1 :: 2])
    return ArmError("InvalidResourceType", type=kind, namespace=namespace, version=api_version)
