"""Which modules of the product have the simulation's time, and why the others that import ``time`` keep the machine's.

A module that is in neither would wait, or judge, by the machine's clock in a world that has another.
"""

CLOCKED = (
    *("answers", "connection", "ops", "waiting", "engine.ending", "engine.events"),
    *("local.provider.arm", "local.provider.sessions"),
)
"""Modules whose ``time`` is that of the processes that take turns."""

_RECORDED = "writes into a record when something was, and nobody in this world judges by that"
_ABSENT = "runs in no worker and no verb of this world"

UNCLOCKED = {
    "admission": _RECORDED,
    "deployment": _RECORDED,
    "failures": _RECORDED,
    "worker": _RECORDED,
    "lifetime": "finds what has expired: nothing here has a lifetime",
    "local.arm.clock": "is the clock that a local Azure is given here, in its place",
    "local.arm.store": "takes its time from the clock that it is given",
    "forkserver": _ABSENT,
    "local.provider.process": _ABSENT,
    "engine.ways": _ABSENT,
    "console": _ABSENT,
    "demo": _ABSENT,
    "cli.progress": _ABSENT,
    "cli.session": _ABSENT,
}
"""Modules that import ``time`` and keep it, and why they may."""
