"""The engine's own logs: none of them stays."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from vmops.core.state_dir import engine_home
from vmops.protocol import Params

Deploy = Callable[[Params], dict[str, Any]]


def test_a_whole_life_leaves_no_engine_logs(state_dir: Path, provision: Deploy, deprovision: Deploy) -> None:
    """The engine would create a log file with each command; only vmops' own logs exist."""
    provision({"vmName": "exp1"})
    deprovision({"vmName": "exp1"})
    assert engine_home(state_dir).is_dir()
    assert [file for file in engine_home(state_dir).rglob("*") if file.is_file() and file.name != "logs"] == []
    assert list(state_dir.rglob("*.log")) == [state_dir / "local/daemon.log"]
