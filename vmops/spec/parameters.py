"""The parameters of a call as a shell or a file gives them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vmops.core.errors import SpecError
from vmops.protocol import Params
from vmops.spec import text_file


def read_params(name: str | None, file: Path | None, pairs: Sequence[str]) -> Params:
    """Bring together the parameters of a call: the file's, then the pairs, then the name; the last one wins.

    Raises: SpecError if the file cannot be read or holds no mapping, or if a pair is none.
    """
    params = _read_file(file) if file else {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise SpecError(f"-p: {key!r} is not of the form NAME=VALUE")
        params[key] = value
    return {**params, "vmName": name} if name else params


def read_document(option: str, path: Path) -> Any:
    """Read the one value that a JSON or YAML file holds; ``option`` is what the shell calls the file.

    Raises: SpecError if it cannot be read.
    """
    try:
        text = text_file.read(path)
    except UnicodeDecodeError:
        raise SpecError(f"{option}: {path} is not UTF-8 text") from None
    except OSError as error:
        raise SpecError(f"{option}: {path} cannot be read: {error.strerror}") from None
    return _read_json(option, path, text) if path.suffix == ".json" else _read_yaml(option, path, text)


def _read_file(path: Path) -> Params:
    params = read_document("--params", path)
    if not isinstance(params, dict) or not all(isinstance(key, str) for key in params):
        raise SpecError(f"--params: {path} must hold one mapping of parameters' names to values")
    return params


def _read_json(option: str, path: Path, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise SpecError(f"{option}: {path} is not JSON from line {error.lineno} on") from None


def _read_yaml(option: str, path: Path, text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" from line {mark.line + 1} on" if mark else ""
        raise SpecError(f"{option}: {path} is not YAML{where}") from None
