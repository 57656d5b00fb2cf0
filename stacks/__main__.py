"""The program for `pulumi up` by hand: the parameters of vmops, as configuration of the stack.

    pulumi config set vmName exp1
    pulumi config set subscription 01234567-89ab-cdef-0123-456789abcdef
    pulumi config set adminPasswordOrKey --secret < ~/.ssh/id_ed25519.pub

Two keys are not parameters: ``owner``, by default the user's name, and ``uses``, the roles (group, network, subnet,
security_group) of existing resources that are used and not declared.
"""

import getpass

import pulumi
from pulumi.runtime import get_config
from pulumi_azure_native import Provider

from vmops.spec.rules import values
from vmops.spec.vm_spec import VmSpec
from vmops.stacks.vm import declare


def _configured(name: str) -> str | None:
    value: str | None = get_config(f"{pulumi.get_project()}:{name}")
    return value


def main() -> None:
    """Declare the VM that the configuration describes. Raises: SpecError."""
    params = {name: _configured(name) for name in VmSpec.parameters()}
    spec = VmSpec.from_params(params, {"cloud": "public"})
    azure = Provider(
        "azure", subscription_id=spec.subscription, environment=spec.cloud, use_default_azure_credential=True
    )
    external = frozenset(map(str, values.items(_configured("uses") or "")))
    declare(spec, owner=_configured("owner") or getpass.getuser(), external=external, provider=azure)


main()
