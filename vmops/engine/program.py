"""The inline program: what the stack of a VM or a fleet declares, under an explicit provider."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pulumi
from pulumi_azure_native import Provider

from vmops.core.errors import VmopsError
from vmops.engine.reconcile import declared
from vmops.spec.foreign import NOTHING, ForeignParts
from vmops.spec.kept import NOTHING_KEPT, Kept
from vmops.spec.vm_spec import VmSpec
from vmops.stacks import fleet, vm

_IDENTITIES = ("vm_id", "resource_guid", "unique_id")
"""Outputs by which Azure tells a resource from another of the same id (`vmops.azure.ownership`)."""


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
) -> Callable[[], None]:
    """Give the program that declares ``spec``; running it fills ``outputs`` with plain values as they become known.

    ``hold`` gives the mark of who holds the VM; it is asked while the engine has its lock, and what it raises ends it.
    ``foreign`` is declared too; which parts are ours stays in the state, among the stack's own outputs. ``kept`` stays
    as it is. ``note`` is told of each resource as soon as it is made, or known to be as it was: its ARM id, and what
    Azure knows it by.
    """

    def declares(azure: Provider) -> None:
        told: dict[str, Any] = {
            "owner": owner,
            "uses": uses,
            "expires": expires,
            "hold": _asked(hold),
            "provider": azure,
        }
        found = vm.declare(spec, foreign=foreign, kept=kept, **told)
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
) -> Callable[[], None]:
    """Give the program that declares the members of a fleet, as `program` does, without outputs."""

    def declares(azure: Provider) -> None:
        told: dict[str, Any] = {
            "owner": owner,
            "uses": uses,
            "expires": expires,
            "hold": _asked(hold),
            "provider": azure,
        }
        fleet.declare(parts, **told)
        pulumi.export(declared.OUTPUT, declared.of(*(each.spec for each in parts)).as_dict())

    return _running(declares, provider, note)


def _running(
    declares: Callable[[Provider], None], provider: Mapping[str, Any], note: Callable[[str, str], None]
) -> Callable[[], None]:
    touch()

    def declare() -> None:
        made: list[pulumi.Resource] = []
        pulumi.runtime.register_stack_transformation(partial(_without_aliases, made))
        declares(Provider("azure", **provider))
        for resource in made:
            _tell(resource, note)

    return declare


def _asked(hold: Callable[[], str]) -> str:
    try:
        return hold()
    except VmopsError as error:
        raise pulumi.RunError(str(error)) from None


def touch() -> None:
    """Import every azure-native class that is used, before any thread: their lazy import is not safe for threads."""
    vm.touch()


def _tell(resource: pulumi.Resource, note: Callable[[str, str], None]) -> None:
    """Tell of a resource once it is made, if Azure knows it by more than its id."""
    identity = next((getattr(resource, name) for name in _IDENTITIES if hasattr(resource, name)), None)
    if identity is not None and isinstance(resource, pulumi.CustomResource):
        pulumi.Output.all(resource.id, identity).apply(lambda told: note(*told) if told[1] else None)


def _without_aliases(
    made: list[pulumi.Resource], arguments: pulumi.ResourceTransformationArgs
) -> pulumi.ResourceTransformationResult:
    """Drop the dozens of old type names that each azure-native class lists; no stack of ours was made under them.

    The resource itself goes to ``made``.
    """
    made.append(arguments.resource)
    arguments.opts.aliases = None
    return pulumi.ResourceTransformationResult(props=arguments.props, opts=arguments.opts)
