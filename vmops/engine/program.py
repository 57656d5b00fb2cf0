"""The inline programs, which declare a VM or a fleet under an explicit provider."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import pulumi
from pulumi_azure_native import Provider

from vmops.core.errors import VmopsError
from vmops.engine import breadth
from vmops.engine.reconcile import declared
from vmops.spec.foreign import NOTHING, ForeignParts
from vmops.spec.kept import NOTHING_KEPT, Kept
from vmops.spec.vm_spec import VmSpec
from vmops.stacks import fleet, vm

Program = Callable[[], Awaitable[None]]
"""A program as Pulumi's Automation API takes it."""

_IDENTITIES = ("vm_id", "resource_guid", "unique_id")
"""Outputs that differ between two resources that had the same id one after the other (`vmops.azure.ownership`)."""


def program(
    spec: VmSpec,
    *,
    owner: str,
    external: frozenset[str],
    expires: str | None,
    hold: Callable[[], str],
    foreign: ForeignParts = NOTHING,
    kept: Kept = NOTHING_KEPT,
    provider: Mapping[str, Any],
    outputs: dict[str, Any],
    note: Callable[[str, str], None],
) -> Program:
    """Give the program that declares ``spec``.

    When it runs, it fills ``outputs`` with plain values as they become known. ``hold`` returns the mark of the VM's
    holder; it is called while the engine has its lock, and its exceptions stop the engine. ``foreign`` parts are
    declared, too; a stack output records which parts are ours. ``kept`` properties stay unchanged. ``note`` is called
    with the ARM id and Azure's identity of each resource once it is made, or known to be unchanged.
    """

    def declares(azure: Provider) -> None:
        arguments = _arguments(owner, external, expires, hold)
        found = vm.declare(spec, foreign=foreign, kept=kept, provider=azure, **arguments)
        pulumi.export(declared.OUTPUT, declared.of(spec).as_dict())
        pulumi.Output.all(**found).apply(outputs.update)

    return _running(declares, provider, note)


def fleet_program(
    parts: Sequence[fleet.Part],
    *,
    owner: str,
    external: frozenset[str],
    expires: str | None,
    hold: Callable[[], str],
    provider: Mapping[str, Any],
    note: Callable[[str, str], None],
    pace: float,
) -> Program:
    """Give the program that declares the members of a fleet, as `program` does, without outputs.

    ``pace`` is the length of a second of Azure's time; it limits the rate of new members (`breadth.CreationRate`).
    """

    def declares(azure: Provider) -> None:
        arguments = _arguments(owner, external, expires, hold)
        fleet.declare(parts, provider=azure, turn=breadth.CreationRate(pace), **arguments)
        pulumi.export(declared.OUTPUT, declared.of(*(each.spec for each in parts)).as_dict())

    return _running(declares, provider, note)


def _arguments(owner: str, external: frozenset[str], expires: str | None, hold: Callable[[], str]) -> dict[str, Any]:
    """Give the common arguments of the declarations of a VM and of a fleet; calls ``hold``."""
    return {"owner": owner, "external": external, "expires": expires, "hold": _mark(hold)}


def _running(
    declares: Callable[[Provider], None], provider: Mapping[str, Any], note: Callable[[str, str], None]
) -> Program:
    """Give a program that returns once every registration has begun.

    Pulumi then waits for registrations. If none has begun it waits for outputs instead, and visits all of them again
    whenever one is resolved: for a fleet of 100 that takes as long as all other work of its worker. The program itself
    waits for nothing, because the stack's outputs are registered only when it returns, and an engine that has stopped
    for a refusal takes them no more. Source: `pulumi.runtime.stack.wait_for_rpcs` and `run_in_stack` of Pulumi 3.
    """
    touch()

    async def declare() -> None:
        made: list[pulumi.Resource] = []
        pulumi.runtime.register_stack_transformation(partial(_without_aliases, made))
        with _without_stack_traces():
            declares(Provider("azure", **provider))
        for resource in made:
            _report(resource, note)
        await asyncio.sleep(0)  # registrations begin

    return declare


@contextmanager
def _without_stack_traces() -> Iterator[None]:
    """Let no resource record where it was declared, unless it is a preview.

    A stack trace is 2 kB of paths of this host. Of a fleet's state it would be 40 %, and the engine writes the whole
    state twice for each resource. With a limit of one frame Pulumi finds no declaration, and records none. Previews
    record nothing, and may run in a process that is not ours. Source: Pulumi 3, `runtime.resource._get_stack_trace`;
    Python documentation, `sys.tracebacklimit`.
    """
    if pulumi.runtime.is_dry_run():
        yield
        return
    before = getattr(sys, "tracebacklimit", None)
    sys.tracebacklimit = 1
    try:
        yield
    finally:
        sys.tracebacklimit = before


def _mark(hold: Callable[[], str]) -> str:
    try:
        return hold()
    except VmopsError as error:
        raise pulumi.RunError(str(error)) from None


def touch() -> None:
    """Import every azure-native class that is used, before any thread starts: lazy imports are not thread-safe."""
    vm.touch()


def _report(resource: pulumi.Resource, note: Callable[[str, str], None]) -> None:
    """Call ``note`` once a resource is made, if Azure gives it an identity besides its id."""
    identity = next((getattr(resource, name) for name in _IDENTITIES if hasattr(resource, name)), None)
    if identity is not None and isinstance(resource, pulumi.CustomResource):
        pulumi.Output.all(resource.id, identity).apply(lambda told: note(*told) if told[1] else None)


def _without_aliases(
    made: list[pulumi.Resource], arguments: pulumi.ResourceTransformationArgs
) -> pulumi.ResourceTransformationResult:
    """Drop the aliases of a resource, dozens of old type names that none of our stacks contains; add it to ``made``."""
    made.append(arguments.resource)
    arguments.opts.aliases = None
    return pulumi.ResourceTransformationResult(props=arguments.props, opts=arguments.opts)
