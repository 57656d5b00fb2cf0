"""The commands about places for VMs: offers, quota and refusals."""

from typing import Annotated

import typer

from vmops.cli.commands.vm import File, Json, Pairs, app, examples, session

Cheapest = Annotated[bool, typer.Option("--cheapest", metavar="", help="Sort by price, not in the given order.")]

Forget = Annotated[
    bool, typer.Option("--forget", metavar="", help="Forget the refusals, so that the places are tried again.")
]


@app.command(
    epilog=examples(
        "offers -p vmSize=Standard_D4s_v5,Standard_D4as_v5 -p priority=SpotThenRegular",
        "offers -p vmSize=Standard_D4s_v5 -p location=westus2,eastus -p zone=any --cheapest --json",
    )
)
def offers(file: File = None, pairs: Pairs = None, cheapest: Cheapest = False, as_json: Json = False) -> None:
    """Show where a VM is available, among sizes, locations, zones and priorities: price, quota left, or why not."""
    from vmops.cli import places

    places.offers(session(None, file, pairs, as_json), cheapest=cheapest)


@app.command(epilog=examples("quota", "quota -p location=westus2,eastus --json"))
def quota(file: File = None, pairs: Pairs = None, as_json: Json = False) -> None:
    """Show how much of each quota is used and left: with --json all quotas, else those in use or exhausted."""
    from vmops.cli import places

    places.quota(session(None, file, pairs, as_json))


@app.command(epilog=examples("refusals", "refusals --json", "refusals --forget"))
def refusals(file: File = None, pairs: Pairs = None, forget: Forget = False, as_json: Json = False) -> None:
    """Show the places that Azure has refused lately, and until when a deployment with a choice avoids each."""
    from vmops.cli import places

    places.refusals(session(None, file, pairs, as_json), forget=forget)
