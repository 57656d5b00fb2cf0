"""The product's modules with simulated time, and why others that import ``time`` keep the machine's.

A module in neither list would use the machine's clock in a world with another one.
"""

CLOCKED = (
    *("ops.power", "azure.connection", "azure.session", "core.polling", "engine.deadline", "engine.events"),
    *("jobs.store",),
    *("local.provider.arm", "local.provider.sessions", "azure.inventory", "jobs.made"),
    *("jobs.refused", "deploy.moves", "deploy.market", "deploy.choice", "deploy.fleet.moves"),
    *("deploy.apply", "deploy.readiness", "jobs.sent_jobs"),
    *("ops.deployments", "ops.record"),
)
"""Modules whose ``time`` is that of the simulated processes."""

_RECORDED = "writes into a record when something was, and nobody in this world judges by that"
_ALONE = "is of hosts that share their records: there is one in this world"
_ABSENT = "runs in no worker and no verb of this world"

UNCLOCKED = {
    "core.failures": _RECORDED,
    "core.aside": "names what is set aside by when that was, and nobody judges by that",
    "leases.machine": _ABSENT,
    "ops.orphans": "finds what nobody has written to for long: nothing here waits for that",
    "core.times": "tells what has expired: nothing here has a lifetime",
    "core.holder": "says since when a program holds a VM: none does here",
    "local.arm.state.clock": "is the clock that a local Azure is given here, in its place",
    "local.arm.state.store": "takes its time from the clock that it is given",
    "jobs.fork_server": _ABSENT,
    "jobs.forked": _ABSENT,
    "jobs.cluster.at_rest": _ALONE,
    "jobs.cluster.claims": _ALONE,
    "jobs.cluster.postgres": _ALONE,
    "jobs.cluster.queue": _ALONE,
    "local.provider_process": _ABSENT,
    "local.guests.guest": _ABSENT,
    "local.guests.ssh_server": _ABSENT,
    "engine.install.installers": _ABSENT,
    "azure.price_book": "tells how old a price is, and no verb of this world judges by that",
    "azure.prices": "waits for a price list: the local Azure's answers at once",
    "ops.check": "tells how far the host's clock is from Azure's: nothing here asks",
    "ops.hand_over": _ABSENT,
    "ops.spent": "tells what a VM has cost: nothing here asks",
    "ops.timeline": "tells how long a deployment has gone on: nothing here asks",
    "cli.access": _ABSENT,
    "cli.condition": _ABSENT,
    "cli.console": _ABSENT,
    "cli.demo": _ABSENT,
    "cli.progress": _ABSENT,
    "cli.session": _ABSENT,
    "cli.vm_list": _ABSENT,
}
"""Modules that keep the machine's ``time``, each with the reason."""
