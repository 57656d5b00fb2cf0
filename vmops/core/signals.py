"""Signals that ask a program to end, while it holds what must not be forgotten.

Python calls a signal's handler in the main thread only, and only there can one be set: in any other thread the blocks
below do nothing.
"""

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from types import FrameType, TracebackType
from typing import NoReturn

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, ``kill``, and the terminal or the connection that closes. Source: signal(7)."""

_PYTHONS = {signal.SIGPIPE, signal.SIGXFSZ}
"""Signals that every Python ignores. Source: Python documentation, module signal."""

Handler = Callable[[int, FrameType | None], object]


def leave(number: int, _frame: FrameType | None) -> NoReturn:
    """Leave the program in order. Source: bash manual, exit status: 128 and the number of the signal."""
    raise SystemExit(128 + number)


def reset() -> None:
    """Have signals arrive, and mean what they mean to a new program, whatever our starter has blocked or ignored.

    Both are inherited by whatever a program starts. Source: signal(7), execve(2).
    """
    for number in signal.valid_signals() - _PYTHONS:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


class Unwinding:
    """Blocks in which a signal that would kill the process at once raises an exception, so that it leaves in order.

    A handler of the program's own stays in charge, and an ignored signal stays ignored. Blocks may overlap; after the
    last one all is as before.
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
"""The one for this process, whose handlers are the process's."""


@contextmanager
def handled(handler: Handler, numbers: Sequence[signal.Signals] = ENDING) -> Iterator[None]:
    """Give signals, unless they are ignored, to ``handler`` for as long as the block lasts."""
    with ExitStack() as handlers:
        for number in numbers if _in_main_thread() else ():
            _handle(number, handler, handlers, instead_of=lambda found: found not in (None, signal.SIG_IGN))
        yield


@contextmanager
def signals_deferred() -> Iterator[None]:
    """Keep signals away from a block that must not be cut in two; the first that came is dealt with after it."""
    came: list[int] = []
    try:
        with handled(lambda number, _: came.append(number)):
            yield
    finally:
        if came:
            signal.raise_signal(came[0])


def ends_unheard() -> bool:
    """Tell whether SIGTERM would end this process without any Python running, which this thread cannot change."""
    return not _in_main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def _handle(number: int, handler: Handler, handlers: ExitStack, *, instead_of: Callable[[object], bool]) -> None:
    """Set a handler until ``handlers`` is closed, unless what is there is to stay, or another is there by then."""
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
