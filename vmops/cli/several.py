"""One call for several VMs: started for all, then answered in order."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import typer

from vmops.cli import consent, console
from vmops.cli.errors import explain
from vmops.cli.session import Ending, Session, open_session
from vmops.core.errors import SpecError
from vmops.spec.target import Target

Begin = Callable[[Session], Ending]


def sessions(
    names: Sequence[str] | None, file: Path | None, pairs: Sequence[str] | None, *, as_json: bool
) -> list[Session]:
    """Give a session for each named VM, or for the one that the parameters name.

    Raises: SpecError if one of several names is wrong, before anything is started.
    """
    several = list(dict.fromkeys(names or [""]))
    first = open_session(several[0], file, pairs or [], as_json=as_json)
    found = [first, *(replace(first, params={**first.params, "vmName": name}) for name in several[1:])]
    if len(found) > 1:
        for each in found:
            Target.from_params(each.params, each.ops.settings.defaults())
    return found


def of_mine(
    names: Sequence[str] | None,
    file: Path | None,
    pairs: Sequence[str] | None,
    *,
    verb: str,
    mine: bool,
    sure: bool,
    as_json: bool,
) -> list[Session]:
    """Give the sessions of `sessions`, or with ``mine`` one for each VM of this owner, after asking for consent.

    Raises: SpecError if names are given too; `typer.Abort` after a no.
    """
    if not mine:
        return sessions(names, file, pairs, as_json=as_json)
    if names:
        raise SpecError("--mine: selects all of your VMs, so no name can be given")
    session = open_session(None, file, pairs or [], as_json=as_json)
    found = _once(session.ops.vms(session.params).vms)
    if found and not sure:
        consent.before_all(verb, [str(each["vmName"]) for each in found])
    which = ("vmName", "cloud", "subscription", "resourceGroup")
    return [replace(session, params={**session.params, **{name: each[name] for name in which}}) for each in found]


def _once(vms: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Give each VM, and one row for each fleet."""
    return list({each["stack"]: each for each in vms}.values())


def answer(called: Sequence[Session], begin: Begin) -> NoReturn:
    """Start the verb for each VM, then show each answer in order; the exit code is the worst.

    Several answers as JSON are one array. A failure for one VM does not stop the others.
    """
    if len(called) == 1:
        begin(called[0])()
    with console.one_array() if any(each.as_json for each in called) else nullcontext():
        begun = [(each, _begun(each, begin)) for each in called]
        code = max((_ended(each, ending) for each, ending in begun), default=0)
    if not called:
        console.note("you have no VMs")
    raise typer.Exit(code)


def _begun(session: Session, begin: Begin) -> Ending:
    """Start the verb for one VM; a failure is kept, and reported in the order of the VMs."""
    try:
        return begin(session)
    except Exception as error:
        broken = error

    def ending() -> NoReturn:
        raise broken

    return ending


def _ended(session: Session, ending: Ending) -> int:
    """Show one answer under the VM's name, and give its exit code."""
    if not session.as_json:
        console.out.print(f"{session.params['vmName']}:", style="bold", markup=False)
    try:
        ending()
    except typer.Exit as over:
        return over.exit_code
    except Exception as error:
        return explain(error, as_json=session.as_json)
