"""OpenSSH's configuration for the VMs, in files below the state directory, and its inclusion in the user's own.

config                       includes the following files; the user's own configuration may include it
hosts/STACK.conf             the block of one VM
hosts/STACK.known_hosts      the VM's host key, once it is known

Each file is replaced atomically, and readable by its owner only. The process that connects to a VM writes them.
"""

import glob
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vmops.core import private
from vmops.core.state_dir import ssh_path
from vmops.ssh import config
from vmops.ssh.way_in import WayIn

_NAME = re.compile(r"^Host (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class Host:
    """The access to one VM in OpenSSH's terms: ``name`` is the VM's host alias, ``file`` its configuration."""

    way: WayIn
    name: str
    file: Path
    known_hosts: Path

    @property
    def text(self) -> str:
        """Give its block of the configuration."""
        return config.block(self.way, self.name, self.known_hosts)

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain JSON."""
        return {
            "host": self.name,
            "hostName": self.way.host,
            "port": self.way.port,
            "user": self.way.user,
            "identityFile": str(self.way.key) if self.way.key else None,
            "hostKeyAlias": self.way.host_key_alias,
            "knownHostsFile": str(self.known_hosts),
        }


class Hosts:
    """The VMs of one state directory in OpenSSH's configuration."""

    def __init__(self, state_dir: Path) -> None:
        self.config = ssh_path(state_dir) / "config"
        self._blocks = ssh_path(state_dir) / "hosts"

    def write(self, way: WayIn) -> Host:
        """Write the configuration of a VM. Its alias is its name, or name and group if another VM has the name.

        Raises: StoreError if a path cannot be written in the configuration; OSError.
        """
        private.make_directory(self._blocks)
        file = self._file(way)
        name = way.vm_name if way.vm_name not in self._names(file) else f"{way.vm_name}.{way.resource_group}"
        host = Host(way, name, file, file.with_suffix(".known_hosts"))
        if way.host_key:
            private.write_whole(host.known_hosts, f"{way.host_key_alias} {way.host_key}\n")
        private.write_whole(file, host.text)
        private.write_whole(self.config, f"{self._include(self._blocks, '*.conf')}\n")
        return host

    def forget(self, stacks: Collection[str]) -> None:
        """Remove deleted VMs from OpenSSH's configuration."""
        for stack in stacks:
            for file in (*self._blocks.glob(f"{stack}@*"), self._blocks / f"{stack}.conf"):
                file.unlink(missing_ok=True)
                file.with_suffix(".known_hosts").unlink(missing_ok=True)

    def install(self, user_config: Path) -> bool:
        """Include our configuration in the user's own, before everything else; tell whether that changed anything."""
        line, text = self._line(), _text(user_config)
        if line in text.splitlines():
            return False
        private.make_directory(user_config.parent)
        private.make_directory(self.config.parent)
        private.write_whole(user_config.resolve(), f"{line}\n{text}")
        return True

    def uninstall(self, user_config: Path) -> bool:
        """Remove the inclusion of ours from the user's own configuration; tell whether that changed anything."""
        line, text = self._line(), _text(user_config)
        lines = text.splitlines(keepends=True)
        left = [each for each in lines if each.rstrip("\n") != line]
        if left != lines:
            private.write_whole(user_config.resolve(), "".join(left))
        return left != lines

    def _line(self) -> str:
        return self._include(self.config.parent, self.config.name)

    def _include(self, directory: Path, pattern: str) -> str:
        """Write the line that includes the files of a directory, with its path escaped.

        Versions of OpenSSH differ in whether they expand a percent sign here, so it is replaced by a wildcard.
        """
        place = glob.escape(str(directory)).replace("%", "?")
        return f"Include {config.quoted(Path(place, pattern))}"

    def _file(self, way: WayIn) -> Path:
        """Give the file of a VM. Members of a fleet share one stack, so their names are added."""
        alone = way.stack.rpartition("-")[0] == way.vm_name.lower()
        return self._blocks / f"{way.stack if alone else f'{way.stack}@{way.vm_name}'}.conf"

    def _names(self, besides: Path) -> set[str]:
        """Give the aliases of the other VMs."""
        return {name for file in self._blocks.glob("*.conf") if file != besides for name in _named(file)}


def _named(file: Path) -> Iterator[str]:
    yield from _NAME.findall(_text(file))


def _text(file: Path) -> str:
    """Give the text of a file; '' if there is none."""
    return file.read_text() if file.exists() else ""
