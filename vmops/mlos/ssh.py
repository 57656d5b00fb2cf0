"""mlos_bench's SSH services for our VMs: a VM is found by name when it is needed, and waited for."""

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
"""What SshHostService would do inside a VM by commands; `PulumiVMService` does it through Azure, which then knows of
it.
"""

_ALIVE = 15
"""Seconds of silence after which a VM is probed: a deallocated one does not close its connections."""

_CUT = (ConnectionError, TimeoutError, asyncssh.ConnectionLost, asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection)
"""What a connection raises to a VM that does not answer yet, or no longer."""

_LOG = logging.getLogger(__name__)


class VmByName(SshService):
    """The part that both services share: the way into a VM of which only the name is known.

    The config says where VMs are looked for, as that of `PulumiVMService`, and has mlos_bench's ``ssh_*`` names. A call
    that names ``ssh_hostname`` means that host, and no VM of ours.
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
        super().__init__({"ssh_keepalive_interval": _ALIVE, **theirs}, global_config, parent, methods)
        log.join()
        self._vms = Config.read(given, global_config or {}, parent)
        self._ops = VMOps(self._vms.settings)

    def register(self, services: dict[str, Callable[..., Any]] | list[Callable[..., Any]]) -> None:
        """Register the methods, without those that switch power behind Azure's back."""
        named = services if isinstance(services, dict) else {each.__name__: each for each in services}
        super().register({name: each for name, each in named.items() if name not in _POWER or not self._is_own(each)})

    def _is_own(self, method: Callable[..., Any]) -> bool:
        return getattr(method, "__self__", None) is self

    def _validate_json_config(self, config: Mapping[str, Any]) -> None:
        """Skip mlos_bench's validation: our schema has checked the config."""

    def _reached(self, params: Mapping[str, Any]) -> Params:
        """Give the params with the login. A VM is found by its name, and its SSH is waited for.

        A user is always named: mlos_bench would log in as ``None``.

        Raises: SpecError if no VM is named; VmopsError if there is no way into it.
        """
        given = {name: value for name, value in {**self.config, **params}.items() if value is not None}
        if given.get("ssh_hostname"):
            return {**params, "ssh_username": given.get("ssh_username") or getpass.getuser()}
        way = self._ops.way_in(self._vms.under(params))
        found = {"ssh_hostname": way.host, "ssh_port": way.port, "ssh_username": way.user}
        key = {"ssh_priv_key_path": str(way.key)} if way.key else {}
        return {**params, **found, **key, **{name: given[name] for name in _CHOSEN & given.keys()}}


_CHOSEN = frozenset({"ssh_username", "ssh_priv_key_path"})
"""Parameters of the login that a call may override."""


class VmSshService(VmByName, SshHostService):
    """RemoteEnv's scripts in VMs. A lost connection fails the trial, not the experiment."""

    def remote_exec(self, script: Iterable[str], config: Params, env_params: Params) -> tuple[Status, Params]:
        """Start a script in the VM, once its SSH answers, for at most ``pollTimeout`` seconds.

        Status is one of {PENDING, FAILED}.
        """
        try:
            reached = self._reached(config)
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
        self._copied(params, lambda each: SshFileShareService.download(self, each, remote_path, local_path, recursive))

    def upload(self, params: Params, local_path: str, remote_path: str, recursive: bool = True) -> None:
        """Copy into the VM. Raises: FileNotFoundError; OSError if the VM cannot be reached in time."""
        self._copied(params, lambda each: SshFileShareService.upload(self, each, local_path, remote_path, recursive))

    def _copied(self, params: Params, copy: Callable[[Params], None]) -> None:
        """Copy through the way in, which is looked up each time."""

        def attempt() -> None:
            try:
                copy(self._reached(params))
            except _CUT as error:
                raise _CutOff(str(error)) from error

        options = Target.from_params(self._vms.under(params), self._vms.settings.defaults())
        retry(attempt, _CutOff, lambda _, times: backoff(times), timeout=options.poll_timeout)


class _CutOff(OSError):
    """A copy that broke off."""
