"""A test run without an engine says so, and fails if it requires one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEEDS_THE_ENGINE = "tests/functional/test_throttling.py"


@pytest.mark.parametrize(("required", "code", "word"), [("", 0, "SKIPPED"), ("1", 1, "ERROR")])
def test_a_missing_engine_fails_a_run_that_requires_it(tmp_path: Path, required: str, code: int, word: str) -> None:
    """Otherwise a run in which half of the tests are skipped would pass."""
    nowhere = {**dict.fromkeys(("HOME", "XDG_CACHE_HOME", "PATH"), str(tmp_path)), "REQUIRE_ENGINE": required}
    command = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", NEEDS_THE_ENGINE]
    ran = subprocess.run(command, cwd=ROOT, env=os.environ | nowhere, capture_output=True, text=True, check=False)
    assert (ran.returncode, f"\n{word}" in ran.stdout) == (code, True), ran.stdout
    assert "there is no Pulumi engine" in ran.stdout


def test_ci_requires_the_engine() -> None:
    """What a change is taken by has run against the real engine."""
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert lines.index("export REQUIRE_ENGINE=1") < lines.index("make test")
