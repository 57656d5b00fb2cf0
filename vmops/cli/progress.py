"""Waiting with progress: the steps of a worker, read from its log, are shown on stderr."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.markup import escape
from rich.spinner import Spinner

from vmops.cli.console import duration, err, logs_deferred
from vmops.core.log_reader import instant
from vmops.core.polling import NotYet, poll_until
from vmops.jobs.opened import Log
from vmops.ops.timeline import is_step
from vmops.protocol import Answer, Status

_POLL_INTERVAL = 0.1
"""Seconds between two reads of a worker's log."""

_REPEAT_AFTER = 30.0
"""Seconds without news after which the steps in flight are printed again, where there is no terminal."""

_FRAMES = 8
"""Frames per second of the animation on a terminal."""


@dataclass(frozen=True)
class Step:
    """Work on one resource; ``since`` and ``seconds`` (0 while it is in flight) are in seconds."""

    resource: str
    operation: str
    since: float
    seconds: float = 0.0
    failed: bool = False


class Watch:
    """The ended steps of a worker and those in flight, from its log; without a log, only a title.

    ``since`` is in seconds since the epoch. Another thread draws it on the terminal, so ``in_flight`` is replaced and
    never modified.
    """

    def __init__(self, title: str, since: float, log: Log | None = None) -> None:
        self.title, self.since, self.log = title, since, log
        self.in_flight: tuple[Step, ...] = ()
        self._spinner = Spinner("dots")

    def news(self) -> list[Step]:
        """Read the new lines of the log, and give the steps that have ended since the last call."""
        events = self.log.news() if self.log else ()
        return [step for event in events if (step := self._take(event))]

    def __rich_console__(self, _console: Console, _options: ConsoleOptions) -> RenderResult:
        """Draw the steps in flight, with their durations so far."""
        now = time.time()
        self._spinner.update(text=f"{escape(self.title)} [dim]{duration(now - self.since)}[/]")
        yield self._spinner
        for step in self.in_flight:
            yield f"  [cyan]…[/] {escape(step.resource)} [dim]{step.operation} {duration(now - step.since)}[/]"

    def _take(self, event: Mapping[str, Any]) -> Step | None:
        """Update the steps in flight with an event; give the step if it has ended."""
        if not is_step(event):
            return None
        since = instant(event)
        failed, seconds = event["event"] == "resource_failed", event.get("seconds", 0.0)
        step = Step(event["resource"], event["operation"], since, seconds, failed)
        others = tuple(other for other in self.in_flight if other.resource != step.resource)
        begun = event["event"] == "resource_begun"
        self.in_flight = (*others, step) if begun else others
        return None if begun else step


def follow(wait: Callable[[float], Answer], watch: Watch | None, timeout: float) -> Answer:
    """Wait for at most ``timeout`` seconds with progress; ``watch`` is None if there is nothing to show.

    ``wait`` waits for the given number of seconds. If there is a log, it is called with 0 in short intervals; without
    one it is called once, because Azure limits how often it may be polled.
    """
    if watch is None:
        return wait(timeout)
    with _screen(watch) as show:
        if watch.log is None:
            return wait(timeout)

        def poll() -> Answer | NotYet:
            with logs_deferred(show):
                answer = wait(0)
            return NotYet(_POLL_INTERVAL) if answer[0] is Status.PENDING else answer

        return poll_until(poll, timeout=timeout) or (Status.TIMED_OUT if timeout else Status.PENDING, {})


@contextmanager
def _screen(watch: Watch) -> Iterator[Callable[[], None]]:
    """Give the function that shows news: above an animation on a terminal, as plain lines elsewhere."""
    if err.is_interactive:
        with Live(watch, console=err, refresh_per_second=_FRAMES, transient=True):
            yield lambda: _show(watch.news())
    else:
        err.print(f"{escape(watch.title)} …")
        yield Lines(watch).show


class Lines:
    """Prints a line for each step that ends and, after ``repeat_after`` seconds without news, for each in flight."""

    def __init__(self, watch: Watch, repeat_after: float = _REPEAT_AFTER) -> None:
        self._watch, self._repeat_after = watch, repeat_after
        self._printed = time.monotonic()

    def show(self) -> None:
        """Print the news."""
        news = self._watch.news()
        _show(news)
        if news:
            self._printed = time.monotonic()
        elif time.monotonic() - self._printed >= self._repeat_after:
            self._printed = time.monotonic()
            for step in self._watch.in_flight:
                err.print(f"  … {escape(step.resource)} {step.operation}, {duration(time.time() - step.since)} so far")


def _show(news: list[Step]) -> None:
    for step in news:
        mark = "[red]✗[/]" if step.failed else "[green]✓[/]"
        err.print(f"  {mark} {escape(step.resource)} [dim]{step.operation} {duration(step.seconds)}[/]")
