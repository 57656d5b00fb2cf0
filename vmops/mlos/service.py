"""The service that mlos_bench's environments call; it calls `VMOps`."""

import logging
import sys
from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import Any, Literal

from mlos_bench.environments.status import Status
from mlos_bench.services.base_service import Service
from mlos_bench.services.types.host_ops_type import SupportsHostOps
from mlos_bench.services.types.host_provisioner_type import SupportsHostProvisioning
from mlos_bench.services.types.os_ops_type import SupportsOSOps
from mlos_bench.services.types.vm_provisioner_type import SupportsVMOps

from vmops import protocol
from vmops.core.errors import SpecError, VmopsError
from vmops.core.failures import Failure, FailureKind
from vmops.core.printable import printable
from vmops.core.signals import signals_as_exceptions, signals_deferred
from vmops.mlos import log, schema
from vmops.mlos.config import Config
from vmops.mlos.experiment import Run
from vmops.ops.api import VMOps
from vmops.protocol import HANDLE, Params
from vmops.spec.target import Target
from vmops.spec.unknown import CriticalName

Answer = tuple[Status, Params]
"""What each method returns: mlos_bench's status, and a new dict."""

_LOG = logging.getLogger(__name__)

_CAPABILITIES = (SupportsHostProvisioning, SupportsHostOps, SupportsOSOps, SupportsVMOps)
"""The methods that a service registers; an environment sees no others."""


class PulumiVMService(Service, SupportsHostProvisioning, SupportsHostOps, SupportsOSOps, SupportsVMOps):
    """VMs for mlos_bench's environments: VMEnv, HostEnv, OSEnv and RemoteEnv.

    The config contains what is the same for every trial: parameters of a VM and settings of vmops. The params of a call
    take precedence. A dict that is passed in is never changed. With PENDING a new dict is returned for the wait that
    follows: the params and the handle ``asyncResultsUrl``. A refusal by the cloud is FAILED; only wrong params raise
    ValueError.
    """

    def __init__(
        self,
        config: dict[str, Any] | None = None,
        global_config: dict[str, Any] | None = None,
        parent: Service | None = None,
        methods: dict[str, Callable[..., Any]] | list[Callable[..., Any]] | None = None,
    ) -> None:
        """Read the config, with its ``$variables`` expanded from ``global_config``.

        Raises: SpecError if the config is wrong; StoreError if the state directory cannot hold records.
        """
        named = [name for each in _CAPABILITIES for name in vars(each) if not name.startswith("_")]
        super().__init__(
            config, global_config, parent, self.merge_methods(methods, {name: getattr(self, name) for name in named})
        )
        log.join()
        variables = global_config or {}
        self._config = Config.read(self.config, variables, parent)
        self._ops = VMOps(self._config.settings)
        self._warned: set[str] = set()
        self._run = Run(self._config.settings.state_dir, str(variables.get("experiment_id")))

    def provision_host(self, params: Params) -> Answer:
        """Make and start the VM as the params say; do nothing if it is so already.

        Without ``waitFor``, this also waits for SSH if that can answer, because the trial may run a script next. Status
        is one of {PENDING, SUCCEEDED, FAILED}.
        """
        self._run.add(Target.from_params(self._config.merged_with(params), self._config.settings.defaults()).stack)
        return self._begin(self._provision, params)

    def deprovision_host(self, params: Params) -> Answer:
        """Shut the VM down and release all its resources; a VM that does not exist is a success.

        Status is one of {PENDING, SUCCEEDED, FAILED}. A failure is printed to stderr, too, because mlos_bench ignores
        it.
        """
        return self._removal(self._begin(self._ops.vm_deprovision, params), params)

    def deallocate_host(self, params: Params) -> Answer:
        """Deallocate the VM and keep its disks. Status is one of {PENDING, SUCCEEDED, FAILED}."""
        return self._begin(self._ops.deallocate, params)

    def start_host(self, params: Params) -> Answer:
        """Start the VM. Status is one of {PENDING, SUCCEEDED, FAILED}."""
        return self._begin(self._ops.vm_start, params)

    def stop_host(self, params: Params, force: bool = False) -> Answer:
        """Stop the VM by a graceful shutdown; with ``force`` it is powered off at once.

        Status is one of {PENDING, SUCCEEDED, FAILED}.
        """
        return self._begin(partial(self._ops.vm_stop, force=force), params)

    def restart_host(self, params: Params, force: bool = False) -> Answer:  # noqa: ARG002
        """Restart the VM; ``force`` has no effect, because ARM has only one way of restarting.

        Status is one of {PENDING, SUCCEEDED, FAILED}. Source: azure-rest-api-specs, VirtualMachines_Restart.
        """
        return self._begin(self._ops.vm_restart, params)

    def wait_host_deployment(self, params: Params, *, is_setup: bool) -> Answer:
        """Wait, at most ``pollTimeout`` seconds, for the VM to be deployed (``is_setup``) or to be gone.

        Status is one of {PENDING, SUCCEEDED, FAILED, TIMED_OUT}. A failed removal is printed to stderr, too.
        """
        answer = self._wait(partial(self._ops.wait_vm_deployment, is_setup), params)
        return answer if is_setup else self._removal(answer, params)

    def wait_host_operation(self, params: Params) -> Answer:
        """Wait, at most ``pollTimeout`` seconds, for the operation at ``asyncResultsUrl``; PENDING without it.

        Status is one of {PENDING, SUCCEEDED, FAILED, TIMED_OUT}.
        """
        return self._wait(self._ops.wait_vm_operation, params)

    def wait_vm_deployment(self, is_setup: bool, params: Params) -> Answer:
        """Wait as `wait_host_deployment` does."""
        return self.wait_host_deployment(params, is_setup=is_setup)

    vm_provision = provision_host
    vm_deprovision = deprovision_host
    vm_start = start_host
    vm_stop = shutdown = stop_host
    vm_restart = reboot = restart_host
    wait_vm_operation = wait_os_operation = wait_host_operation

    def _validate_json_config(self, config: Mapping[str, Any]) -> None:
        """Check the config against our schema, also if mlos_bench's validation is turned off."""
        schema.check(config)

    def _enter_context(self) -> Service:
        """Enter the context. In it SIGTERM and SIGHUP raise exceptions, so that the context is left properly."""
        super()._enter_context()
        signals_as_exceptions.__enter__()
        return self

    def _exit_context(
        self, ex_type: type[BaseException] | None, ex_val: BaseException | None, ex_tb: TracebackType | None
    ) -> Literal[False]:
        """Leave the context. After an exception, for which mlos_bench runs no teardown, remove what is left."""
        try:
            if ex_type is not None:
                self._remove_remaining(ex_type.__name__)
        finally:
            signals_as_exceptions.__exit__(ex_type, ex_val, ex_tb)
            super()._exit_context(ex_type, ex_val, ex_tb)
        return False

    def _remove_remaining(self, why: str) -> None:
        with signals_deferred():
            for params in self._run.remaining_vms(self._ops.operations()):
                _LOG.error("%s ended the experiment: its VM %s is being deprovisioned", why, params["vmName"])
                self.deprovision_host(params)

    def _provision(self, params: Params) -> protocol.Answer:
        if params.get("waitFor") is None:
            why = self._ops.why_no_ssh(params)
            params["waitFor"] = "running" if why else "ssh"
            if why and why not in self._warned:
                self._warned.add(why)
                _LOG.warning("%s: not waiting for its SSH: %s", params["vmName"], why)
        return self._ops.vm_provision(params)

    def _begin(self, verb: Callable[[Params], protocol.Answer], params: Params) -> Answer:
        merged = self._config.merged_with(params)
        status, _ = _answer(verb, merged)
        return status, ({**params, HANDLE: merged[HANDLE]} if status is Status.PENDING else {})

    def _wait(self, wait: Callable[[Params], protocol.Answer], params: Params) -> Answer:
        return _answer(wait, self._config.merged_with(params))

    def _removal(self, answer: Answer, params: Params) -> Answer:
        """Return a removal's answer, and report a VM that may be left behind."""
        status, _ = answer
        if status in {Status.FAILED, Status.TIMED_OUT}:
            given = self._config.merged_with(params)
            why = (
                self._ops.last_failure(given) if status is Status.FAILED else "the removal continues after pollTimeout"
            )
            sentence = printable(
                f"the VM {given['vmName']} is not gone, and may still cost money: {why or 'see the log'}"
            )
            _LOG.error(sentence)
            sys.stderr.write(f"error: {sentence}\n")
        return answer


def _answer(call: Callable[[Params], protocol.Answer], params: Params) -> Answer:
    """Call, and give the answer in mlos_bench's terms. Only wrong params raise, because that ends an experiment.

    An unknown name does not raise, because it may be a parameter of another service.
    """
    try:
        status, result = call(params)
    except CriticalName as error:
        _LOG.warning("%s: %s", params.get("vmName"), Failure(FailureKind.INVALID, str(error)))
        return Status.FAILED, {}
    except SpecError:
        raise
    except VmopsError as error:
        _LOG.error("%s: %s", params.get("vmName"), error)
        return Status.FAILED, {}
    return Status[status.name], result
