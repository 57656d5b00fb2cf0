"""What a local Azure reports of itself, apart from ARM: its resources, its journal, its guests and its settings."""

from pathlib import Path
from typing import Any

import urllib3

from vmops.core.errors import CloudError, SpecError
from vmops.core.state_dir import local_path
from vmops.local import daemon


def listed(state_dir: Path, what: str) -> list[dict[str, Any]]:
    """Give a list of the local Azure of a state directory, such as its ``resources`` or its ``journal``.

    The local Azure is started for this, unless it has no state yet: then the list is empty.

    Raises: StartFailed if it does not start; CloudError if it refuses.
    """
    if not (local_path(state_dir) / "cloud.db").exists():
        return []
    found: list[dict[str, Any]] = ask(state_dir, "GET", what)
    return found


def guests(state_dir: Path) -> dict[str, Any]:
    """Describe the guests of a local Azure: their ``kind``, how many are ``running``, and the ``reason``.

    Raises: as `ask`.
    """
    found = ask(state_dir, "GET", "guests")
    up = sum(each["state"] == "up" for each in found["guests"])
    return {"kind": found["kind"], "running": up, "reason": found["reason"]}


def ask(state_dir: Path, method: str, what: str, body: Any = None) -> Any:
    """Send a request to a path below ``/_local``, and give the JSON of the answer.

    Raises: StartFailed if the local Azure does not start; CloudError if it refuses.
    """
    return send(state_dir, method, f"/_local/{what}", body)


def send(state_dir: Path, method: str, path: str, body: Any = None) -> Any:
    """Send a request to a path of the local Azure, and give the JSON of the answer, None if there is none.

    Raises: VmopsError if the local Azure does not start; SpecError if the body breaks its rules; CloudError if it
    refuses.
    """
    found = daemon.ensure(state_dir)
    headers = {"Authorization": f"Bearer {found.token}"}
    answer = urllib3.request(method, found.arm + path, json=body, headers=headers, retries=False)
    content: Any = answer.json() if answer.data else None
    if answer.status < 400:
        return content
    if "problems" in content:
        raise SpecError(content["problems"])
    error = content.get("error") or content  # Compute throttles without the outer object
    raise CloudError(error["message"], status=answer.status, code=error["code"], resource=path.partition("?")[0])
