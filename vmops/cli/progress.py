"""Waiting with progress: a worker's steps are read from its log and shown on stderr."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner

from vmops.cli.console import duration, err, said_after
from vmops.core.log_reader import instant
from vmops.core.polling import NotYet, poll_until
from vmops.jobs.opened import Log
from vmops.ops.timeline import is_step
from vmops.protocol import Answer, Status

_LOOK = 0.1
"""Seconds between two reads of a worker's log."""

_STILL = 30.0
"""Seconds after which, without a terminal, the steps in flight are printed again."""

_FRAMES = 8
"""Frames a second of the animation on a terminal."""


@dataclass(frozen=True)
class Step:
    """Work on one resource; ``since`` and ``seconds`` (0 while it is in flight) are in seconds."""

    resource: str
    operation: str
    since: float
    seconds: float = 0.0
    failed: bool = False


class Watch:
    """The past and present steps of a worker, from its log; without a log, only what is waited for.

    ``since`` is in seconds since the epoch. The terminal's thread draws it, so ``in_flight`` is replaced, never
    modified.
    """

    def __init__(self, title: str, since: float, log: Log | None = None) -> None:
        self.title, self.since, self.log = title, since, log
        self.in_flight: tuple[Step, ...] = ()
        self._spinner = Spinner("dots")

    def news(self) -> list[Step]:
        """Read on in the log, and give the steps that have ended since the last call."""
        events = self.log.news() if self.log else ()
        return [step for event in events if (step := self._take(event))]

    def __rich_console__(self, _console: Console, _options: ConsoleOptions) -> RenderResult:
        """Draw what is in flight, and for how long."""
        now = time.time()
        self._spinner.update(text=f"{escape(self.title)} [dim]{duration(now - self.since)}[/]")
        yield self._spinner
        for step in self.in_flight:
            yield f"  [cyan]…[/] {escape(step.resource)} [dim]{step.operation} {duration(now - step.since)}[/]"

    def _take(self, event: Mapping[str, Any]) -> Step | None:
        """Note a step that began; give one that ended."""
        if not is_step(event):
            return None
        since = instant(event)
        failed, seconds = event["event"] == "resource_failed", event.get("seconds", 0.0)
        step = Step(event["resource"], event["operation"], since, seconds, failed)
        others = tuple(other for other in self.in_flight if other.resource != step.resource)
        begun = event["event"] == "resource_begun"
        self.in_flight = (*others, step) if begun else others
        return None if begun else step


def follow(look: Callable[[float], Answer], watch: Watch | None, timeout: float) -> Answer:
    """Wait for at most ``timeout`` seconds with progress; ``watch`` is None if there is nothing to show.

    ``look`` waits for as many seconds as it is given. With a log it is called in short intervals; without one only
    once, because Azure says how often it may be asked.
    """
    if watch is None:
        return look(timeout)
    with _screen(watch) as show:
        if watch.log is None:
            return look(timeout)

        def ask() -> Answer | NotYet:
            with said_after(show):
                answer = look(0)
            return NotYet(_LOOK) if answer[0] is Status.PENDING else answer

        return poll_until(ask, timeout=timeout) or (Status.TIMED_OUT if timeout else Status.PENDING, {})


@contextmanager
def _screen(watch: Watch) -> Iterator[Callable[[], None]]:
    """Give the way to show news: above an animation on a terminal, as plain lines elsewhere."""
    if err.is_interactive:
        with Live(watch, console=err, refresh_per_second=_FRAMES, transient=True):
            yield lambda: _show(watch.news())
    else:
        err.print(f"{escape(watch.title)} …")
        yield Lines(watch).show


class Lines:
    """Prints a line for each step that ends and, after each ``still`` seconds of silence, for each in flight."""

    def __init__(self, watch: Watch, still: float = _STILL) -> None:
        self._watch, self._still = watch, still
        self._said = time.monotonic()

    def show(self) -> None:
        """Show the news."""
        news = self._watch.news()
        _show(news)
        if news:
            self._said = time.monotonic()
        elif time.monotonic() - self._said >= self._still:
            self._said = time.monotonic()
            for step in self._watch.in_flight:
                err.print(f"  … {escape(step.resource)} {step.operation}, {duration(time.time() - step.since)} so far")


def _show(news: list[Step]) -> None:
    for step in news:
        mark = "[red]✗[/]" if step.failed else "[green]✓[/]"
        err.print(f"  {mark} {escape(step.resource)} [dim]{step.operation} {duration(step.seconds)}[/]")
