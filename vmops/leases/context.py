"""Context managers and decorators for VMs that live as long as a block of code or a function call."""

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

_FALLBACK_TTL = "24h"
"""Time to live of a VM without a ``ttl`` whose holder cannot handle SIGTERM."""

_WARNED = Lock()
"""Acquired by the first thread that warns, and never released: the warning appears once per process."""

_log = logging.getLogger("vmops")


def machine(
    params: Mapping[str, Any],
    *,
    settings: Settings | None = None,
    keep_on_error: bool = False,
    take_over: bool = False,
) -> "MachineContext[Machine]":
    """Hold a VM for a block (``with``, ``async with``), or for each call of a function as its first argument.

    Entering provisions the VM and waits until it runs. An existing VM of that name is taken over if its holder has
    died, and refused if its holder is alive or it has none. ``take_over`` takes it over in any case.

    Leaving removes the VM and all that was made for it, unless another holder has taken it over. The removal is sent to
    a worker before this waits, so neither an exception nor SIGINT, SIGTERM or SIGHUP can lose it. If this process is
    killed, the sweep removes the VM after its ``ttl``. With ``keep_on_error``, a VM whose block raised an Exception
    stays until it expires, without a holder, and the log says how to log in.

    Raises: on entering, SpecError for wrong parameters, and ProvisionError if the VM cannot be made. On leaving,
    ProvisionError if it cannot be removed; another exception that is being raised gets a note instead.
    """
    if params.get("vmCount") is not None:
        raise SpecError("vmCount: `machine` holds one VM: use `machines` for a fleet")
    return MachineContext([params], _only, settings, HoldOptions(Kind.MACHINE, keep_on_error, take_over))


def hold_all(
    kind: Kind,
    wanted: Sequence[Mapping[str, Any]],
    *,
    settings: Settings | None = None,
    keep_on_error: bool = False,
    take_over: bool = False,
) -> "MachineContext[list[Machine]]":
    """Hold several VMs as `machines` does, for a holder of the given kind."""
    return MachineContext(wanted, list, settings, HoldOptions(kind, keep_on_error, take_over))


def machines(
    wanted: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    *,
    settings: Settings | None = None,
    keep_on_error: bool = False,
    take_over: bool = False,
) -> "MachineContext[list[Machine]]":
    """Hold several VMs as `machine` holds one. They are made in parallel, all or none, and given in this order.

    For a fleet (``vmCount``) its members are given; with ``minCount``, those that run.
    """
    each = [wanted] if isinstance(wanted, Mapping) else wanted
    return hold_all(Kind.MACHINE, each, settings=settings, keep_on_error=keep_on_error, take_over=take_over)


@dataclass(frozen=True)
class HoldOptions:
    """How VMs are held: the kind of holder, whether they are kept after an error, and whether they are taken over."""

    kind: Kind
    keep_on_error: bool
    take_over: bool


class MachineContext(Generic[T]):
    """The result of `machine` and `machines`; it serves one block at a time, or any number of function calls."""

    def __init__(
        self,
        wanted: Sequence[Mapping[str, Any]],
        give: Callable[[list[Machine]], T],
        settings: Settings | None,
        options: HoldOptions,
    ) -> None:
        self._wanted, self._give, self._settings, self._options = wanted, give, settings, options
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

    def release(self) -> None:
        """Start the removal before the block ends; leaving the block waits for it."""
        self._lease.release()

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
            with self._new_context() as held:
                return function(held, *args, **kwargs)

        @wraps(function)
        async def awaited(*args: P.args, **kwargs: P.kwargs) -> Any:
            async with self._new_context() as held:
                return await cast(Awaitable[Any], function(held, *args, **kwargs))

        held_for = cast(Callable[P, R], awaited if inspect.iscoroutinefunction(function) else called)
        held_for.__signature__ = _without_first(inspect.signature(function))  # type: ignore[attr-defined]
        return held_for

    def _new_context(self) -> "MachineContext[T]":
        return MachineContext(self._wanted, self._give, self._settings, self._options)

    def _new_lease(self) -> Lease:
        wanted = _with_ttl(self._wanted) if signals.dies_without_cleanup() else self._wanted
        return Lease(wanted, self._settings, self._options.kind, take_over=self._options.take_over)

    def _keeps(self, error: BaseException | None) -> bool:
        return self._options.keep_on_error and isinstance(error, Exception)

    def _leave(self, error: BaseException | None, *, keep: bool) -> None:
        try:
            with _removal_noted(error):
                self._lease.keep() if keep else self._lease.release()
                self._lease.wait_removed()
        finally:
            signals_as_exceptions.__exit__(None, None, None)

    async def _leave_async(self, error: BaseException | None, *, keep: bool) -> None:
        try:
            with _removal_noted(error):
                await _in_thread(self._lease.keep if keep else self._lease.release)
                await _in_thread(self._lease.wait_removed)
        finally:
            self._lease.stop_waiting()
            signals_as_exceptions.__exit__(None, None, None)


@contextmanager
def _removal_noted(error: BaseException | None) -> Iterator[None]:
    """Turn a failed removal into a note on ``error`` and an error in the log, if there is an ``error``."""
    try:
        yield
    except ProvisionError as left:
        if error is None:
            raise
        error.add_note(f"vmops: {left}")
        _log.error("%s", left)


async def _in_thread(call: Callable[[], R]) -> R:
    """Run a call in a separate thread to its end, even if the task is cancelled."""
    pool = ThreadPoolExecutor(1, "vmops")
    try:
        return await asyncio.shield(asyncio.wrap_future(pool.submit(call)))
    finally:
        pool.shutdown(wait=False)


def _with_ttl(wanted: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Set a time to live for VMs without one, because SIGTERM would kill this process without their removal."""
    bounded = [params if params.get("ttl") else {**params, "ttl": _FALLBACK_TTL} for params in wanted]
    if bounded != list(wanted):
        _warn_once()
    return bounded


def _warn_once() -> None:
    """Warn once per process that SIGTERM would leave VMs running."""
    if not _WARNED.acquire(blocking=False):
        return
    _log.warning(
        "a VM is held outside of the main thread, so SIGTERM would end this process without removing it: it gets a "
        "ttl of %s, after which `vmops sweep` removes it; set a ttl yourself, or handle SIGTERM",
        _FALLBACK_TTL,
    )


def _only(held: list[Machine]) -> Machine:
    return held[0]


def _without_first(signature: inspect.Signature) -> inspect.Signature:
    return signature.replace(parameters=list(signature.parameters.values())[1:])
