"""The inline program: what `stacks.vm.declare` declares, under an explicit provider, with its outputs handed over."""

from collections.abc import Callable, Mapping
from typing import Any

import pulumi
from pulumi_azure_native import Provider

from vmops.engine.reconcile import declared
from vmops.spec.foreign import NOTHING, ForeignParts
from vmops.spec.vm_spec import VmSpec
from vmops.stacks import vm


def program(
    spec: VmSpec,
    *,
    owner: str,
    uses: frozenset[str],
    expires: str | None,
    foreign: ForeignParts = NOTHING,
    provider: Mapping[str, Any],
    outputs: dict[str, Any],
) -> Callable[[], None]:
    """Give the program that declares ``spec``; running it fills ``outputs`` with plain values as they become known.

    ``foreign`` is declared too. Which parts are ours stays in the state, among the stack's own outputs.
    """
    touch()

    def declare() -> None:
        pulumi.runtime.register_stack_transformation(_without_aliases)
        azure = Provider("azure", **provider)
        found = vm.declare(spec, owner=owner, uses=uses, expires=expires, foreign=foreign, provider=azure)
        pulumi.export(declared.OUTPUT, declared.of(spec).as_dict())
        pulumi.Output.all(**found).apply(outputs.update)

    return declare


def touch() -> None:
    """Import every azure-native class that is used, before any thread: their lazy import is not safe for threads."""
    vm.touch()


def _without_aliases(arguments: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
    """Drop the dozens of old type names that each azure-native class lists; no stack of ours was made under them."""
    arguments.opts.aliases = None
    return pulumi.ResourceTransformationResult(props=arguments.props, opts=arguments.opts)
