"""Waiting from a shell for a VM to reach a state, with progress."""

import time
from collections.abc import Mapping
from typing import NoReturn

import typer

from vmops.cli import console, reports
from vmops.cli.progress import Watch, follow
from vmops.cli.session import INTERRUPTED, Session
from vmops.ops.conditions import Condition
from vmops.protocol import Status
from vmops.spec.target import WaitOptions

_WORDS: Mapping[Condition, str] = {"running": "run", "ssh": "answer by SSH", "stopped": "stop"}


def wait_for(session: Session, condition: Condition) -> NoReturn:
    """Wait with progress, and show the answer. Ctrl-C ends only the wait."""
    name = session.params.get("vmName")
    options = WaitOptions.from_params(session.params, session.ops.settings.defaults())
    try:
        status, result = follow(
            lambda seconds: session.ops.wait_for(condition, {**session.params, "pollTimeout": seconds}),
            _watch(session, f"waiting for {name} to {_WORDS[condition]}"),
            options.poll_timeout,
        )
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    if status is Status.TIMED_OUT:
        console.complain(f"{name} does not {_WORDS[condition]} within pollTimeout")
    failure = session.ops.last_failure(session.params) if status is Status.FAILED else None
    reports.answer(status, result, failure, as_json=session.as_json)
    raise typer.Exit(0 if status is Status.SUCCEEDED else 1)


def _watch(session: Session, title: str) -> Watch | None:
    """Give the progress to show: that of the deployment in flight, else only the awaited state."""
    newest = session.newest()
    return session.watch("") if newest and not newest.over else Watch(title, time.time())
