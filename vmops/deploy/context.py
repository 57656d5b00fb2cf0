"""Where a deployment happens: the cloud, its Resource Manager, and the engine's stack, brought together."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vmops.azure import clouds
from vmops.azure.client import Arm
from vmops.azure.error_codes import failure_from_cloud_error
from vmops.azure.ownership import Claim
from vmops.azure.price_book import PriceBook
from vmops.core import keys, private
from vmops.core.settings import Settings
from vmops.core.state_dir import engine_home, scratch_path, work_path
from vmops.deploy.made import Made, Records
from vmops.engine.backend import files
from vmops.engine.backend.notes import EngineNotes, notes_directory
from vmops.engine.backend.stacks import Backend
from vmops.engine.environment import engine_environment
from vmops.engine.events import EventLog
from vmops.engine.install import locate
from vmops.engine.process import EngineCommand
from vmops.engine.stack import EngineStack
from vmops.spec import fleet
from vmops.spec.target import Target
from vmops.spec.vm_spec import VmSpec

PATIENCE = 240.0
"""Seconds for which a deployment meets a refusal that may pass again: a NIC stays reserved for 180 after a create that
failed. Source: ARM's own message, NicReservedForAnotherVm."""


@dataclass(frozen=True)
class DeployContext:
    """All that the steps of one deployment work on; ``reconnect`` starts the local Azure again if it has died."""

    owner: str
    cloud: clouds.Cloud
    arm: Arm
    stack: EngineStack
    command: EngineCommand
    made: Made
    prices: PriceBook
    reconnect: Callable[[], object]

    def claim(self, target: Target) -> Claim:
        """Give in whose name something is done to a VM, with what is remembered of what was made for it.

        What a spec names counts as named by us.
        """
        named = fleet.own_ids(target) if isinstance(target, VmSpec) else ()
        return Claim(target.identity, self.owner, dict.fromkeys(map(str.lower, named), "") | self.made.known())


@contextmanager
def open_for_change(
    settings: Settings, target: Target, records: Records, locks: tuple[int, ...], *, longest: float | None
) -> Iterator[DeployContext]:
    """Connect to the target's cloud and stack, for somebody who holds the VM's lock.

    ``records`` are those of the state directory about the stack. ``locks`` are the descriptors that hold the VM's lock;
    every engine inherits them. ``longest`` is how many seconds each command of the engine may take; None for a worker,
    which bounds the whole of its work. A request to ARM that is refused for a reason that passes is sent again for
    `PATIENCE` seconds. Of a stack that is not there no directory stays.

    Raises: StartFailed if the local Azure does not start; EngineMissing if there is no engine.
    """
    scratch, work_dir = scratch_path(settings.state_dir, target.stack), work_path(settings.state_dir, target.stack)
    with _scratch(scratch):
        opened = _open(settings, target, records, _Files(scratch, work_dir), locks, longest, PATIENCE)
        try:
            yield opened
        finally:
            opened.stack.tidy()


@contextmanager
def open_for_reading(
    settings: Settings, target: Target, records: Records, *, longest: float
) -> Iterator[DeployContext]:
    """Connect to the target's cloud and stack, to look at both and to change neither; no lock is needed.

    Each command of the engine may take ``longest`` seconds, and ARM's first refusal is its answer. The engine works in
    a directory of this process, which is deleted afterwards.

    Raises: StartFailed if the local Azure does not start; EngineMissing if there is no engine.
    """
    scratch = scratch_path(settings.state_dir, f"{target.stack}.{os.getpid()}")
    with _scratch(scratch):
        yield _open(settings, target, records, _Files(scratch, scratch), (), longest, 0.0)


@dataclass(frozen=True)
class _Files:
    """Where an engine works: a directory for what is temporary, and one for the settings of its stack."""

    scratch: Path
    work_dir: Path


@contextmanager
def _scratch(directory: Path) -> Iterator[None]:
    """Have a directory, empty; whatever is left in it goes with it."""
    shutil.rmtree(directory, ignore_errors=True)
    private.make_directory(directory)
    try:
        yield
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _open(
    settings: Settings,
    target: Target,
    records: Records,
    places: _Files,
    locks: tuple[int, ...],
    longest: float | None,
    patience: float,
) -> DeployContext:
    state_dir, backend = settings.state_dir, settings.backend()
    connect = partial(clouds.connect, target.cloud, state_dir)
    cloud, passphrase = connect(), keys.passphrase_file(state_dir)
    environment = engine_environment(cloud, backend, engine_home(state_dir), passphrase, places.scratch)
    notes = EngineNotes(notes_directory(backend, state_dir), target.stack, records)
    with suppress(OSError):  # whoever changes something tells of it, and the engine whoever only looks
        files.ensure_meta(backend, notes.directory)
    engine, noted = locate.path(settings.engine), notes if locks else None
    command = EngineCommand(engine, locate.ENGINE_VERSION, environment, locks, longest, noted)
    log = EventLog()
    stack = EngineStack(places.work_dir, backend, command, log, notes)
    return DeployContext(
        settings.owner,
        cloud,
        Arm(cloud, target.request_timeout, patience, lambda error: log.meet(failure_from_cloud_error(error))),
        stack,
        command,
        records.made(settings.owner),
        PriceBook(cloud, state_dir),
        connect,
    )


@contextmanager
def open_backend(settings: Settings) -> Iterator[Backend]:
    """Open the engine's backend to be read, without any cloud; a read may take ``engine_silence`` seconds.

    Raises: EngineMissing if there is no engine.
    """
    state_dir = settings.state_dir
    files.ensure_meta(settings.backend(), notes_directory(settings.backend(), state_dir))
    nowhere, passphrase = clouds.Cloud(settings.cloud, endpoint=""), keys.passphrase_file(state_dir)
    with tempfile.TemporaryDirectory(prefix="vmops-") as name:
        scratch = Path(name)
        environment = engine_environment(nowhere, settings.backend(), engine_home(state_dir), passphrase, scratch)
        engine, longest = locate.path(settings.engine), settings.engine_silence
        yield Backend(EngineCommand(engine, locate.ENGINE_VERSION, environment, (), longest), scratch)
