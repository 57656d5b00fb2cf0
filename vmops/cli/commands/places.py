"""The commands about where a VM may be: offers, quota and refusals."""

from typing import Annotated

import typer

from vmops.cli.commands.vm import File, Json, Pairs, app, examples, session

Cheapest = Annotated[bool, typer.Option("--cheapest", metavar="", help="The cheapest first, not in the order given.")]

Forget = Annotated[bool, typer.Option("--forget", metavar="", help="Forget them, so that they are tried again.")]


@app.command(
    epilog=examples(
        "offers -p vmSize=Standard_D4s_v5,Standard_D4as_v5 -p priority=SpotThenRegular",
        "offers -p vmSize=Standard_D4s_v5 -p location=westus2,eastus -p zone=any --cheapest --json",
    )
)
def offers(file: File = None, pairs: Pairs = None, cheapest: Cheapest = False, as_json: Json = False) -> None:
    """Show where a VM is available, among sizes, locations, zones and priorities: price, quota left, why not."""
    from vmops.cli import offered

    offered.offers(session(None, file, pairs, as_json), cheapest=cheapest)


@app.command(epilog=examples("quota", "quota -p location=westus2,eastus --json"))
def quota(file: File = None, pairs: Pairs = None, as_json: Json = False) -> None:
    """Show how much of each quota is used and left: all quotas as JSON, else those in use or exhausted."""
    from vmops.cli import offered

    offered.quota(session(None, file, pairs, as_json))


@app.command(epilog=examples("refusals", "refusals --json", "refusals --forget"))
def refusals(file: File = None, pairs: Pairs = None, forget: Forget = False, as_json: Json = False) -> None:
    """Show which places Azure has refused lately: a deployment that may choose does not try them again until then."""
    from vmops.cli import offered

    offered.refusals(session(None, file, pairs, as_json), forget=forget)
