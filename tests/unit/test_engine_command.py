"""One command of an engine, and how it is told that a signal ended it."""

import os
import signal
from pathlib import Path

import pytest

from vmops.core.errors import OperationFailed
from vmops.core.failures import FailureKind
from vmops.engine.process import EngineCommand


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (signal.SIGKILL, "the engine was killed by SIGKILL; out of memory?"),
        (signal.SIGTERM, "the engine was killed by SIGTERM"),
    ],
)
def test_an_engine_that_was_killed_may_have_had_too_little_memory(
    tmp_path: Path, number: signal.Signals, said: str
) -> None:
    """The kernel says nothing to whom it takes the memory from; nobody else here kills an engine so."""
    engine = tmp_path / "pulumi"
    engine.write_text(f"#!/bin/sh\nkill -{int(number)} $$\n")
    engine.chmod(0o755)
    command = EngineCommand(engine, "3.274.1", {"PATH": os.environ["PATH"]}, ())
    with pytest.raises(OperationFailed) as ended:
        command.run(["up"], str(tmp_path), {})
    assert (ended.value.failure.kind, ended.value.failure.message) == (FailureKind.INTERRUPTED, said)
