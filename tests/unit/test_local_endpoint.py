"""The endpoint file of a local Azure is read by other versions."""

import json
from dataclasses import asdict
from pathlib import Path

from vmops.core.state_dir import local_path
from vmops.local import endpoint
from vmops.local.endpoint import Endpoint, Record

RECORD = Record(Endpoint("http://127.0.0.1:1", "token", 2, pid=3), started=4.0, pace=0.5)


def test_unknown_endpoint_fields_are_ignored(tmp_path: Path) -> None:
    """Otherwise an older caller would start a second daemon."""
    plain = asdict(RECORD)
    local_path(tmp_path).mkdir()
    endpoint.path_of(tmp_path).write_text(
        json.dumps({**plain, "lights": "none", "endpoint": {**plain["endpoint"], "door": "http://127.0.0.1:5"}})
    )
    assert endpoint.read(tmp_path) == RECORD
