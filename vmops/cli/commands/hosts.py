"""The commands of a host that works for others: worker and hosts."""

from typing import Annotated

import typer

from vmops.cli.commands.vm import Json, app, examples

_NO_DATABASE = 3
"""Exit code of a worker that ends because it could not reach the database for too long."""


@app.command(epilog=examples("worker --slots 8", "worker --queue west"))
def worker(
    slots: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Provisions at once; default: by cores and memory.")
    ] = None,
    removals: Annotated[
        int | None, typer.Option(min=1, metavar="M", help="Removals at once, beside them; default: as many.")
    ] = None,
    queue: Annotated[str | None, typer.Option(metavar="Q", help="The queue to work for; default: VMOPS_QUEUE.")] = None,
) -> None:
    """Run operations of all hosts that share the records, in the foreground; at SIGTERM it finishes those it has begun.

    Exit code 3: PostgreSQL could not be reached for four times VMOPS_CLAIM_SECONDS.
    """
    from vmops.cli import console
    from vmops.core import host
    from vmops.core.errors import RecordsAway
    from vmops.core.settings import Settings
    from vmops.leases import sweep
    from vmops.ops import hosts

    settings = Settings(**({"queue": queue} if queue else {}))
    try:
        hosts.work(
            settings,
            slots,
            removals,
            lambda room: console.note(f"ready: {host.name()}, {room} slots, queue {settings.queue}"),
            lambda: sweep.begin(settings),
        )
    except RecordsAway as error:
        console.complain(str(error))
        raise typer.Exit(_NO_DATABASE) from None


@app.command(epilog=examples("hosts", "hosts --json"))
def hosts(as_json: Json = False) -> None:
    """List the hosts that run `vmops worker`: their slots, how many are busy, and when they last reported."""
    from vmops.cli import console
    from vmops.core.settings import Settings
    from vmops.ops import hosts

    found = hosts.listed(Settings())
    if as_json:
        console.print_json(found)
    elif not found:
        console.note("no host runs `vmops worker`")
    else:
        names = ["host", "queue", "slots", "busy", "removals", "version", "alive", "draining"]
        console.columns(names, [[str(each[name]) for name in names] for each in found])
