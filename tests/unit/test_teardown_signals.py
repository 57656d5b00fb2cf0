"""The handling of terminating signals, which are really sent to this process."""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from vmops.core.signals import ENDING, handled, signals_as_exceptions, signals_deferred


@pytest.fixture(autouse=True)
def _same_handlers_afterwards() -> Iterator[None]:
    """Check that the handlers are restored."""
    before = [signal.getsignal(number) for number in ENDING]
    yield
    after = [signal.getsignal(number) for number in ENDING]
    for number, handler in zip(ENDING, before, strict=True):
        signal.signal(number, handler)
    assert after == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_terminating_signal_raises_system_exit(number: signal.Signals) -> None:
    """With the shell's exit code for it."""
    with pytest.raises(SystemExit) as left, signals_as_exceptions:
        signal.raise_signal(number)
    assert left.value.code == 128 + number


def test_sigint_stays_keyboard_interrupt() -> None:
    """It is an exception already."""
    with pytest.raises(KeyboardInterrupt), signals_as_exceptions:
        signal.raise_signal(signal.SIGINT)


def test_a_programs_own_handler_stays() -> None:
    """A program that sets a flag in its handler, and ends later, still works."""
    came: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: came.append(number))
    with signals_as_exceptions:
        signal.raise_signal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, before)
    assert came == [signal.SIGTERM]


def test_an_ignored_signal_stays_ignored() -> None:
    """As under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with signals_as_exceptions, signals_deferred():
        signal.raise_signal(signal.SIGHUP)
    signal.signal(signal.SIGHUP, before)


def test_blocks_may_overlap() -> None:
    """The handler stays until the last block ends."""
    first, second = ExitStack(), ExitStack()
    first.enter_context(signals_as_exceptions)
    second.enter_context(signals_as_exceptions)
    first.close()
    with pytest.raises(SystemExit):
        signal.raise_signal(signal.SIGTERM)
    second.close()
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_handler_set_inside_a_block_stays() -> None:
    """Who sets one there wants it."""
    with signals_as_exceptions:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    assert signal.signal(signal.SIGTERM, signal.SIG_DFL) is signal.SIG_IGN


def test_a_deferred_signal_is_raised_after_the_block() -> None:
    """What must not be cut in two is whole, and the signal is not lost."""
    done = []

    def work() -> None:
        signal.raise_signal(signal.SIGINT)
        done.append("whole")

    with pytest.raises(KeyboardInterrupt), signals_deferred():
        work()
    assert done == ["whole"]


def test_an_exception_does_not_lose_a_deferred_signal() -> None:
    """It becomes the signal's context."""
    with pytest.raises(KeyboardInterrupt) as interrupted, signals_deferred():
        _fail_on(signal.SIGINT)
    assert isinstance(interrupted.value.__context__, ValueError)


def _fail_on(number: signal.Signals) -> None:
    signal.raise_signal(number)
    raise ValueError


def test_a_raising_handler_restores_all_handlers() -> None:
    """All handlers are put back, whichever of them has raised."""

    def refuse(number: int, _frame: object) -> None:
        raise OSError(number)

    with pytest.raises(OSError, match=str(int(signal.SIGHUP))), handled(refuse):
        signal.raise_signal(signal.SIGHUP)


def test_other_threads_change_no_handlers() -> None:
    """Python lets none but the main thread have a handler; blocks elsewhere do no harm."""
    ran = []

    def block() -> None:
        with signals_as_exceptions, signals_deferred():
            ran.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=block)
    thread.start()
    thread.join()
    assert ran == [signal.SIG_DFL]
