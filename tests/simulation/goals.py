"""The declaration of a program, recorded without an engine: every resource, with marks for values of others.

A declared VM depends only on ids and addresses, so one run of the program gives everything. The marks are replaced once
their values are known.
"""

import asyncio
import base64
import contextvars
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi import get_stack
from pulumi.runtime import mocks, rpc, set_mocks
from pulumi.runtime import test as run_program
from pulumi.runtime.proto import resource_pb2

from vmops.engine.program import program as real_program
from vmops.local.provider.messages import properties
from vmops.spec.vm_spec import VmSpec

PROJECT = "vmops"
STACK_TYPE = "pulumi:pulumi:Stack"
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"
"""The marker of a secret value. Source: Pulumi, sdk/go resource package, ``SigKey`` and ``SecretSig``."""

_MARK = "\x02"

Note = Callable[[str, str], object]
"""Called for each completed resource, with its ARM id and its identity in Azure."""


@dataclass(frozen=True)
class Goal:
    """One resource as declared; URNs are those of the program's run."""

    urn: str
    type: str
    name: str
    inputs: Mapping[str, Any]
    parent: str
    custom: bool
    provider: str
    dependencies: tuple[str, ...]
    property_dependencies: Mapping[str, list[str]]
    retain_on_delete: bool
    delete_before_replace: bool
    ignore_changes: tuple[str, ...]
    replace_on_changes: tuple[str, ...]


@dataclass(frozen=True)
class Declared:
    """The declaration of a program, with marks: the ordered goals, the outputs, and what is noted afterwards.

    For each resource with an identity in Azure, its id and that identity, by its URN.
    """

    goals: list[Goal]
    outputs: dict[str, Any]
    noted: dict[str, tuple[str, str]]


@dataclass(frozen=True)
class Program:
    """A program for the simulated engine: its declaration, and where its outputs go."""

    make: Callable[[dict[str, Any], Note], Callable[[], Awaitable[None]]]
    key: str
    outputs: dict[str, Any]
    note: Note

    def __call__(self) -> Awaitable[None]:
        """Run the program."""
        return self.make(self.outputs, self.note)()

    def declared(self, stack: str) -> Declared:
        """Run once for all stacks of this kind."""
        if self.key not in _known:
            outputs: dict[str, Any] = {}
            noted: dict[str, tuple[str, str]] = {}
            make = self.make(outputs, lambda arm_id, identity: noted.update({_urn_of(arm_id): (arm_id, identity)}))
            _known[self.key] = Declared(contextvars.Context().run(_run, make, stack), outputs, noted)
        return _known[self.key]


_known: dict[str, Declared] = {}


def program(spec: VmSpec, *, outputs: dict[str, Any], note: Note, **how: Any) -> Program:
    """Replace `vmops.engine.program.program`: the same program, with its differences from the recorded one."""
    told = ("owner", "expires", "provider", "foreign", "kept")
    key = json.dumps([spec.stack, spec.to_wire(), *(str(how.get(name)) for name in told)])
    make = lambda into, to: real_program(spec, outputs=into, note=to, **how)  # noqa: E731
    return Program(make, f"{key}{sorted(how['external'])}", outputs, note)


def resolved(value: Any, tell: Callable[[str, str], Any]) -> Any:
    """Replace the marks in a value by what ``tell`` returns for a URN and a path; an empty path means the id."""
    if isinstance(value, Mapping):
        return {name: resolved(part, tell) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [resolved(part, tell) for part in value]
    if isinstance(value, str) and _MARK in value:
        before, urn, path, after = value.split(_MARK)
        told = tell(urn, path)
        return f"{before}{told}{after}" if before or after else told
    return value


def clear(value: Any) -> Any:
    """Give a value with plain secrets, for a provider without support for secrets."""
    if isinstance(value, Mapping):
        return _opened(value) if SIGNATURE in value else {name: clear(part) for name, part in value.items()}
    return [clear(part) for part in value] if isinstance(value, list) else value


def sealed(value: Any) -> Any:
    """Give a value with encrypted secrets, as far as a test needs that."""
    if isinstance(value, Mapping):
        if value.get(SIGNATURE) == SECRET and "value" in value:
            hidden = base64.b64encode(json.dumps(value["value"]).encode()).decode()
            return {SIGNATURE: SECRET, "ciphertext": hidden}
        return {name: sealed(part) for name, part in value.items()}
    return [sealed(part) for part in value] if isinstance(value, list) else value


def shown(value: Any) -> Any:
    """Give a value as an export with secrets shows it. Source: Pulumi, stack export."""
    if isinstance(value, Mapping):
        if SIGNATURE in value:
            return {SIGNATURE: SECRET, "plaintext": json.dumps(_opened(value))}
        return {name: shown(part) for name, part in value.items()}
    return [shown(part) for part in value] if isinstance(value, list) else value


def _opened(secret: Mapping[str, Any]) -> Any:
    return json.loads(base64.b64decode(secret["ciphertext"])) if "ciphertext" in secret else secret["value"]


def _mark(urn: str, path: str = "") -> str:
    return f"{_MARK}{urn}{_MARK}{path}{_MARK}"


def _urn_of(mark: str) -> str:
    return mark.split(_MARK)[1]


@dataclass
class _Nothing(mocks.Mocks):
    """An engine service without answers: only the monitor is used."""

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise AssertionError(f"a program that only declares calls {args.token}")

    def new_resource(self, args: mocks.MockResourceArgs) -> Any:
        raise AssertionError(args.name)


@dataclass
class _Monitor(mocks.MockMonitor):
    """Records each registration of a resource, and answers with marks."""

    goals: list[Goal] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(_Nothing())

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802
        urn = f"urn:pulumi:{get_stack()}::{PROJECT}::{request.type}::{request.name}"
        inputs = sealed(properties(request.object))
        self.goals.append(_goal(request, urn, inputs))
        if request.type == STACK_TYPE:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        outputs = asyncio.run(rpc.serialize_properties({**clear(inputs), **_told(urn, inputs)}, {}))
        return resource_pb2.RegisterResourceResponse(urn=urn, id=_mark(urn), object=outputs)


def _told(urn: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Mark the values that only ARM knows."""
    told: dict[str, Any] = {name: _mark(urn, name) for name in ("name", "ipAddress", "vmId", "resourceGuid")}
    if "::azure-native:network:NetworkInterface::" in urn:
        told["ipConfigurations"] = [{"privateIPAddress": _mark(urn, "ipConfigurations.0.privateIPAddress")}]
    if "dnsSettings" in inputs:
        told["dnsSettings"] = {**inputs["dnsSettings"], "fqdn": _mark(urn, "dnsSettings.fqdn")}
    return told


def _goal(request: Any, urn: str, inputs: Mapping[str, Any]) -> Goal:
    return Goal(
        urn=urn,
        type=request.type,
        name=request.name,
        inputs=inputs,
        parent=request.parent,
        custom=request.custom,
        provider=request.provider,
        dependencies=tuple(request.dependencies),
        property_dependencies={name: list(each.urns) for name, each in request.propertyDependencies.items()},
        retain_on_delete=request.retainOnDelete,
        delete_before_replace=request.deleteBeforeReplace,
        ignore_changes=tuple(request.ignoreChanges),
        replace_on_changes=tuple(request.replaceOnChanges),
    )


def _run(declare: Callable[[], Awaitable[None]], stack: str) -> list[Goal]:
    """Run a program to its end, in a separate event loop."""
    monitor = _Monitor()
    asyncio.set_event_loop(loop := asyncio.new_event_loop())
    try:
        set_mocks(monitor.mocks, project=PROJECT, stack=stack, monitor=monitor)
        run_program(declare)()
    finally:
        asyncio.set_event_loop(None)
        loop.close()
    assert monitor.goals[0].type == STACK_TYPE
    return monitor.goals
