"""Shows the timeline of a deployment as a bar chart."""

from collections.abc import Sequence

from rich.markup import escape

from vmops.cli.console import duration, out, print_json
from vmops.core import times
from vmops.jobs.operation import Operation
from vmops.ops.timeline import Span

_COLOURS = {"done": "green", "failed": "red", "running": "cyan"}

_SHORTEST = 10
"""The least number of columns for the longest bar, on a narrow terminal."""


def bar_chart(operation: Operation, spans: Sequence[Span], *, as_json: bool) -> None:
    """Show the steps of a deployment, each as a bar at its time."""
    start, whole = operation.created, max((each.start + each.seconds for each in spans), default=0) - operation.created
    if as_json:
        which = {"vmName": operation.vm_name, "verb": str(operation.verb), "state": str(operation.state)}
        when = {"created": start, "createdAt": times.utc_or_none(start), "seconds": round(whole, 3)}
        return print_json({**which, "operation": operation.id, **when, "spans": [each.as_dict() for each in spans]})
    out.print(f"[bold]{escape(operation.vm_name)}[/]: {operation.verb} {operation.state}, {duration(whole)}")
    names = max((len(each.name) for each in spans), default=0)
    room = max(out.width - names - 18, _SHORTEST)
    for each in spans:
        before, length = _scaled(each.start - start, whole, room), max(_scaled(each.seconds, whole, room), 1)
        bar = f"{' ' * before}[{_COLOURS[each.state]}]{'█' * length}[/]"
        out.print(f"  {escape(each.name):<{names}}  {duration(each.seconds):>10}  {bar}{_MARKS[each.state]}")
    return None


_MARKS = {"done": "", "failed": " ✗", "running": " …"}


def _scaled(seconds: float, whole: float, room: int) -> int:
    return min(round(max(seconds, 0.0) / whole * room), room - 1) if whole > 0 else 0
