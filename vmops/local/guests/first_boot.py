"""The first boot of a guest: its custom data as one script, which reports what it does not do.

Source: cloud-init documentation, user-data formats and the modules that are named here.
"""

import base64
import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import yaml

_OF_THE_KEYS = "/home/{user}/.ssh/authorized_keys"
_HEADS = {b"\x1f\x8b": "compressed", b"Content-Type:": "MIME", b"MIME-Version:": "MIME", b"#include": "#include"}


def script(custom_data: bytes, user: str) -> bytes:
    """Give the script of the first boot, with its ``#!`` line; empty if there is nothing to do."""
    if custom_data.startswith(b"#!"):
        return custom_data
    if custom_data.startswith(b"#cloud-config"):
        return _written(_read(custom_data), user)
    kind = next((named for head, named in _HEADS.items() if custom_data.startswith(head)), "")
    if kind:
        return _script([_not_done(f"custom data that is {kind}")])
    return (
        _script([_not_done("custom data that begins neither with #! nor with #cloud-config")]) if custom_data else b""
    )


def _read(custom_data: bytes) -> Mapping[str, Any] | str:
    """Read a cloud-config; give a sentence if it is malformed."""
    try:
        found = yaml.safe_load(custom_data)
    except yaml.YAMLError as wrong:
        return f"#cloud-config, which is no YAML: {' '.join(str(wrong).split())}"
    return found if isinstance(found, dict) else {} if found is None else "#cloud-config, which is no mapping"


def _written(config: Mapping[str, Any] | str, user: str) -> bytes:
    if isinstance(config, str):
        return _script([_not_done(config)])
    lines = [line for name, write in _MODULES.items() if name in config for line in _tried(name, write, config, user)]
    return _script([*(_not_done(str(name)) for name in config if not _is_done(name, config)), *lines])


def _tried(name: str, write: Callable[[Any, str], Iterator[str]], config: Mapping[str, Any], user: str) -> list[str]:
    """Write the lines of a module, or a line that says that its value is malformed."""
    try:
        return list(write(config[name], user))
    except (TypeError, ValueError, KeyError, AttributeError):
        return [_not_done(f"{name}, whose value is not understood")]


def _is_done(name: str, config: Mapping[str, Any]) -> bool:
    return name in _MODULES or (name == "users" and config[name] == ["default"])


def _script(lines: list[str]) -> bytes:
    return "\n".join(["#!/bin/sh", *lines, ""]).encode() if lines else b""


def _not_done(what: str) -> str:
    return f"echo {shlex.quote(f'not done by a local guest: {what}')}"


def _commands(listed: list[Any], _user: str) -> Iterator[str]:
    """Give the commands, from shell text or lists of words. Each runs by itself: a failure does not stop the others."""
    for each in listed:
        yield f"({each}\n)" if isinstance(each, str) else shlex.join(str(word) for word in each)


def _files(listed: list[Any], _user: str) -> Iterator[str]:
    for each in listed:
        path, content = shlex.quote(str(each["path"])), _content(each)
        yield f'mkdir -p "$(dirname {path})"'
        yield f"echo {base64.b64encode(content).decode()} | base64 -d {'>>' if each.get('append') else '>'}{path}"
        yield f"chmod {shlex.quote(str(each.get('permissions', '0644')))} {path}"
        if each.get("owner", "root:root").partition(":")[0] != "root":
            yield _not_done(f"the owner of {each['path']}: a local guest has one user")


def _content(file: Mapping[str, Any]) -> bytes:
    """Give the content of a file. Raises: ValueError if it is compressed."""
    content, encoding = file.get("content") or "", str(file.get("encoding", "text/plain"))
    if encoding in ("b64", "base64"):
        return content if isinstance(content, bytes) else base64.b64decode(content)
    if encoding != "text/plain":
        raise ValueError(encoding)
    return content if isinstance(content, bytes) else str(content).encode()


def _keys(listed: list[str], user: str) -> Iterator[str]:
    path = _OF_THE_KEYS.format(user=user)
    return (f"echo {shlex.quote(each)} >>{path}" for each in listed)


def _host_name(name: str, _user: str) -> Iterator[str]:
    yield f"echo {shlex.quote(name)} >/etc/hostname && hostname {shlex.quote(name)}"


def _time_zone(name: str, _user: str) -> Iterator[str]:
    yield f"echo {shlex.quote(name)} >/etc/timezone; ln -sf /usr/share/zoneinfo/{shlex.quote(name)} /etc/localtime"


# In the order in which cloud-init has them.
_MODULES: dict[str, Callable[[Any, str], Iterator[str]]] = {
    "bootcmd": _commands,
    "write_files": _files,
    "hostname": _host_name,
    "ssh_authorized_keys": _keys,
    "timezone": _time_zone,
    "runcmd": _commands,
}
