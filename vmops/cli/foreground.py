"""Runs another command in the foreground: it gets the signals of this process, which exits with its code."""

import os
import shutil
import signal
from collections.abc import Callable, Mapping, Sequence
from types import FrameType

from vmops.cli.console import complain
from vmops.core import children, signals
from vmops.core.children import Apart, Child

_CANNOT_RUN, _NOT_FOUND = 126, 127
"""Exit codes of a program that runs another. Source: GNU coreutils manual, ``env``; bash manual, exit status."""

_FORWARDED = (*signals.ENDING, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)

_TYPED = frozenset({signal.SIGINT, signal.SIGQUIT})
"""Signals that a terminal sends to its whole foreground group. Source: termios(3), INTR and QUIT."""


def run_if_there(command: Sequence[str], run: Callable[[], int]) -> int:
    """Call ``run``, and give its exit code; 127 if the command does not exist, 126 if it cannot be run."""
    if shutil.which(command[0]) is None:
        complain(f"{command[0]}: no such command")
        return _NOT_FOUND
    try:
        return run()
    except OSError as error:
        complain(f"{command[0]}: {error.strerror}")
        return _CANNOT_RUN


def run(command: Sequence[str], environment: Mapping[str, str] | None, at_end: Callable[[], object] = str) -> int:
    """Run a command, and give its exit code: 128 plus the signal if a signal ended it.

    Its environment is ``environment``, or this process's own.

    ``at_end`` is called once, at the first signal that asks this process to end. Ctrl-C at a terminal that has the
    command in its foreground is ignored here, because the command gets it too.

    Raises: OSError if it cannot be run.
    """
    relay = _Relay(at_end)
    with signals.handled(relay, _FORWARDED):
        process = children.start(command, apart=Apart.NOT, stdin=children.OURS, env=environment)
        relay.to(process)
        code = process.wait()
    return code if code >= 0 else 128 - code


class _Relay:
    """A signal handler that forwards signals to a process, and calls ``at_end`` at the first that asks to end.

    Signals that arrive before the process has started are forwarded after its start.
    """

    def __init__(self, at_end: Callable[[], object]) -> None:
        self._process: Child | None = None
        self._early: list[int] = []
        self._at_end, self._ending = at_end, False

    def to(self, process: Child) -> None:
        """Forward signals to this process from now on, and those that have arrived so far."""
        self._process = process
        for number in self._early:
            process.send_signal(number)

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        if number in _TYPED and _in_foreground():
            return
        if self._process is None:
            self._early.append(number)
        else:
            self._process.send_signal(number)
        if number in signals.ENDING and not self._ending:
            self._ending = True
            self._at_end()


def _in_foreground() -> bool:
    """Tell whether this process, and with it the command, is in the foreground of a terminal."""
    try:
        terminal = os.open(os.ctermid(), os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)
