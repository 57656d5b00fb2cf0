"""Signals that terminate a program, handled so that it can clean up first.

Python runs signal handlers in the main thread only, and only that thread can set them. In any other thread the context
managers below do nothing.
"""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import FrameType, TracebackType
from typing import NoReturn

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""The signals of Ctrl-C, of ``kill``, and of a terminal or connection that closes. Source: signal(7)."""

_PYTHONS = {signal.SIGPIPE, signal.SIGXFSZ}
"""Signals that every Python process ignores. Source: Python documentation, module signal."""

Handler = Callable[[int, FrameType | None], object]


def leave(number: int, _frame: FrameType | None) -> NoReturn:
    """Raise SystemExit with 128 plus the signal's number. Source: bash manual, exit status."""
    raise SystemExit(128 + number)


def reset() -> None:
    """Unblock all signals and reset their handlers, whatever the parent process has blocked or ignored.

    A program inherits both from its parent. Source: signal(7), execve(2).
    """
    for number in signal.valid_signals() - _PYTHONS:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


class Unwinding:
    """A block in which a signal that would kill the process raises an exception instead, so that cleanup runs.

    A handler that the program has set stays, and an ignored signal stays ignored. Blocks may overlap; the handlers are
    restored after the last one.
    """

    def __init__(self, handler: Handler = leave) -> None:
        self._handler = handler
        self._blocks = 0
        self._handlers = ExitStack()

    def __enter__(self) -> None:
        if not _in_main_thread():
            return
        self._blocks += 1
        if self._blocks == 1:
            for number in ENDING:
                _handle(number, self._handler, self._handlers, instead_of=lambda found: found is signal.SIG_DFL)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._blocks and _in_main_thread():
            self._blocks -= 1
            if not self._blocks:
                self._handlers.close()


signals_as_exceptions = Unwinding()
"""The one instance of this process: signal handlers belong to the process."""


@contextmanager
def handled(handler: Handler, numbers: Sequence[signal.Signals] = ENDING) -> Iterator[None]:
    """Handle signals with ``handler`` during the block, unless they are ignored."""
    with ExitStack() as handlers:
        for number in numbers if _in_main_thread() else ():
            _handle(number, handler, handlers, instead_of=lambda found: found not in (None, signal.SIG_IGN))
        yield


@contextmanager
def signals_deferred() -> Iterator[None]:
    """Defer SIGINT, SIGTERM and SIGHUP until the end of the block; then the first that arrived is raised again."""
    received: list[int] = []
    try:
        with handled(lambda number, _: received.append(number)):
            yield
    finally:
        if received:
            signal.raise_signal(received[0])


def dies_without_cleanup() -> bool:
    """Tell whether SIGTERM would end this process without running any Python, and this thread cannot change that."""
    return not _in_main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def _handle(number: int, handler: Handler, handlers: ExitStack, *, instead_of: Callable[[object], bool]) -> None:
    """Replace the handler of a signal, if ``instead_of`` accepts it, until ``handlers`` is closed.

    A handler that was set later is not replaced then.
    """
    before = signal.getsignal(number)
    if not instead_of(before):
        return

    def restore() -> None:
        if signal.getsignal(number) is handler:
            signal.signal(number, before)

    handlers.callback(restore)
    signal.signal(number, handler)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
