"""The inline program: what the stack of a VM or a fleet declares, under an explicit provider."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
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
"""Outputs with which Azure tells a resource from another one of the same id (`vmops.azure.ownership`)."""


def program(
    spec: VmSpec,
    *,
    owner: str,
    uses: frozenset[str],
    expires: str | None,
    hold: Callable[[], str],
    foreign: ForeignParts = NOTHING,
    kept: Kept = NOTHING_KEPT,
    provider: Mapping[str, Any],
    outputs: dict[str, Any],
    note: Callable[[str, str], None],
) -> Program:
    """Give the program that declares ``spec``.

    When it runs, it fills ``outputs`` with plain values as they become known. ``hold`` gives the mark of the VM's
    holder; it is called while the engine has its lock, and its exceptions end the engine. ``foreign`` is declared too;
    a stack output records which parts are ours. ``kept`` stays as it is. ``note`` is called for each resource once it
    is made, or known to be unchanged, with its ARM id and Azure's identity of it.
    """

    def declares(azure: Provider) -> None:
        arguments = _arguments(owner, uses, expires, hold)
        found = vm.declare(spec, foreign=foreign, kept=kept, provider=azure, **arguments)
        pulumi.export(declared.OUTPUT, declared.of(spec).as_dict())
        pulumi.Output.all(**found).apply(outputs.update)

    return _running(declares, provider, note)


def fleet_program(
    parts: Sequence[fleet.Part],
    *,
    owner: str,
    uses: frozenset[str],
    expires: str | None,
    hold: Callable[[], str],
    provider: Mapping[str, Any],
    note: Callable[[str, str], None],
    pace: float,
) -> Program:
    """Give the program that declares the members of a fleet, as `program` does, without outputs.

    ``pace`` is the length of one of Azure's seconds: new members begin at the rate at which ARM answers.
    """

    def declares(azure: Provider) -> None:
        arguments = _arguments(owner, uses, expires, hold)
        fleet.declare(parts, provider=azure, turn=breadth.Turns(pace), **arguments)
        pulumi.export(declared.OUTPUT, declared.of(*(each.spec for each in parts)).as_dict())

    return _running(declares, provider, note)


def _arguments(owner: str, uses: frozenset[str], expires: str | None, hold: Callable[[], str]) -> dict[str, Any]:
    """Give the arguments that a VM and a fleet are declared with alike; ``hold`` is called."""
    return {"owner": owner, "uses": uses, "expires": expires, "hold": _asked(hold)}


def _running(
    declares: Callable[[Provider], None], provider: Mapping[str, Any], note: Callable[[str, str], None]
) -> Program:
    touch()

    async def declare() -> None:
        made: list[pulumi.Resource] = []
        pulumi.runtime.register_stack_transformation(partial(_without_aliases, made))
        declares(Provider("azure", **provider))
        for resource in made:
            _tell(resource, note)
        await _registered(made)

    return declare


async def _registered(made: Sequence[pulumi.Resource]) -> None:
    """Wait until the engine has answered for every resource; Pulumi itself raises what it has refused.

    Pulumi's own wait goes through all open outputs again each time one is known, which takes a fleet of 100 as long as
    everything else in its worker. Source: `pulumi.runtime.stack.wait_for_rpcs` of Pulumi 3.
    """
    await asyncio.gather(*(resource.urn.future() for resource in made), return_exceptions=True)


def _asked(hold: Callable[[], str]) -> str:
    try:
        return hold()
    except VmopsError as error:
        raise pulumi.RunError(str(error)) from None


def touch() -> None:
    """Import every azure-native class that is used, before any thread starts: their lazy import is not thread-safe."""
    vm.touch()


def _tell(resource: pulumi.Resource, note: Callable[[str, str], None]) -> None:
    """Report a resource once it is made, if Azure identifies it by more than its id."""
    identity = next((getattr(resource, name) for name in _IDENTITIES if hasattr(resource, name)), None)
    if identity is not None and isinstance(resource, pulumi.CustomResource):
        pulumi.Output.all(resource.id, identity).apply(lambda told: note(*told) if told[1] else None)


def _without_aliases(
    made: list[pulumi.Resource], arguments: pulumi.ResourceTransformationArgs
) -> pulumi.ResourceTransformationResult:
    """Drop the dozens of old type names that each azure-native class lists; none of our stacks was made with them.

    The resource itself is passed to ``made``.
    """
    made.append(arguments.resource)
    arguments.opts.aliases = None
    return pulumi.ResourceTransformationResult(props=arguments.props, opts=arguments.opts)
