"""Shell calls that only show something."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import typer
from rich.live import Live
from rich.text import Text

from vmops.cli import console, places, reports, vm_list, vm_status
from vmops.cli.session import INTERRUPTED, Session
from vmops.cli.timeline import bar_chart
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.polling import NotYet, poll_until
from vmops.jobs.operation import Operation, State, Verb
from vmops.ops.timeline import spans

_REFRESH = 5.0
"""Seconds between two updates of a watched list; each takes four requests per subscription."""

_LOG_POLL_INTERVAL = 0.2
"""Seconds between two reads of a followed log."""


def preview(session: Session, **how: Any) -> None:
    """Show what a provision would do."""
    steps = session.ops.plan(session.params, **how)
    choice = session.ops.places(session.params, **how)
    if choice and not session.as_json:
        places.table(choice)
    reports.planned(steps, session.ops.price(session.params, **how), choice, as_json=session.as_json)


def diff(session: Session) -> None:
    """Show the differences between the last request and what exists."""
    reports.compared(session.ops.diff(session.params), as_json=session.as_json)


def inventory(session: Session) -> None:
    """Show what a deprovision would delete."""
    reports.deletions(session.ops.resources(session.params), as_json=session.as_json)


def status(session: Session) -> None:
    """Show the state of the VM."""
    report = session.ops.status(session.params)
    if session.as_json:
        return console.print_json(report)
    watch, ssh = session.watch(""), ""
    if watch:
        watch.news()
    newest = session.ops.operation(session.params)
    if newest and (newest.verb, newest.state) == (Verb.PROVISION, State.SUCCEEDED):
        ssh = session.ops.wait_vm_deployment(True, session.params)[1].get("ssh", "")
    return vm_status.status(report, session.params, doing=watch.in_flight if watch else (), ssh=ssh)


def list_vms(session: Session, *, watch: bool, **how: bool) -> None:
    """Show the VMs once; with ``watch`` until Ctrl-C."""
    if not watch:
        return vm_list.listed(session.ops.vms(session.params, **how), as_json=session.as_json)
    if session.as_json or not console.out.is_terminal:
        raise typer.BadParameter("it needs a terminal, and no --json", param_hint="--watch")
    with Live(console=console.out, auto_refresh=False) as screen:

        def show() -> NotYet:
            screen.update(Text("\n".join(vm_list.lines(session.ops.vms(session.params, **how)))), refresh=True)
            return NotYet(_REFRESH)

        return _until_interrupted(show)


def history(session: Session) -> None:
    """Show the deployments of the VMs that the parameters select."""
    vm_list.history(session.ops.history(session.params), as_json=session.as_json)


def timeline(session: Session) -> None:
    """Show the timeline of the newest deployment."""
    operation = _newest(session)
    events = session.ops.log(operation).news()
    bar_chart(operation, spans(operation, events), as_json=session.as_json)


def logs(session: Session, *, follow: bool) -> None:
    """Show the log of the newest deployment's worker; with ``follow`` until the deployment ends."""
    operation = _newest(session)
    reader = session.ops.log(operation)
    if session.as_json and not follow:
        return console.print_json(reader.news())
    say: Callable[[Any], None] = console.print_json_line if session.as_json else console.print_event

    def read_on() -> bool | NotYet:
        done = not follow or _refreshed(session, operation).over  # read first: the whole log of a done one is there
        for event in reader.news():
            say(event)
        return done or NotYet(_LOG_POLL_INTERVAL)

    return _until_interrupted(read_on)


def _until_interrupted(poll: Callable[[], bool | NotYet]) -> None:
    try:
        poll_until(poll, timeout=math.inf)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def _newest(session: Session) -> Operation:
    """Give the newest deployment of the VM. Raises: OperationFailed (not_found)."""
    operation = session.newest()
    if operation is None:
        message = f"this host has no record of a deployment of {session.params.get('vmName', 'it')}"
        raise OperationFailed(Failure(FailureKind.NOT_FOUND, message))
    return operation


def _refreshed(session: Session, operation: Operation) -> Operation:
    """Give the present record of a deployment."""
    same: Iterator[Operation] = (each for each in session.ops.history(session.params) if each.id == operation.id)
    return next(same, operation)
