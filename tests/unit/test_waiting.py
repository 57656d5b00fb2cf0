"""The one loop that waits: how often it looks, how long it sleeps, and when it gives up."""

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


def test_a_timeout_of_zero_is_exactly_one_look(clock: Clock) -> None:
    """``pollTimeout: 0`` asks how things stand, at no cost in time."""
    looks: list[float] = []

    def look() -> NotYet:
        looks.append(clock.now)
        return NotYet(5)

    assert poll_until(look, timeout=0) is None
    assert (len(looks), clock.slept) == (1, [])


@pytest.mark.parametrize("answer", ["done", "", 0, False, {}, ()])
def test_whatever_is_not_later_is_the_answer(clock: Clock, answer: object) -> None:
    """An answer that is empty or false is an answer still."""
    assert poll_until(lambda: answer, timeout=60) == answer
    assert clock.slept == []


def test_it_asks_again_when_the_look_says_so(clock: Clock) -> None:
    """Each look sets its own pause, as a service's Retry-After does."""
    answers = iter([NotYet(2), NotYet(7), "done"])
    assert poll_until(lambda: next(answers), timeout=60) == "done"
    assert clock.slept == [2, 7]


def test_the_last_look_is_at_the_deadline(clock: Clock) -> None:
    """What came true while it slept, up to the very end, is not lost."""
    assert poll_until(lambda: "just in time" if clock.now >= 1003 else NotYet(10), timeout=3) == "just in time"
    assert clock.slept == [3]


def test_what_the_look_raises_passes_through(clock: Clock) -> None:
    """The loop knows nothing of errors: whoever looks decides which of them mean later."""
    with pytest.raises(ConnectionError, match="reset"):
        poll_until(lambda: (_ for _ in ()).throw(ConnectionError("reset")), timeout=60)
    assert clock.slept == []


@given(pauses=st.lists(st.floats(0.01, 100), min_size=1), timeout=st.floats(0, 50))
def test_it_never_sleeps_past_the_deadline_and_never_ends_before(pauses: list[float], timeout: float) -> None:
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


def test_who_asks_again_and_again_asks_less_often(clock: Clock) -> None:
    """A service that answers so often a minute is asked soon at first, and no more often than that in the end."""
    looks = iter([NotYet(1, max_interval=4)] * 6)
    assert poll_until(lambda: next(looks, "done"), timeout=60) == "done"
    assert clock.slept == [1, 1.5, 2.25, 3.375, 4, 4]


def test_a_pause_is_never_shorter_than_was_asked_for(clock: Clock) -> None:
    """A caller's own, longer interval stays as it is."""
    looks = iter([NotYet(30, max_interval=4)] * 2)
    assert poll_until(lambda: next(looks, "done"), timeout=90) == "done"
    assert clock.slept == [30, 30]


class Poller:
    """The standard library's poller, which calls ``meanwhile`` in a thread of its own when somebody waits at it."""

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


def test_the_end_of_a_process_ends_the_pause(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for a worker looks again when it is gone, not when the time is up: nothing sleeps."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        poller = Poller(process.communicate)
        monkeypatch.setattr(select, "poll", lambda: poller)
        looks: list[NotYet | bool] = [NotYet(60, process.pid), True]
        assert poll_until(lambda: looks.pop(0), timeout=60) is True
    assert (clock.slept, process.returncode) == ([], 1)


def test_a_process_that_is_gone_is_not_waited_for(clock: Clock) -> None:
    """Its record may say otherwise for a moment: it is looked at again, without a busy loop."""
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    looks: list[NotYet | bool] = [NotYet(60, gone.pid), NotYet(60, gone.pid), True]
    assert poll_until(lambda: looks.pop(0), timeout=60) is True
    assert clock.slept == [0.02, 0.02]


def test_a_look_that_is_to_come_later_is_not_taken_before() -> None:
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
    """What may pass."""


def refusing(*answers: object) -> Callable[[], object]:
    """Give a call that raises what is an exception, and gives the rest, in turn."""
    rest = iter(answers)

    def call() -> object:
        answer = next(rest)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return call


@pytest.mark.parametrize("answer", ["done", None, False])
def test_a_retry_ends_with_the_first_answer(clock: Clock, answer: object) -> None:
    """Nothing is an answer too; the pauses are numbered from 1."""
    call = refusing(Refused(), Refused(), answer)
    assert retry(call, Refused, lambda _, times: float(times), timeout=60) is answer
    assert clock.slept == [1, 2]


def test_a_retry_gives_up_at_its_deadline_with_the_last_refusal(clock: Clock) -> None:
    """Whoever waited in vain learns what stood in the way at the end."""
    last = Refused("last")
    with pytest.raises(Refused, match="last"):
        retry(refusing(Refused("first"), last), Refused, lambda *_: 5.0, timeout=3)
    assert clock.slept == [3]


def test_a_retry_passes_on_what_another_call_would_not_help(clock: Clock) -> None:
    """Neither a refusal that is final, nor an error that is none of those that were named, is waited for."""
    with pytest.raises(Refused):
        retry(refusing(Refused()), Refused, lambda *_: None, timeout=60)
    with pytest.raises(ConnectionError):
        retry(refusing(ConnectionError()), Refused, lambda *_: 1.0, timeout=60)
    assert clock.slept == []
