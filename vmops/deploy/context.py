"""The context of a deployment: the cloud, its Resource Manager, and the engine's stack."""

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
from vmops.core.claim import LOCKED_HERE, VmClaim
from vmops.core.settings import Settings
from vmops.core.state_dir import engine_home, scratch_path, work_path
from vmops.deploy.made import Made, Records
from vmops.engine.backend import files
from vmops.engine.backend.notes import EngineNotes, notes_directory
from vmops.engine.backend.stacks import Backend
from vmops.engine.environment import engine_environment, shared_environment
from vmops.engine.events import EventLog
from vmops.engine.install import locate
from vmops.engine.process import EngineCommand
from vmops.engine.stack import EngineStack
from vmops.spec.target import Target
from vmops.spec.vm_spec import VmSpec

TRANSIENT_RETRY_SECONDS = 240.0
"""Seconds for which a deployment retries a refusal that may pass: a NIC stays reserved for 180 s after a failed create.
Source: ARM's own message, NicReservedForAnotherVm.
"""


@dataclass(frozen=True)
class DeployContext:
    """What the steps of one deployment work with. ``reconnect`` restarts the local Azure if it has died."""

    owner: str
    cloud: clouds.Cloud
    arm: Arm
    stack: EngineStack
    command: EngineCommand
    made: Made
    prices: PriceBook
    reconnect: Callable[[], object]

    def claim(self, target: Target) -> Claim:
        """Give the claim that decides which resources of a VM are ours, with the records of what was made for it.

        Resources with the names of a spec count as named by us.
        """
        asked = target if isinstance(target, VmSpec) else None
        named = dict.fromkeys(map(str.lower, asked.own_ids()), "") if asked else {}
        members = range(asked.vm_count or 0) if asked else ()
        return Claim(target.identity, self.owner, named | self.made.known(), members)


@contextmanager
def open_for_change(
    settings: Settings,
    target: Target,
    records: Records,
    locks: tuple[int, ...],
    *,
    longest: float | None,
    claim: VmClaim = LOCKED_HERE,
) -> Iterator[DeployContext]:
    """Connect to the target's cloud and stack, for a caller that holds the VM's lock.

    ``records`` are the state directory's records of the stack. ``locks`` are the descriptors that hold the VM's lock;
    every engine inherits them. ``longest`` limits each command of the engine, in seconds; None for a worker, whose
    work as a whole has a deadline. A transient refusal of ARM is retried for `PATIENCE` seconds. Nothing is changed
    once the ``claim`` is lost. If the stack does not exist, its directories are removed.

    Raises: StartFailed if the local Azure does not start; EngineMissing if there is no engine.
    """
    scratch, work_dir = scratch_path(settings.state_dir, target.stack), work_path(settings.state_dir, target.stack)
    with _scratch(scratch):
        opened = _open(
            settings, target, records, _Files(scratch, work_dir), locks, longest, TRANSIENT_RETRY_SECONDS, claim
        )
        try:
            yield opened
        finally:
            opened.stack.tidy()


@contextmanager
def open_for_reading(
    settings: Settings, target: Target, records: Records, *, longest: float
) -> Iterator[DeployContext]:
    """Connect to the target's cloud and stack for reading only; no lock is needed.

    Each command of the engine may take ``longest`` seconds. Refusals of ARM are not retried. The engine works in a
    directory of this process, which is deleted afterwards.

    Raises: StartFailed if the local Azure does not start; EngineMissing if there is no engine.
    """
    scratch = scratch_path(settings.state_dir, f"{target.stack}.{os.getpid()}")
    with _scratch(scratch):
        yield _open(settings, target, records, _Files(scratch, scratch), (), longest, 0.0, LOCKED_HERE)


@dataclass(frozen=True)
class _Files:
    """Where an engine works: a directory for temporary files, and one for the settings of its stack."""

    scratch: Path
    work_dir: Path


@contextmanager
def _scratch(directory: Path) -> Iterator[None]:
    """Create an empty directory, and delete it with its contents afterwards."""
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
    claim: VmClaim,
) -> DeployContext:
    state_dir, backend = settings.state_dir, settings.backend()
    connect = partial(clouds.connect, target.cloud, state_dir)
    cloud, passphrase = connect(), keys.passphrase_file(state_dir)
    environment = engine_environment(cloud, backend, engine_home(state_dir), passphrase, places.scratch)
    environment |= shared_environment(settings.database_url, claim.epoch)
    notes = EngineNotes(notes_directory(backend, state_dir), target.stack, records)
    with suppress(OSError):  # a writer reports this later, a reader gets the engine's own error
        files.ensure_meta(backend, notes.directory)
    engine, noted = locate.path(settings.engine), notes if locks else None
    command = EngineCommand(engine, locate.ENGINE_VERSION, environment, locks, longest, noted, claim)
    log = EventLog()
    stack = EngineStack(places.work_dir, backend, command, log, notes)
    return DeployContext(
        settings.owner,
        cloud,
        Arm(
            cloud,
            target.request_timeout,
            patience,
            lambda error: log.note_refusal(failure_from_cloud_error(error)),
            claim,
        ),
        stack,
        command,
        records.made(settings.owner),
        PriceBook(cloud, state_dir),
        connect,
    )


@contextmanager
def open_backend(settings: Settings) -> Iterator[Backend]:
    """Open the engine's backend for reading, without a cloud; a read may take ``engine_silence`` seconds.

    Raises: EngineMissing if there is no engine.
    """
    state_dir = settings.state_dir
    files.ensure_meta(settings.backend(), notes_directory(settings.backend(), state_dir))
    nowhere, passphrase = clouds.Cloud(settings.cloud, endpoint=""), keys.passphrase_file(state_dir)
    with tempfile.TemporaryDirectory(prefix="vmops-") as name:
        scratch = Path(name)
        environment = engine_environment(nowhere, settings.backend(), engine_home(state_dir), passphrase, scratch)
        environment |= shared_environment(settings.database_url, 0)
        engine, longest = locate.path(settings.engine), settings.engine_silence
        yield Backend(EngineCommand(engine, locate.ENGINE_VERSION, environment, (), longest), scratch)
