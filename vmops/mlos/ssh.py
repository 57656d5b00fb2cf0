"""mlos_bench's SSH services, for VMs of ours: found by name when they are needed, and waited for."""

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
"""What SshHostService does inside a VM by commands, and `PulumiVMService` by Azure, which then knows of it."""

_ALIVE = 15
"""Seconds after which a silent VM is asked whether it lives: one that was deallocated says no word of its end."""

_CUT = (ConnectionError, TimeoutError, asyncssh.ConnectionLost, asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection)
"""What becomes of a connection to a VM that does not answer yet, or not any more."""

_LOG = logging.getLogger(__name__)


class VmByName(SshService):
    """The part that both have: the way into a VM that only its name is known of.

    The config says where VMs are looked for, as that of `PulumiVMService`, and has the ``ssh_*`` names of mlos_bench. A
    call that names ``ssh_hostname`` means that host and no VM of ours.
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
        """Register methods, but none that would take power from Azure."""
        named = services if isinstance(services, dict) else {each.__name__: each for each in services}
        super().register({name: each for name, each in named.items() if name not in _POWER or not self._is_own(each)})

    def _is_own(self, method: Callable[..., Any]) -> bool:
        return getattr(method, "__self__", None) is self

    def _validate_json_config(self, config: Mapping[str, Any]) -> None:
        """Leave what was checked by the schema of ours, whatever mlos_bench knows of us."""

    def _reached(self, params: Mapping[str, Any]) -> Params:
        """Give the params with what logs in; a VM is looked for by its name, and waited for until its SSH answers.

        A user is always named: mlos_bench logs in as ``None`` without one.

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
"""What somebody may want otherwise than the VM was made with."""


class VmSshService(VmByName, SshHostService):
    """Scripts of RemoteEnv in VMs: what cannot be reached, or breaks off, fails the trial and not the experiment."""

    def remote_exec(self, script: Iterable[str], config: Params, env_params: Params) -> tuple[Status, Params]:
        """Begin to run a script in the VM, once its SSH answers, for at most ``pollTimeout`` seconds.

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
    """Files that go into VMs and come back; what breaks off is copied again, for at most ``pollTimeout`` seconds."""

    def download(self, params: Params, remote_path: str, local_path: str, recursive: bool = True) -> None:
        """Copy from the VM. Raises: FileNotFoundError; OSError if the VM cannot be reached for so long."""
        self._copied(params, lambda each: SshFileShareService.download(self, each, remote_path, local_path, recursive))

    def upload(self, params: Params, local_path: str, remote_path: str, recursive: bool = True) -> None:
        """Copy into the VM. Raises: FileNotFoundError; OSError if the VM cannot be reached for so long."""
        self._copied(params, lambda each: SshFileShareService.upload(self, each, local_path, remote_path, recursive))

    def _copied(self, params: Params, copy: Callable[[Params], None]) -> None:
        """Copy by the way in, which is looked for anew each time."""

        def attempt() -> None:
            try:
                copy(self._reached(params))
            except _CUT as error:
                raise _CutOff(str(error)) from error

        options = Target.from_params(self._vms.under(params), self._vms.settings.defaults())
        retry(attempt, _CutOff, lambda _, times: backoff(times), timeout=options.poll_timeout)


class _CutOff(OSError):
    """A copy that broke off."""
