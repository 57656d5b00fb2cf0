"""The Automation API used as in its documentation, with an inline program for the same resources."""

import os
from collections.abc import Callable
from pathlib import Path

import pulumi
from pulumi import automation
from pulumi_azure_native import Provider

from vmops.core import keys
from vmops.engine.install import locate
from vmops.local import daemon
from vmops.spec.vm_spec import VmSpec
from vmops.stacks import vm as resources


class Plain:
    """A stack for each VM, with the same engine and the same plug-in look-ups turned off."""

    def __init__(self, state_dir: Path) -> None:
        resources.touch()
        here = daemon.ensure(state_dir)
        self._state_dir, self._home = state_dir, state_dir / "plain"
        (self._home / "backend").mkdir(parents=True, exist_ok=True)
        os.environ["PATH"] = f"{locate.path().parent}{os.pathsep}{os.environ['PATH']}"
        self._environment = {
            "PULUMI_BACKEND_URL": f"file://{self._home / 'backend'}",
            "PULUMI_HOME": str(self._home / "home"),
            "PULUMI_CONFIG_PASSPHRASE": "benchmark",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_DEBUG_PROVIDERS": f"azure-native:{here.provider}",
            "NO_PROXY": "127.0.0.1,localhost",
        }
        self._stacks: dict[str, automation.Stack] = {}

    def up(self, vm: str) -> None:
        """Make the stack and run its program."""
        stack = automation.create_or_select_stack(
            stack_name=vm,
            project_name="plain",
            program=self._program(vm),
            opts=automation.LocalWorkspaceOptions(env_vars=self._environment),
        )
        self._stacks[vm] = stack
        stack.up()

    def again(self, vm: str) -> None:
        """Run the program of a stack without a change."""
        self._stacks[vm].up()

    def down(self, vm: str) -> None:
        """Destroy the stack's resources; this is not verified, and the stack stays."""
        self._stacks[vm].destroy()

    def forget(self, vm: str) -> None:
        """Remove the stack."""
        self._stacks.pop(vm).workspace.remove_stack(vm)

    def _program(self, vm: str) -> Callable[[], None]:
        bare = VmSpec.from_params({"vmName": vm, "location": "westus2"})
        spec = bare.with_key(keys.ssh_public_key(self._state_dir, bare.stack))

        def program() -> None:
            pulumi.runtime.register_stack_transformation(_deleted)
            resources.declare(spec, owner="plain", provider=Provider("azure", subscription_id=spec.subscription))

        return program


def _deleted(arguments: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
    """Delete the group with the other resources, without a check whether it is empty."""
    arguments.opts.retain_on_delete = False
    return pulumi.ResourceTransformationResult(props=arguments.props, opts=arguments.opts)
