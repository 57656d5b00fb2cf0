"""Asks for consent at a terminal before something is lost. A script gives it with an option."""

import sys
from collections.abc import Sequence
from typing import Any

from vmops.cli import console
from vmops.core.failures import Failure, FailureKind
from vmops.ops.api import VMOps
from vmops.protocol import Params


def before_removal(ops: VMOps, params: Params) -> None:
    """At a terminal, show what a deprovision deletes, and ask for consent; a no raises `typer.Abort`.

    A script is not asked.
    """
    if not sys.stdin.isatty():
        return
    found = ops.resources(params)
    if found:
        for resource in found:
            console.note(str(resource["id"]))
        console.confirm(f"Delete these, with all that is on their disks, for {params['vmName']}?")


def before_losses(ops: VMOps, params: Params, **how: Any) -> Failure | None:
    """Before a provision that loses disks, ask at a terminal; ``how`` describes the request.

    Without a terminal, give the failure with which it is refused. None if it may go on.
    """
    losses = ops.losses(params, **how)
    if losses and not sys.stdin.isatty():
        return Failure(FailureKind.IMMUTABLE, "; ".join(losses), step="use --replace to allow it")
    if losses:
        for each in losses:
            console.note(each)
        console.confirm("Go on?")
    return None


def before_all(verb: str, names: Sequence[str]) -> None:
    """Ask for consent to a verb for all these VMs; a no raises `typer.Abort`."""
    console.confirm(f"{verb} {', '.join(names)}?")
