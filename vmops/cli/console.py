"""The two output streams, and the form of values for a person: results on stdout, everything else on stderr."""

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any

import typer
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment
from rich.text import Text

from vmops.core.log import fields_of
from vmops.core.printable import printable


def is_plain() -> bool:
    """Tell whether to write as if this were not a terminal. Source: no-color.org."""
    return bool(os.environ.get("NO_COLOR"))


class Shown(Console):
    """A stream that escapes control characters: names, tags and errors may contain anything."""

    def __init__(self, *, stderr: bool = False) -> None:
        """Open the stream. NO_COLOR disables styles and animations; rich by itself disables only colours."""
        how: dict[str, Any] = {"color_system": None, "force_interactive": False} if is_plain() else {}
        super().__init__(stderr=stderr, soft_wrap=True, highlight=False, emoji=False, **how)

    def render_str(self, text: str, **how: Any) -> Text:
        """Escape a text before rich reads its markup, because rich removes some control characters."""
        return super().render_str(printable(text), **how)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        """Escape values that are not strings too; only rich's own terminal controls stay as they are."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else printable(text), style, control)


out = Shown()
err = Shown(stderr=True)

_NARROWEST = 8
"""Characters to which a column of a table is cut at most."""

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def complain(sentence: str) -> None:
    """Print an error on stderr, in one line."""
    err.print(f"[red]error:[/] {escape(' '.join(sentence.split()))}")


def warn(sentence: str) -> None:
    """Print a warning on stderr, in one line."""
    err.print(f"[yellow]warning:[/] {escape(sentence)}")


def note(sentence: str) -> None:
    """Print a hint about the result on stderr."""
    err.print(f"[dim]{escape(sentence)}[/]")


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Show at a terminal what a block is doing, with an animation that disappears at the end."""
    with err.status(f"{what} …") if err.is_interactive else nullcontext():
        yield


def confirm(question: str, *, err: bool = True) -> None:
    """Ask on stderr, or on stdout, whether to go on; a no raises `typer.Abort`."""
    typer.confirm(printable(question), abort=True, err=err)


class Sentences(logging.Handler):
    """Prints log records as sentences on stderr."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a warning or an error; other records are ignored."""
        if record.levelno >= logging.WARNING and _kept:
            _kept[-1].append(record)
        elif record.levelno >= logging.WARNING:
            _say(fields_of(record), record.levelno)


_kept: list[list[logging.LogRecord]] = []


@contextmanager
def logs_deferred(show: Callable[[], None]) -> Iterator[None]:
    """Defer log records until the end of a block, and call ``show`` before they are printed."""
    _kept.append([])
    try:
        yield
    finally:
        kept = _kept.pop()
        show()
        for record in kept:
            _say(fields_of(record), record.levelno)


def _say(event: Mapping[str, Any], level: int) -> None:
    match event:
        case {"event": "failed", "reason": reason}:
            complain(f"{event['vm']}: {reason}" if event.get("vm") else reason)
        case {"event": "unknown_parameters", "given": given, "meant": meant}:
            hints = {name: f" (did you mean {meant[name]}?)" for name in meant}
            warn(f"ignored, because there are no such parameters: {', '.join(n + hints.get(n, '') for n in given)}")
        case {"event": sentence, **rest} if not rest:
            complain(sentence) if level >= logging.ERROR else warn(sentence)
        case _:
            warn(", ".join(f"{name} {value}" for name, value in event.items()))


_gathered: list[list[Any]] = []


def print_json(value: Any) -> None:
    """Print one JSON value on stdout and nothing else; inside `one_array` it becomes an element of the array."""
    if _gathered:
        return _gathered[-1].append(value)
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")
    return None


def as_yaml(value: Any) -> str:
    """Write a value as YAML; keys keep their order."""
    import yaml

    return str(yaml.safe_dump(value, sort_keys=False, allow_unicode=True)).rstrip()


def print_yaml(value: Any) -> None:
    """Print one value as YAML on stdout and nothing else, without colours and without wrapping lines."""
    sys.stdout.write(as_yaml(value) + "\n")


def print_json_line(value: Any) -> None:
    """Print one JSON value on one line, and flush stdout."""
    sys.stdout.write(json.dumps(value, default=str) + "\n")
    sys.stdout.flush()


def print_event(event: Mapping[str, Any]) -> None:
    """Print an event of a worker's log: time, event, and fields."""
    rest = {name: value for name, value in event.items() if name not in {"event", "level", "timestamp"}}
    words = "  ".join(f"{name}={value}" for name, value in rest.items() if value != "")
    colour = {"warning": "yellow", "error": "red"}.get(str(event.get("level")), "default")
    out.print(f"[dim]{escape(str(event['timestamp']))}[/] [{colour}]{escape(str(event['event']))}[/]  {escape(words)}")


@contextmanager
def one_array() -> Iterator[None]:
    """Print all JSON values of a block as one array, in their order."""
    _gathered.append([])
    try:
        yield
    finally:
        values = _gathered.pop()
    print_json(values)


def fields(parts: Mapping[str, Any]) -> None:
    """Print names and values below each other, values aligned; empty values are left out."""
    shown = {name: _text(value) for name, value in parts.items() if value not in (None, "", [], {})}
    width = max(map(len, shown), default=0)
    for name, value in shown.items():
        out.print(f"  [dim]{name:<{width}}[/]  {escape(value)}")


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table with aligned columns: as wide as the terminal, or unlimited in a pipe."""
    first, *others = aligned(header, rows, out.width if out.is_terminal else None)
    out.print(escape(first), style="dim")
    for line in others:
        out.print(escape(line))


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]], most: int | None = None) -> list[str]:
    """Give the lines of a table with aligned columns; with ``most``, columns are cut to lines of that width."""
    shown = [[printable(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    while most and sum(widths) + 2 * len(widths) - 2 > most and max(widths) > _NARROWEST:
        widths[widths.index(max(widths))] -= 1
    return ["  ".join(f"{_cut(*pair):<{pair[1]}}" for pair in zip(row, widths, strict=True)).rstrip() for row in shown]


def _cut(cell: str, width: int) -> str:
    """Cut a cell to a width: a path at its start, any other text at its end."""
    if len(cell) <= width:
        return cell
    is_path = "/" in cell and " " not in cell
    return f"…{cell[1 - width :]}" if is_path else f"{cell[: width - 1]}…"


def duration(seconds: float) -> str:
    """Write a duration for people: ``0.4 s``, ``12 s``, ``1 min 31 s``, ``2 h 5 min``, ``3 d 4 h``."""
    if seconds < 10:
        return f"{max(seconds, 0.0):.1f} s"
    index, (size, unit) = next((i, each) for i, each in enumerate(_UNITS) if seconds >= each[0])
    whole, rest = divmod(int(seconds), size)
    finer, finer_unit = _UNITS[min(index + 1, len(_UNITS) - 1)]
    return f"{whole} {unit}" + (f" {rest // finer} {finer_unit}" if rest >= finer else "")


def hourly(amount: float | None, *, made_up: bool) -> str:
    """Write an hourly price, in US dollars; '' if it is unknown."""
    return f"${amount:.4g}/h{' (made up)' if made_up else ''}" if amount is not None else ""


def spent(amount: float | None) -> str:
    """Write an upper bound of a cost, in US dollars; '' if it is unknown."""
    return "" if amount is None else f"≤ ${amount:.2f}"


def moment(seconds: float) -> str:
    """Write a time, in seconds since the epoch: ``2030-01-31 03:00:00 UTC (5 min 2 s ago)``."""
    away = time.time() - seconds
    return f"{instant(seconds)} ({f'{duration(away)} ago' if away >= 0 else f'in {duration(-away)}'})"


def instant(seconds: float) -> str:
    """Write a time, in seconds since the epoch: ``2030-01-31 03:00:00 UTC``."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
