"""``vmops local policy``: let the local Azure deny or change writes, as Azure Policy does."""

from pathlib import Path
from typing import Annotated, Any

import typer

from vmops.cli import console
from vmops.cli.commands.fault import Json
from vmops.core.settings import Settings
from vmops.core.state_dir import local_home
from vmops.local import inspection
from vmops.spec.parameters import read_document

File = Annotated[
    Path | None,
    typer.Argument(
        metavar="[FILE]", help="JSON or YAML with one policy definition, or a list; without it they are listed."
    ),
]
Clear = Annotated[bool, typer.Option("--clear", help="Remove the active policies first, before FILE if given.")]


def policy(file: File = None, clear: Clear = False, as_json: Json = False) -> None:
    """Add the policies of a file to the active ones; a policy replaces the active one of its name.

    A definition has Azure's form: name, policyRule with if and then, and parameters with a value. Its effect is deny,
    append, modify, audit or disabled.
    """
    state_dir = local_home(Settings().state_dir)
    found = inspection.listed(state_dir, "policies")
    if clear or file:
        added = _policies(file) if file else []
        names = {each.get("name") for each in added if isinstance(each, dict)}
        kept = [] if clear else [each for each in found if each["name"] not in names]
        found = inspection.ask(state_dir, "PUT", "policies", [*kept, *added]) if kept or added or found else []
    _show(found, as_json=as_json)


def _policies(file: Path) -> list[Any]:
    plain = read_document("FILE", file)
    return plain if isinstance(plain, list) else [plain]


def _show(policies: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        console.print_json(policies)
    elif policies:
        rows = [
            [each["name"], each["policyRule"]["then"]["effect"], each.get("scope", "everywhere")] for each in policies
        ]
        console.columns(["NAME", "EFFECT", "SCOPE"], rows)
    else:
        console.out.print("no policies")
