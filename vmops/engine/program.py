"""The inline program: what `stacks.vm.declare` declares, under an explicit provider, with its outputs handed over."""

from collections.abc import Callable, Mapping
from typing import Any

import pulumi
from pulumi_azure_native import Provider

from vmops.core.errors import VmopsError
from vmops.spec.vm_spec import VmSpec
from vmops.stacks import vm


def program(
    spec: VmSpec,
    *,
    owner: str,
    uses: frozenset[str],
    expires: str | None,
    hold: Callable[[], str],
    provider: Mapping[str, Any],
    outputs: dict[str, Any],
) -> Callable[[], None]:
    """Give the program that declares ``spec``; running it fills ``outputs`` with plain values as they become known.

    ``hold`` gives the mark of who holds the VM; it is asked while the engine has its lock, and what it raises ends it.
    """
    touch()

    def declare() -> None:
        pulumi.runtime.register_stack_transformation(_without_aliases)
        azure = Provider("azure", **provider)
        declared = vm.declare(spec, owner=owner, uses=uses, expires=expires, hold=_asked(hold), provider=azure)
        pulumi.Output.all(**declared).apply(outputs.update)

    return declare


def _asked(hold: Callable[[], str]) -> str:
    try:
        return hold()
    except VmopsError as error:
        raise pulumi.RunError(str(error)) from None


def touch() -> None:
    """Import every azure-native class that is used, before any thread: their lazy import is not safe for threads."""
    vm.touch()


def _without_aliases(arguments: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
    """Drop the dozens of old type names that each azure-native class lists; no stack of ours was made under them."""
    arguments.opts.aliases = None
    return pulumi.ResourceTransformationResult(props=arguments.props, opts=arguments.opts)
