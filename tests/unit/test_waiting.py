"""The poll loop: intervals, deadline, retries."""

import select
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.clock import Clock, stopped_clock
from vmops.core.polling import NotYet, first_poll_after, poll_until, retry


@pytest.fixture
def clock() -> Iterator[Clock]:
    with stopped_clock() as clock:
        yield clock


def test_a_timeout_of_zero_is_one_check(clock: Clock) -> None:
    """``pollTimeout: 0`` asks how things stand, at no cost in time."""
    looks: list[float] = []

    def look() -> NotYet:
        looks.append(clock.now)
        return NotYet(5)

    assert poll_until(look, timeout=0) is None
    assert (len(looks), clock.slept) == (1, [])


@pytest.mark.parametrize("answer", ["done", "", 0, False, {}, ()])
def test_any_result_but_not_yet_ends_the_loop(clock: Clock, answer: object) -> None:
    """Also an empty or false one."""
    assert poll_until(lambda: answer, timeout=60) == answer
    assert clock.slept == []


def test_each_check_sets_the_next_interval(clock: Clock) -> None:
    """Each poll may set the next interval, as a service's Retry-After does."""
    answers = iter([NotYet(2), NotYet(7), "done"])
    assert poll_until(lambda: next(answers), timeout=60) == "done"
    assert clock.slept == [2, 7]


def test_the_last_check_is_at_the_deadline(clock: Clock) -> None:
    """What came true while it slept, up to the very end, is not lost."""
    assert poll_until(lambda: "just in time" if clock.now >= 1003 else NotYet(10), timeout=3) == "just in time"
    assert clock.slept == [3]


def test_an_exception_of_the_check_passes_through(clock: Clock) -> None:
    """The loop handles no errors: the check decides which of them mean "not yet"."""
    with pytest.raises(ConnectionError, match="reset"):
        poll_until(lambda: (_ for _ in ()).throw(ConnectionError("reset")), timeout=60)
    assert clock.slept == []


@given(pauses=st.lists(st.floats(0.01, 100), min_size=1), timeout=st.floats(0, 50))
def test_the_loop_ends_exactly_at_the_deadline(pauses: list[float], timeout: float) -> None:
    """Whatever pauses a service asks for, the caller gets its answer when it said it would wait no longer."""
    with stopped_clock() as clock:
        deadline, looks, asked = clock.now + timeout, [], iter(pauses)

        def look() -> NotYet:
            looks.append(clock.now)
            return NotYet(next(asked, 10.0))

        assert poll_until(look, timeout=timeout) is None
    assert len(looks) == len(clock.slept) + 1
    assert all(seconds <= deadline - begun for seconds, begun in zip(clock.slept, looks, strict=False))
    assert looks[-1] >= deadline


def test_the_interval_grows_up_to_max_interval(clock: Clock) -> None:
    """A service with a rate limit is polled soon at first, and later within its limit."""
    looks = iter([NotYet(1, max_interval=4)] * 6)
    assert poll_until(lambda: next(looks, "done"), timeout=60) == "done"
    assert clock.slept == [1, 1.5, 2.25, 3.375, 4, 4]


def test_max_interval_never_shortens_the_interval(clock: Clock) -> None:
    """A caller's own, longer interval stays as it is."""
    looks = iter([NotYet(30, max_interval=4)] * 2)
    assert poll_until(lambda: next(looks, "done"), timeout=90) == "done"
    assert clock.slept == [30, 30]


class Poller:
    """The standard library's poller, which calls ``meanwhile`` in another thread during a wait."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        self._poll = select.poll()
        self._thread = threading.Thread(target=meanwhile)
        self.register = self._poll.register

    def poll(self, milliseconds: float) -> list[tuple[int, int]]:
        if not milliseconds:
            return self._poll.poll(0)
        self._thread.start()
        found = self._poll.poll(milliseconds)
        self._thread.join()
        return found


def test_the_end_of_the_process_ends_the_sleep(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait for a worker checks again as soon as the worker's process has ended."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        poller = Poller(process.communicate)
        monkeypatch.setattr(select, "poll", lambda: poller)
        looks: list[NotYet | bool] = [NotYet(60, process.pid), True]
        assert poll_until(lambda: looks.pop(0), timeout=60) is True
    assert (clock.slept, process.returncode) == ([], 1)


def test_a_dead_process_gives_a_short_sleep(clock: Clock) -> None:
    """It is no busy loop."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    looks: list[NotYet | bool] = [NotYet(60, gone.pid), NotYet(60, gone.pid), True]
    assert poll_until(lambda: looks.pop(0), timeout=60) is True
    assert clock.slept == [0.02, 0.02]


def test_first_poll_after_delays_the_first_check() -> None:
    """What bids to be left alone for a while is; what does not is looked at now."""
    looks: list[str] = []

    def look() -> bool:
        looks.append("looked")
        return True

    early = first_poll_after(3600, look)()
    assert isinstance(early, NotYet)
    assert 0 < early.seconds <= 3600
    assert looks == []
    assert first_poll_after(0, look)() is True
    assert looks == ["looked"]


class Refused(Exception):
    """A refusal that may be retried."""


def refusing(*answers: object) -> Callable[[], object]:
    """Give a call that raises the exceptions and returns the other values, in turn."""
    rest = iter(answers)

    def call() -> object:
        answer = next(rest)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return call


@pytest.mark.parametrize("answer", ["done", None, False])
def test_retry_returns_the_first_result(clock: Clock, answer: object) -> None:
    """None is a result, too; refusals are numbered from 1."""
    call = refusing(Refused(), Refused(), answer)
    assert retry(call, Refused, lambda _, times: float(times), timeout=60) is answer
    assert clock.slept == [1, 2]


def test_retry_raises_the_last_refusal_at_the_deadline(clock: Clock) -> None:
    """The caller gets the reason that was the last one."""
    last = Refused("last")
    with pytest.raises(Refused, match="last"):
        retry(refusing(Refused("first"), last), Refused, lambda *_: 5.0, timeout=3)
    assert clock.slept == [3]


def test_retry_raises_final_and_other_errors_at_once(clock: Clock) -> None:
    """Neither a refusal that is final, nor an error that is none of those that were named, is waited for."""
    with pytest.raises(Refused):
        retry(refusing(Refused()), Refused, lambda *_: None, timeout=60)
    with pytest.raises(ConnectionError):
        retry(refusing(ConnectionError()), Refused, lambda *_: 1.0, timeout=60)
    assert clock.slept == []
