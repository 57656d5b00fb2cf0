"""mlos_bench's SSH services for our VMs: a VM is looked up by name at each call, and its SSH is waited for."""

import getpass
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import asyncssh
from mlos_bench.environments.status import Status
from mlos_bench.services.base_service import Service
from mlos_bench.services.remote.ssh import SshFileShareService, SshHostService
from mlos_bench.services.remote.ssh.ssh_service import SshService

from vmops.core.errors import SpecError, VmopsError
from vmops.core.polling import backoff, retry
from vmops.mlos import log, schema
from vmops.mlos.config import Config
from vmops.ops.api import VMOps
from vmops.protocol import Params
from vmops.spec.target import Target

_POWER = frozenset({"shutdown", "reboot", "wait_os_operation"})
"""Methods that SshHostService would implement by commands inside a VM. `PulumiVMService` implements them through Azure,
so that Azure knows the power state.
"""

_KEEPALIVE = 15
"""Idle seconds after which a VM is probed, because a deallocated one does not close its connections."""

_LOST = (ConnectionError, TimeoutError, asyncssh.ConnectionLost, asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection)
"""The exceptions of a connection to a VM that does not answer yet, or not any more."""

_LOG = logging.getLogger(__name__)


class VmByName(SshService):
    """The base of both services: it finds the SSH access to a VM by the VM's name.

    The config has the settings and parameters that identify VMs, as for `PulumiVMService`, and mlos_bench's ``ssh_*``
    keys. A call with ``ssh_hostname`` is for that host, not for a VM of ours.
    """

    def __init__(
        self,
        config: dict[str, Any] | None = None,
        global_config: dict[str, Any] | None = None,
        parent: Service | None = None,
        methods: dict[str, Callable[..., Any]] | list[Callable[..., Any]] | None = None,
    ) -> None:
        """Read the config. Raises: SpecError if it is wrong; StoreError if the state directory cannot hold records."""
        given = dict(config or {})
        schema.check(given, schema.ssh_schema())
        theirs = {name: given.pop(name) for name in given.keys() & schema.SSH.keys()}
        super().__init__({"ssh_keepalive_interval": _KEEPALIVE, **theirs}, global_config, parent, methods)
        log.join()
        self._vms = Config.read(given, global_config or {}, parent)
        self._ops = VMOps(self._vms.settings)

    def register(self, services: dict[str, Callable[..., Any]] | list[Callable[..., Any]]) -> None:
        """Register the methods, except those that change the power state without Azure's knowledge."""
        named = services if isinstance(services, dict) else {each.__name__: each for each in services}
        super().register({name: each for name, each in named.items() if name not in _POWER or not self._is_own(each)})

    def _is_own(self, method: Callable[..., Any]) -> bool:
        return getattr(method, "__self__", None) is self

    def _validate_json_config(self, config: Mapping[str, Any]) -> None:
        """Do nothing: our schema has checked the config."""

    def _with_login(self, params: Mapping[str, Any]) -> Params:
        """Add the SSH login to the params, once the VM's SSH answers. The VM is found by its name.

        A user is always added, because mlos_bench would log in as ``None``.

        Raises: SpecError if no VM is named; VmopsError if its SSH cannot be reached.
        """
        given = {name: value for name, value in {**self.config, **params}.items() if value is not None}
        if given.get("ssh_hostname"):
            return {**params, "ssh_username": given.get("ssh_username") or getpass.getuser()}
        way = self._ops.way_in(self._vms.merged_with(params))
        found = {"ssh_hostname": way.host, "ssh_port": way.port, "ssh_username": way.user}
        key = {"ssh_priv_key_path": str(way.key)} if way.key else {}
        return {**params, **found, **key, **{name: given[name] for name in _OVERRIDABLE & given.keys()}}


_OVERRIDABLE = frozenset({"ssh_username", "ssh_priv_key_path"})
"""Parameters of the login that a call may override."""


class VmSshService(VmByName, SshHostService):
    """RemoteEnv's scripts in VMs. A lost connection fails the trial, not the experiment."""

    def remote_exec(self, script: Iterable[str], config: Params, env_params: Params) -> tuple[Status, Params]:
        """Start a script in the VM, once its SSH answers, for at most ``pollTimeout`` seconds.

        Status is one of {PENDING, FAILED}.
        """
        try:
            reached = self._with_login(config)
        except SpecError:
            raise
        except VmopsError as error:
            _LOG.error("%s: %s", config.get("vmName"), error)
            return Status.FAILED, {}
        return super().remote_exec(script, reached, env_params)

    def get_remote_exec_results(self, config: Params) -> tuple[Status, Params]:
        """Wait for a script to end. Status is one of {SUCCEEDED, FAILED}."""
        try:
            return super().get_remote_exec_results(config)
        except (OSError, asyncssh.Error) as error:
            _LOG.error("%s: %s", config.get("ssh_hostname"), error)
            return Status.FAILED, {}


class VmFileShareService(VmByName, SshFileShareService):
    """Copies files into VMs and back. A broken copy is retried for at most ``pollTimeout`` seconds."""

    def download(self, params: Params, remote_path: str, local_path: str, recursive: bool = True) -> None:
        """Copy from the VM. Raises: FileNotFoundError; OSError if the VM cannot be reached in time."""
        self._copy(params, lambda each: SshFileShareService.download(self, each, remote_path, local_path, recursive))

    def upload(self, params: Params, local_path: str, remote_path: str, recursive: bool = True) -> None:
        """Copy into the VM. Raises: FileNotFoundError; OSError if the VM cannot be reached in time."""
        self._copy(params, lambda each: SshFileShareService.upload(self, each, local_path, remote_path, recursive))

    def _copy(self, params: Params, copy: Callable[[Params], None]) -> None:
        """Copy files, and retry after a lost connection; the login is looked up for each attempt."""

        def attempt() -> None:
            try:
                copy(self._with_login(params))
            except _LOST as error:
                raise _ConnectionLost(str(error)) from error

        options = Target.from_params(self._vms.merged_with(params), self._vms.settings.defaults())
        retry(attempt, _ConnectionLost, lambda _, times: backoff(times), timeout=options.poll_timeout)


class _ConnectionLost(OSError):
    """A copy that failed because the connection was lost."""
