"""The library's log goes through the standard logger only."""

import io
import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from vmops.core.log import JsonLines, fields_of, get_logger

FAILS = """
import sys
from vmops import Settings, VMOps
sys.stdout.close()
ops = VMOps(Settings(state_dir=sys.argv[1]))
params = {"asyncResultsUrl": "vmops:operation/none", "pollTimeout": 0}
sys.exit(ops.wait_vm_operation(params)[0].name != "FAILED")
"""


def test_an_event_is_a_record_with_message_and_fields(caplog: pytest.LogCaptureFixture) -> None:
    """A reader of the log and a handler that wants the values are both served."""
    get_logger().warning("failed", vm="exp1", reason="no cores")
    (record,) = caplog.records
    assert (record.name, record.getMessage()) == ("vmops", "failed vm='exp1' reason='no cores'")
    assert fields_of(record) == {"event": "failed", "vm": "exp1", "reason": "no cores"}


def test_the_programs_structlog_configuration_is_not_used(caplog: pytest.LogCaptureFixture) -> None:
    """The events of vmops do not go through it."""
    before = structlog.get_config()
    with structlog.testing.capture_logs() as captured:
        get_logger().warning("failed", vm="exp1", reason="no cores")
    assert (captured, len(caplog.records)) == ([], 1)
    assert structlog.get_config() == before


def test_without_handler_and_stdout_nothing_is_printed(tmp_path: Path) -> None:
    """A closed stdout makes no wait raise."""
    command = [sys.executable, "-c", FAILS, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_worker_writes_a_line_of_json_for_each_event() -> None:
    """With level, timestamp and exception."""
    file = io.StringIO()
    logger, handler = logging.getLogger("vmops"), JsonLines(file)
    logger.addHandler(handler)
    try:
        int("why")
    except ValueError:
        get_logger().exception("bug", operation="one")
    finally:
        logger.removeHandler(handler)
    told = json.loads(file.getvalue())
    assert (told["event"], told["operation"], told["level"]) == ("bug", "one", "error")
    assert told["timestamp"].endswith("Z")
    assert "ValueError: invalid literal" in told["exception"]


def test_an_unwritable_log_loses_only_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The standard library reports it on stderr."""
    file = io.StringIO()
    file.close()
    logger, handler = logging.getLogger("vmops"), JsonLines(file)
    logger.addHandler(handler)
    try:
        get_logger().warning("failed", vm="exp1", reason="no cores")
    finally:
        logger.removeHandler(handler)
    assert "ValueError" in capsys.readouterr().err
