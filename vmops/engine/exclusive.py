"""Runs one command of the engine, waiting for the engine's own lock, and classifies its failure."""

import math
import re
from collections.abc import Callable
from typing import Any, NoReturn

from pulumi.automation import CommandError
from pulumi.automation.errors import ConcurrentUpdateError, StackAlreadyExistsError, StackNotFoundError

from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.log import get_logger
from vmops.core.polling import backoff, retry
from vmops.engine.backend.lock_holder import refuse_living_holder
from vmops.engine.backend.notes import EngineNotes
from vmops.engine.backend.refusals import refused_state
from vmops.engine.events import ENGINE_LOST, EventLog

LOCK_TIMEOUT = 60.0
"""Seconds to wait for another engine to release the stack's lock."""

_RETRY_INTERVAL = 3.0
"""Seconds between two attempts; each attempt starts an engine."""

_MAX_LOSSES = 3
"""How often in a row a program may lose its engine.

Source: seen once in some thousand engines. A new gRPC channel to a port waits as an earlier channel to it does that was
refused, and answers UNAVAILABLE meanwhile; an engine may get the port of an earlier one.
"""


class _Locked(OperationFailed):
    """The engine found the stack locked; another attempt may be made in ``pause`` seconds."""

    def __init__(self, failure: Failure, pause: float) -> None:
        super().__init__(failure)
        self.pause = pause


def run_exclusively(log: EventLog, command: Callable[[], Any], unlock: Callable[[], Any], notes: EngineNotes) -> None:
    """Run a command. A lock whose engine is dead by its ``notes`` is deleted by ``unlock``; any other is waited for.

    A command whose program has lost the engine is run again: nothing failed but their connection.

    Raises: OperationFailed, as `attempt` does, or (locked) naming the holder of the lock; Pulumi's exceptions about a
    stack that exists or does not.
    """

    def once() -> None:
        try:
            attempt(log, command)
        except ConcurrentUpdateError as error:
            _unlock(log, str(error), unlock, notes)

    def after_loss(failed: OperationFailed, times: int) -> float | None:
        return backoff(times) if failed.failure.code == ENGINE_LOST and times < _MAX_LOSSES else None

    retry(lambda: _when_unlocked(once), OperationFailed, after_loss, timeout=math.inf)


def _when_unlocked(once: Callable[[], None]) -> None:
    """Repeat an attempt for as long as another engine may hold the stack's lock."""

    def pause(refusal: _Locked, times: int) -> float:
        if times == 1 and refusal.pause:
            get_logger().warning("waiting", cause=refusal.failure.message)
        return refusal.pause

    retry(once, _Locked, pause, timeout=LOCK_TIMEOUT)


def attempt(log: EventLog, command: Callable[[], Any]) -> None:
    """Run a command once.

    Raises: OperationFailed, classified from the engine's events or from its refusal of the state; Pulumi's exceptions
    about a stack that exists, does not, or is locked.
    """
    log.forget()
    try:
        command()
    except (ConcurrentUpdateError, StackAlreadyExistsError, StackNotFoundError):
        raise
    except CommandError as error:
        get_logger().error("engine_failed", said=str(error))
        raise OperationFailed(refused_state(str(error)) or log.cause(_last_words(str(error)))) from None


def _unlock(log: EventLog, message: str, unlock: Callable[[], Any], notes: EngineNotes) -> NoReturn:
    """Delete a dead engine's lock.

    Raises: _Locked, to retry at once if the lock was deleted, and after a while if its holder may be alive.
    """
    dead = notes.of_the_dead()
    try:
        refuse_living_holder(message, notes)
    except OperationFailed as refusal:
        raise _Locked(refusal.failure, _RETRY_INTERVAL) from None
    attempt(log, unlock)
    notes.forget(dead)
    raise _Locked(
        Failure(FailureKind.LOCKED, "the lock of a dead engine was deleted, but another engine has taken it"), 0.0
    ) from None


def _last_words(text: str) -> str:
    """Give the engine's last error line, without its colours."""
    lines = [line.strip() for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error:")]
    return (errors or lines or ["the engine exited with an error and no message"])[-1].removeprefix("error: ")
