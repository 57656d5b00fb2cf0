"""Where a deployment happens: the cloud, its Resource Manager, and the engine's stack, brought together."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from vmops.azure import clouds
from vmops.azure.client import Arm
from vmops.core import keys
from vmops.core.settings import Settings
from vmops.core.state_dir import engine_home, scratch_path, work_path
from vmops.engine.backend.notes import EngineNotes, Records, notes_directory
from vmops.engine.backend.stacks import Backend
from vmops.engine.environment import engine_environment
from vmops.engine.events import EventLog
from vmops.engine.install import locate
from vmops.engine.process import EngineCommand
from vmops.engine.stack import EngineStack
from vmops.spec.target import Target

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
    reconnect: Callable[[], object]


@contextmanager
def open_context(
    settings: Settings, target: Target, records: Records, locks: tuple[int, ...] = (), *, longest: float | None
) -> Iterator[DeployContext]:
    """Connect to the target's cloud and stack; whatever scratch files the work leaves go with it.

    ``records`` are those of the state directory about the stack. ``locks`` are descriptors that the engine inherits;
    without any, nothing may be done but look. ``longest`` is how many seconds each command of the engine may take; None
    for a worker, which bounds the whole of its work. Of a stack that is not there no directory stays.

    Raises: CloudError if the local Azure does not start; EngineMissing if there is no engine.
    """
    state_dir, backend = settings.state_dir, settings.backend()
    connect = partial(clouds.connect, target.cloud, state_dir)
    cloud = connect()
    passphrase = keys.passphrase_file(state_dir)
    scratch = scratch_path(state_dir, target.stack if locks else f"{target.stack}.{os.getpid()}")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(mode=0o700, parents=True)
    environment = engine_environment(cloud, backend, engine_home(state_dir), passphrase, scratch)
    notes = EngineNotes(notes_directory(backend, state_dir), target.stack, records)
    noted = notes if locks else None
    command = EngineCommand(locate.path(settings.engine), locate.ENGINE_VERSION, environment, locks, longest, noted)
    work_dir = work_path(state_dir, target.stack) if locks else scratch
    stack = EngineStack(work_dir, backend, command, EventLog(), notes)
    try:
        arm = Arm(cloud, target.request_timeout, PATIENCE if locks else 0.0)
        yield DeployContext(settings.owner, cloud, arm, stack, command, connect)
    finally:
        if locks:
            stack.tidy()
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def open_backend(settings: Settings) -> Iterator[Backend]:
    """Open the engine's backend to be read, without any cloud; a read may take ``engine_silence`` seconds.

    Raises: EngineMissing if there is no engine.
    """
    state_dir = settings.state_dir
    nowhere, passphrase = clouds.Cloud(settings.cloud, endpoint=""), keys.passphrase_file(state_dir)
    with tempfile.TemporaryDirectory(prefix="vmops-") as name:
        scratch = Path(name)
        environment = engine_environment(nowhere, settings.backend(), engine_home(state_dir), passphrase, scratch)
        engine, longest = locate.path(settings.engine), settings.engine_silence
        yield Backend(EngineCommand(engine, locate.ENGINE_VERSION, environment, (), longest), scratch)
