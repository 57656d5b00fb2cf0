"""Reads the parameters of a call from a shell or a file."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vmops.core import relaxed_json
from vmops.core.errors import SpecError
from vmops.protocol import Params
from vmops.spec import text_file
from vmops.spec.unknown import refuse
from vmops.spec.vm_spec import VmSpec

_OF_A_DEPLOYMENT = {"$schema", "contentVersion", "parameters", "metadata"}


def read_params(name: str | None, file: Path | None, pairs: Sequence[str]) -> Params:
    """Combine the parameters of a call: from the file, then the pairs, then the name; later ones take precedence.

    Raises: SpecError if the file cannot be read or is not a mapping, or if a pair is malformed or names no parameter.
    """
    params, typed = _read_file(file) if file else {}, dict(map(_pair, pairs))
    refuse(typed, VmSpec.parameters())
    return {**params, **typed, **({"vmName": name} if name else {})}


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise SpecError(f"-p: {key!r} is not of the form NAME=VALUE")
    return key, value


def read_document(option: str, path: Path) -> Any:
    """Read the one value of a JSON or YAML file; ``option`` is the shell's name for the file.

    JSON may have comments, as Azure's templates do.

    Raises: SpecError if it cannot be read.
    """
    try:
        text = text_file.read(path)
    except UnicodeDecodeError:
        raise SpecError(f"{option}: {path} is not UTF-8 text") from None
    except OSError as error:
        raise SpecError(f"{option}: {path} cannot be read: {error.strerror}") from None
    return _read_json(option, path, text) if path.suffix in {".json", ".jsonc"} else _read_yaml(option, path, text)


def _read_file(path: Path) -> Params:
    params = read_document("--params", path)
    if not isinstance(params, dict) or not all(isinstance(key, str) for key in params):
        raise SpecError(f"--params: {path} must hold one mapping of parameters' names to values")
    return _values(path, params["parameters"]) if _is_of_a_deployment(params) else params


def _is_of_a_deployment(params: Params) -> bool:
    """Tell whether a file holds the parameters of a template.

    Source: Azure documentation, deploymentParameters.json.
    """
    return isinstance(params.get("parameters"), dict) and params.keys() <= _OF_A_DEPLOYMENT


def _values(path: Path, parameters: Params) -> Params:
    problems = [
        f"--params: {path} gives no value for {name} (no key vault is asked)"
        for name, given in parameters.items()
        if not isinstance(given, dict) or "value" not in given
    ]
    if problems:
        raise SpecError(problems)
    return {name: given["value"] for name, given in parameters.items()}


def _read_json(option: str, path: Path, text: str) -> Any:
    try:
        return relaxed_json.read(text, relaxed_json.no_number)
    except json.JSONDecodeError as error:
        raise SpecError(f"{option}: {path} is not JSON from line {error.lineno} on") from None
    except ValueError as error:
        raise SpecError(f"{option}: {path} is not JSON: {error}") from None


def _read_yaml(option: str, path: Path, text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" from line {mark.line + 1} on" if mark else ""
        raise SpecError(f"{option}: {path} is not YAML{where}") from None
