"""Simulated time, and processes that are threads of which one runs at a time.

A thread runs until it waits; then the thread that is due first runs, at its time. So a run is determined by its calls
alone. A killed thread runs no further line of the product; it is released at the end of the world.
"""

import itertools
import math
import signal
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

_FIRST_PID = 5_000_000
"""Above the system's process ids. Source: proc(5), pid_max is at most 2^22."""

_START = 1_800_000_000.0


class Gone(BaseException):
    """Ends the thread of a dead process at the end of its world."""


@dataclass(eq=False)
class Process:
    """One thread that acts as a process of a host; ``alarm`` is when its timer sends it a SIGALRM."""

    pid: int
    host: str = ""
    due: float = 0.0
    last: int = 0
    watches: int = 0
    alarm: float = math.inf
    alive: bool = True
    handlers: dict[int, Any] = field(default_factory=dict)
    sent: list[int] = field(default_factory=list)
    turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    thread: threading.Thread | None = None
    locks: set[int] = field(default_factory=set)
    died: Callable[[], object] = lambda: None


class Turns:
    """The processes of one world, and its time ``now``, in seconds.

    Each host has its own clock and its own process ids, and does not see another host's processes.
    """

    def __init__(self) -> None:
        self.now, self.over = _START, False
        self._order, self._pids = itertools.count(1), defaultdict[str, Iterator[int]](_numbers)
        self._set_by: Counter[str] = Counter()
        self.caller = self.current = Process(next(self._pids[""]))
        self._alive, self._dead = [self.caller], list[Process]()
        self.bugs = list[BaseException]()

    def monotonic(self) -> float:
        """Give the world's time."""
        return self.now

    def time(self) -> float:
        """Give the time by the clock of this host."""
        return self.now + self._set_by[self.current.host]

    def set_clock(self, seconds: float) -> None:
        """Change the clock of this host."""
        self._set_by[self.current.host] += int(seconds)

    @contextmanager
    def at(self, host: str) -> Iterator[None]:
        """Let the caller be on another host during a block."""
        here, self.caller.host = self.caller.host, host
        try:
            yield
        finally:
            self.caller.host = here

    def process(self, pid: int) -> Process | None:
        """Find a living process of this host."""
        seen = (each for each in self._alive if (each.pid, each.host) == (pid, self.current.host))
        return next(seen, None)

    @property
    def workers(self) -> list[Process]:
        """Give all living processes except the caller."""
        return [each for each in self._alive if each is not self.caller]

    def start_ticks(self, pid: int) -> int | None:
        """Give the start of a process of this host, which distinguishes it from others; None if it is dead."""
        found = self.process(pid)
        return found.pid if found else None

    def new_pid(self) -> int:
        """Give a process id that this host has never used."""
        return next(self._pids[self.current.host])

    def start(self, work: Callable[[], object]) -> Process:
        """Start a process; it runs when another one waits."""
        process = Process(self.new_pid(), self.current.host, self.now)
        process.thread = threading.Thread(target=self._run, args=(process, work), daemon=True)
        self._alive.append(process)
        process.thread.start()
        return process

    def sleep(self, seconds: float, process: int = 0, channel: int = 0) -> None:
        """Let others run for so long, or until a process has ended; channels are not simulated."""
        me, end = self.current, self.now + max(seconds, 0.0)
        self._deliver(me)
        while True:
            me.due, me.watches = min(end, me.alarm), process
            self._pass_on(me)
            self._deliver(me)
            if self.now >= end or (process and self.process(process) is None):
                return

    def send(self, process: Process, number: int) -> None:
        """Send a signal: SIGKILL ends a process, others are handled at once."""
        if number == signal.SIGKILL:
            self.kill(process)
        elif process.alive:
            process.sent.append(number)
            process.due = self.now

    def kill(self, process: Process) -> None:
        """End a process; a process that kills itself does not return from here."""
        if not process.alive:
            return
        self._dead.append(process)
        self._leave(process)
        if process is self.current:
            self._pass_on(process)

    def end(self) -> None:
        """Release every thread."""
        for process in self.workers:
            self.kill(process)
        self.over = True
        for process in self._dead:
            process.turn.release()
            if process.thread:
                process.thread.join(20)
                assert not process.thread.is_alive(), "a thread of the double does not end"

    def _run(self, process: Process, work: Callable[[], object]) -> None:
        process.turn.acquire()
        try:
            if not self.over:
                work()
        except Gone:
            return
        except BaseException as error:  # an exception is a bug of the simulation, raised at its end
            self.bugs.append(error)
        if not self.over:
            self._leave(process)
            self._next()

    def _leave(self, process: Process) -> None:
        """End a process, and wake those that wait for its end."""
        process.alive = False
        self._alive.remove(process)
        process.died()
        for other in self._alive:
            if (other.watches, other.host) == (process.pid, process.host):
                other.due = min(other.due, self.now)

    def _pass_on(self, me: Process) -> None:
        """Let the process run that is due first, and return when it is this one's turn."""
        if self._next() is me:
            return
        me.turn.acquire()
        if self.over and me is not self.caller:
            raise Gone

    def _next(self) -> Process:
        following = min(self._alive, key=lambda each: (each.due, each.last))
        self.now, following.last = max(self.now, following.due), next(self._order)
        if following is not self.current or not following.alive:
            self.current = following
            following.turn.release()
        return following

    def _deliver(self, me: Process) -> None:
        """Handle the signals of a process, and its alarm."""
        if self.now >= me.alarm:
            me.alarm = math.inf
            me.sent.append(signal.SIGALRM)
        while me.sent:
            number = me.sent.pop(0)
            handler = me.handlers.get(number, self._die)
            if callable(handler):
                handler(number, None)

    def _die(self, _number: int, _frame: Any) -> None:
        """Apply a signal without a handler."""
        self.kill(self.current)


def _numbers() -> Iterator[int]:
    return itertools.count(_FIRST_PID)


class Signals:
    """The ``signal`` module of a simulated process."""

    SIGTERM, SIGALRM, SIGINT, SIGKILL = signal.SIGTERM, signal.SIGALRM, signal.SIGINT, signal.SIGKILL
    SIG_IGN, ITIMER_REAL, Signals = signal.SIG_IGN, signal.ITIMER_REAL, signal.Signals

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    def signal(self, number: int, handler: Any) -> None:
        """Handle a signal from now on, or ignore it."""
        self._turns.current.handlers[number] = handler

    def setitimer(self, _which: int, seconds: float) -> None:
        """Set the alarm; 0 removes it."""
        process = self._turns.current
        process.alarm = self._turns.now + seconds if seconds else math.inf


@contextmanager
def turns() -> Iterator[Turns]:
    """Give a world's time and processes, all of which end with the block."""
    made = Turns()
    try:
        yield made
    finally:
        made.end()
