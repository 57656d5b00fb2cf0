"""Shows parameters, requests, lock files, results and metrics of VMs, and the checks of this host."""

import csv
import shlex
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape

from vmops.cli import console, reports
from vmops.cli.session import Session
from vmops.core.errors import SpecError
from vmops.protocol import Status

_NARROWEST = 40
"""The least width of a paragraph, in columns."""

_MARKS = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[dim]·[/]"}


def parameters(session: Session) -> None:
    """Show all parameters, with a VM's values if one is named. On a terminal each has a paragraph, otherwise a row."""
    found = session.ops.parameters(session.params or None)
    if session.as_json:
        return console.print_json(found)
    shown = "value" if session.params else "default"
    if console.out.is_terminal:
        return _paragraphs(found, shown)
    rows = [(each["name"], each["type"], _text(each[shown]), each["meaning"]) for each in found]
    return console.columns(("NAME", "TYPE", shown.upper(), "MEANING"), rows)


def _paragraphs(found: Sequence[Mapping[str, Any]], shown: str) -> None:
    """Show a paragraph for each parameter; its type is on the first line if there is room."""
    for each in found:
        value = f" = {text}" if (text := _text(each[shown])) else ""
        fits = len(f"{each['name']}{value} {each['type']}") <= console.out.width
        console.out.print(f"[bold]{each['name']}[/]{escape(value)}" + (f" [dim]{each['type']}[/]" if fits else ""))
        _indented("" if fits else each["type"], "dim")
        _indented(each["meaning"])


def _indented(words: str, style: str | None = None) -> None:
    for line in textwrap.wrap(words, max(console.out.width - 4, _NARROWEST)):
        console.out.print(f"    {line}", markup=False, style=style)


def given(session: Session) -> None:
    """Show the parameters of the last request as YAML or JSON, without secrets, which are not recorded."""
    found = session.ops.given(session.params)
    if session.as_json:
        return console.print_json(found)
    console.print_yaml(found)
    newest = session.ops.operation(session.params)
    for name in sorted(newest.secrets) if newest else ():
        console.note(f"{name} was also given; secrets are not shown")
    return None


def lock_file(session: Session, output: Path | None) -> None:
    """Write a lock file of a VM, to stdout or to a file.

    Raises: SpecError if it cannot be written.
    """
    found = session.ops.lock_file(session.params)
    if output is None:
        return console.print_yaml(found)
    try:
        output.write_text(console.as_yaml(found) + "\n", encoding="utf-8")
    except OSError as error:
        raise SpecError(f"--output: {output} cannot be written: {error.strerror}") from None
    command = shlex.join(["vmops", "provision", "--lock", str(output)])
    return console.note(f"{output} is the lock file of {session.params['vmName']}: `{command}` makes such a VM again")


def metrics(session: Session) -> None:
    """Show the metrics of a trial's VM, as CSV that mlos_bench reads as results."""
    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerows([("metric", "value"), *session.ops.metrics(session.params).items()])


def result(session: Session, key: str | None) -> None:
    """Show the result of a wait for the VM, or one value of it.

    Raises: `typer.Exit` if the VM is not provisioned; SpecError if there is no value of that name.
    """
    status, found = session.ops.wait_vm_deployment(True, {**session.params, "pollTimeout": 0})
    if status is not Status.SUCCEEDED:
        failure = session.ops.last_failure(session.params) if status is Status.FAILED else None
        reports.answer(status, {}, failure, as_json=session.as_json)
        raise typer.Exit(1)
    if key is not None and key not in found:
        raise SpecError(f"{key}: the VM has no such value; it has {', '.join(sorted(found))}")
    if session.as_json:
        console.print_json(found if key is None else found[key])
    elif key is None:
        console.fields({name: value for name, value in found.items() if name not in {"startTime", "endTime"}})
    else:
        console.out.print(_text(found[key]), markup=False)


def check(session: Session) -> None:
    """Show the checks, a line each; the exit code is 1 if one has failed."""
    found = session.ops.check()
    missing = any(each["ok"] is False for each in found)
    if session.as_json:
        console.print_json({"ok": not missing, "checks": found})
    else:
        width = max(len(each["what"]) for each in found)
        for each in found:
            console.out.print(f"{_MARKS[each['ok']]} {each['what']:<{width}}  ", end="")
            console.out.print(" ".join(each["says"].split()), markup=False)
    raise typer.Exit(1 if missing else 0)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(map(str, value))
    if isinstance(value, dict):
        return ",".join(f"{name}={each}" for name, each in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value if value is not None else "")
