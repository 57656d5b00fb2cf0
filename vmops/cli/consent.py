"""Asking before something is lost: at a terminal; a script says beforehand that it may be."""

import sys
from collections.abc import Sequence
from typing import NoReturn

import typer

from vmops.cli import console, reports
from vmops.core.failures import Failure, FailureKind
from vmops.ops.api import VMOps
from vmops.protocol import Params, Status


def before_removal(ops: VMOps, params: Params) -> None:
    """Show at a terminal what a deprovision deletes, and ask whether to; `typer.Abort` is the answer no.

    A script is not asked: it says ``deprovision``.
    """
    if not sys.stdin.isatty():
        return
    found = ops.resources(params)
    if found:
        for resource in found:
            console.note(str(resource["id"]))
        console.confirm(f"Delete these, with all that is on their disks, for {params['vmName']}?")


def before_losses(ops: VMOps, params: Params, *, same: bool, as_json: bool) -> None:
    """Ask at a terminal before a provision that loses disks; elsewhere it is refused, and `typer.Exit` is raised."""
    losses = ops.losses(params, same=same)
    if not losses:
        return
    if not sys.stdin.isatty():
        _refuse(losses, as_json=as_json)
    for each in losses:
        console.note(each)
    console.confirm("Go on?")


def _refuse(losses: Sequence[str], *, as_json: bool) -> NoReturn:
    failure = Failure(FailureKind.IMMUTABLE, "; ".join(losses), step="say --replace if that is meant")
    console.complain(str(failure))
    reports.answer(Status.FAILED, {}, failure, as_json=as_json)
    raise typer.Exit(1)
