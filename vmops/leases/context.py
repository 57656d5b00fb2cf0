"""Context managers and decorators for VMs that live as long as a block of a program or a call of a function."""

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from threading import Lock
from types import TracebackType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, cast

from vmops.core import signals
from vmops.core.errors import ProvisionError, SpecError
from vmops.core.holder import Kind
from vmops.core.settings import Settings
from vmops.core.signals import signals_as_exceptions
from vmops.leases.lease import Lease
from vmops.leases.machine import Machine

T = TypeVar("T")
P = ParamSpec("P")
R = TypeVar("R")

_UNHEARD_TTL = "24h"
"""Time to live, in seconds, of a VM without a ``ttl`` whose holder cannot handle SIGTERM."""

_UNSAID = Lock()
"""Taken for good by the first thread that warns: the warning appears once a process."""

_log = logging.getLogger("vmops")


def machine(
    params: Mapping[str, Any],
    *,
    settings: Settings | None = None,
    keep_on_error: bool = False,
    take_over: bool = False,
) -> "MachineContext[Machine]":
    """Hold a VM for a block (``with``, ``async with``) or for each call of a function, which gets it first.

    Entering provisions the VM and waits until it runs. If a VM of that name exists, it is taken over when its holder
    has died, and refused when its holder is alive or when it has none. ``take_over`` takes it in any case.

    Leaving removes the VM and all that was made for it, unless another holder has taken it over. A worker gets the
    removal before anything is waited for, so neither an exception nor SIGINT, SIGTERM or SIGHUP can lose it. If this
    process is killed, ``ttl`` and the sweep remove the VM. With ``keep_on_error``, a VM whose block raised an Exception
    stays until its time to live is over, held by nobody, and the log says how to log in.

    Raises: on entering, SpecError for wrong parameters, and ProvisionError if the VM cannot be made. On leaving,
    ProvisionError if it cannot be removed; if another exception is on its way, that one gets a note instead.
    """
    if params.get("vmCount") is not None:
        raise SpecError("vmCount: one VM is held by `machine`, and a fleet by `machines`")
    return MachineContext([params], _only, settings, Manner(Kind.MACHINE, keep_on_error, take_over))


def hold_all(
    kind: Kind,
    wanted: Sequence[Mapping[str, Any]],
    *,
    settings: Settings | None = None,
    keep_on_error: bool = False,
    take_over: bool = False,
) -> "MachineContext[list[Machine]]":
    """Hold several VMs as `machines` does, as a holder of another kind."""
    return MachineContext(wanted, list, settings, Manner(kind, keep_on_error, take_over))


def machines(
    wanted: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    *,
    settings: Settings | None = None,
    keep_on_error: bool = False,
    take_over: bool = False,
) -> "MachineContext[list[Machine]]":
    """Hold several VMs as `machine` holds one: made at the same time, in the order of ``wanted``, all or none.

    The parameters of a fleet (``vmCount``) stand for its members, those that run if ``minCount`` of them are enough.
    """
    each = [wanted] if isinstance(wanted, Mapping) else wanted
    return hold_all(Kind.MACHINE, each, settings=settings, keep_on_error=keep_on_error, take_over=take_over)


@dataclass(frozen=True)
class Manner:
    """How VMs are held: by which kind of holder, whether a failed block keeps them, and whether others' are taken."""

    kind: Kind
    keep_on_error: bool
    take_over: bool


class MachineContext(Generic[T]):
    """The result of `machine` and `machines`: usable for one block at a time, or for any number of function calls."""

    def __init__(
        self,
        wanted: Sequence[Mapping[str, Any]],
        give: Callable[[list[Machine]], T],
        settings: Settings | None,
        manner: Manner,
    ) -> None:
        self._wanted, self._give, self._settings, self._manner = wanted, give, settings, manner
        self._lease: Lease

    def __enter__(self) -> T:
        self._lease = self._new_lease()
        signals_as_exceptions.__enter__()
        try:
            return self._give(self._lease.acquire())
        except BaseException as error:
            self._leave(error, keep=False)
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._leave(error, keep=self._keeps(error))

    def let_go(self) -> None:
        """Send the removal to a worker while the block goes on; leaving the block waits for it."""
        self._lease.let_go()

    async def __aenter__(self) -> T:
        self._lease = self._new_lease()
        signals_as_exceptions.__enter__()
        try:
            return self._give(await _in_thread(self._lease.acquire))
        except BaseException as error:
            await self._leave_async(error, keep=False)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self._leave_async(error, keep=self._keeps(error))

    def __call__(self, function: Callable[Concatenate[T, P], R]) -> Callable[P, R]:
        """Hold new VMs for each call of a function, which may be ``async`` and gets them before its arguments."""

        @wraps(function)
        def called(*args: P.args, **kwargs: P.kwargs) -> R:
            with self._anew() as held:
                return function(held, *args, **kwargs)

        @wraps(function)
        async def awaited(*args: P.args, **kwargs: P.kwargs) -> Any:
            async with self._anew() as held:
                return await cast(Awaitable[Any], function(held, *args, **kwargs))

        held_for = cast(Callable[P, R], awaited if inspect.iscoroutinefunction(function) else called)
        held_for.__signature__ = _without_first(inspect.signature(function))  # type: ignore[attr-defined]
        return held_for

    def _anew(self) -> "MachineContext[T]":
        return MachineContext(self._wanted, self._give, self._settings, self._manner)

    def _new_lease(self) -> Lease:
        wanted = _bounded(self._wanted) if signals.dies_without_cleanup() else self._wanted
        return Lease(wanted, self._settings, self._manner.kind, take_over=self._manner.take_over)

    def _keeps(self, error: BaseException | None) -> bool:
        return self._manner.keep_on_error and isinstance(error, Exception)

    def _leave(self, error: BaseException | None, *, keep: bool) -> None:
        try:
            with _noted(error):
                self._lease.keep() if keep else self._lease.let_go()
                self._lease.wait_gone()
        finally:
            signals_as_exceptions.__exit__(None, None, None)

    async def _leave_async(self, error: BaseException | None, *, keep: bool) -> None:
        try:
            with _noted(error):
                await _in_thread(self._lease.keep if keep else self._lease.let_go)
                await _in_thread(self._lease.wait_gone)
        finally:
            self._lease.abandon()
            signals_as_exceptions.__exit__(None, None, None)


@contextmanager
def _noted(error: BaseException | None) -> Iterator[None]:
    """Add a failed removal as a note to the exception on its way, if there is one, and log it as an error."""
    try:
        yield
    except ProvisionError as left:
        if error is None:
            raise
        error.add_note(f"vmops: {left}")
        _log.error("%s", left)


async def _in_thread(call: Callable[[], R]) -> R:
    """Run a call in a thread of its own, to its end, even if the task is cancelled."""
    pool = ThreadPoolExecutor(1, "vmops")
    try:
        return await asyncio.shield(asyncio.wrap_future(pool.submit(call)))
    finally:
        pool.shutdown(wait=False)


def _bounded(wanted: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Give VMs without a time to live one: nobody is left to remove them if SIGTERM kills this process."""
    bounded = [params if params.get("ttl") else {**params, "ttl": _UNHEARD_TTL} for params in wanted]
    if bounded != list(wanted):
        _warn_unheard()
    return bounded


def _warn_unheard() -> None:
    """Warn once a process of what a SIGTERM would leave running."""
    if not _UNSAID.acquire(blocking=False):
        return
    _log.warning(
        "a VM is held in a thread that is not the main one, and SIGTERM ends this process without its removal: "
        "it has a ttl of %s, after which `vmops sweep` removes it; give it one of your own, or handle SIGTERM",
        _UNHEARD_TTL,
    )


def _only(held: list[Machine]) -> Machine:
    return held[0]


def _without_first(signature: inspect.Signature) -> inspect.Signature:
    return signature.replace(parameters=list(signature.parameters.values())[1:])
