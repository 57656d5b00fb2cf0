"""How a command of the engine reports that a signal killed the engine."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from vmops.core.errors import OperationFailed
from vmops.core.failures import FailureKind
from vmops.core.polling import NotYet, poll_until
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


def test_no_engine_starts_after_one_was_stopped(tmp_path: Path) -> None:
    """A retry would begin again what the deadline has ended."""
    engine, begun = tmp_path / "pulumi", tmp_path / "begun"
    engine.write_text(f"#!/bin/sh\necho >> {begun}\nexec sleep 60\n")
    engine.chmod(0o755)
    command = EngineCommand(engine, "3.274.1", {"PATH": os.environ["PATH"]}, ())
    with ThreadPoolExecutor() as threads:
        first = threads.submit(command.run, ["up"], str(tmp_path), {})
        assert poll_until(lambda: begun.exists() or NotYet(0.01), timeout=60)
        assert command.signal(signal.SIGTERM)
        with pytest.raises(OperationFailed, match="killed by SIGTERM"):
            first.result(timeout=60)
    with pytest.raises(OperationFailed, match="no other is started"):
        command.run(["up"], str(tmp_path), {})
    assert begun.read_text() == "\n"
