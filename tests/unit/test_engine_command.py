"""How a command of the engine reports that a signal killed the engine."""

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
def test_a_killed_engine_suggests_too_little_memory(tmp_path: Path, number: signal.Signals, said: str) -> None:
    """The kernel's OOM killer reports nothing to the process."""
    engine = tmp_path / "pulumi"
    engine.write_text(f"#!/bin/sh\nkill -{int(number)} $$\n")
    engine.chmod(0o755)
    command = EngineCommand(engine, "3.274.1", {"PATH": os.environ["PATH"]}, ())
    with pytest.raises(OperationFailed) as ended:
        command.run(["up"], str(tmp_path), {})
    assert (ended.value.failure.kind, ended.value.failure.message) == (FailureKind.INTERRUPTED, said)
