"""The example requests and responses of Azure's API specifications, against the simulated cloud.

The examples are abridged and of 2021: each request must be accepted with a status of the example, and the answer must
contain the example's.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.arm import COMPUTE, GROUP, NETWORK, SUBSCRIPTION, Arm

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "arm-examples"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="no examples of Azure's specifications beside the checkout")

VM = f"{COMPUTE}/virtualMachines/myVM"
NET = f"{NETWORK}/virtualNetworks"
# placeholder in the examples → its value here
PLACEHOLDERS = {
    "/subscriptions/{subscription-id}/resourceGroups/myResourceGroup": GROUP,
    "/subscriptions/subid/resourceGroups/rg1": GROUP,
    "{existing-nic-name}": "vm-nic",
    "{image_publisher}": "Canonical",
    "{image_offer}": "UbuntuServer",
    "{image_sku}": "18.04-LTS",
    "{your-username}": "mlos",
    "{your-password}": "Pa55word!",
    "http://{existing-storage-account-name}.blob.core.windows.net": "",
}
PUTS = {
    "CreateAVmWithSshAuthentication": VM,
    "CreateAVmWithPasswordAuthentication": VM,
    "CreateAVmWithEmptyDataDisks": VM,
    "CreateAVmWithManagedBootDiagnostics": VM,
    "CreateOrUpdateAVmWithUserData": VM,
    "CreateResourceGroup": f"/subscriptions/{SUBSCRIPTION}/resourceGroups/my-resource-group",
    "NetworkInterfaceCreate": f"{NETWORK}/networkInterfaces/test-nic",
    "NetworkSecurityGroupCreate": f"{NETWORK}/networkSecurityGroups/testnsg",
    "NetworkSecurityGroupCreateWithRule": f"{NETWORK}/networkSecurityGroups/testnsg",
    "PublicIpAddressCreateCustomizedValues": f"{NETWORK}/publicIPAddresses/test-ip",
    "PublicIpAddressCreateDefaults": f"{NETWORK}/publicIPAddresses/test-ip",
    "PublicIpAddressCreateDns": f"{NETWORK}/publicIPAddresses/test-ip",
    "SubnetCreate": f"{NET}/wide/subnets/subnet1",
    "VirtualNetworkCreate": f"{NET}/test-vnet",
    "VirtualNetworkCreateSubnet": f"{NET}/test-vnet",
}
# what an answer may lack, and why
ABSENT = {
    ".properties.ipConfiguration": "the address of the example is in use",
    ".zones": "the request of the example names no zones",
}
VERBS = {
    "VirtualMachine_Deallocate_MaximumSet_Gen": "deallocate",
    "VirtualMachine_PowerOff_MaximumSet_Gen": "powerOff",
    "VirtualMachine_Restart_MaximumSet_Gen": "restart",
    "ReapplyVirtualMachine": "reapply",
}


def example(name: str) -> dict[str, Any]:
    """Read an example with its placeholders filled in."""
    text = (FOLDER / f"{name}.json").read_text()
    for placeholder, value in PLACEHOLDERS.items():
        text = text.replace(placeholder, value)
    found: dict[str, Any] = json.loads(text)
    return found


def request_of(found: dict[str, Any]) -> Any:
    """Return the body of an example's request: the one parameter that is an object."""
    return next(value for value in found["parameters"].values() if isinstance(value, dict))


def missing(shown: Any, ours: Any, path: str = "") -> Iterator[str]:
    """List what an example shows and an answer does not."""
    if isinstance(shown, dict):
        for key, value in shown.items():
            if not isinstance(ours, dict) or key not in ours:
                yield f"{path}.{key}"
            else:
                yield from missing(value, ours[key], f"{path}.{key}")
    elif isinstance(shown, list) and shown and isinstance(ours, list):
        yield from missing(shown[0], ours[0] if ours else None, f"{path}[0]")


def prepare(arm: Arm) -> None:
    """Make the resources that the examples presuppose."""
    arm.make_group()
    west = {"location": "westus"}
    east = {"location": "eastus"}
    for name, space, where in (
        ("net", "10.0.0.0/16", west),
        ("wide", "10.0.0.0/8", west),
        ("rg1-vnet", "172.20.0.0/16", east),
    ):
        subnets = [{"name": "default", "properties": {"addressPrefix": space[:-2] + "24"}}] if name != "wide" else []
        properties = {"addressSpace": {"addressPrefixes": [space]}, "subnets": subnets}
        arm.put(f"{NET}/{name}", properties=properties, **where)
    part = {"name": "a", "properties": {"subnet": {"id": f"{NET}/net/subnets/default"}}}
    arm.put(f"{NETWORK}/networkInterfaces/vm-nic", properties={"ipConfigurations": [part]}, **west)


@pytest.mark.parametrize("name", PUTS)
def test_example_requests_are_accepted_and_answered_in_full(arm: Arm, name: str) -> None:
    """The answer to a PUT contains the example's answer."""
    prepare(arm)
    if name == "NetworkInterfaceCreate":
        arm.put(f"{NETWORK}/publicIPAddresses/test-ip", location="eastus")
    path, found = PUTS[name], example(name)
    accepted = arm("PUT", path, request_of(found))
    assert str(accepted.status_code) in found["responses"], accepted.text
    if "Azure-AsyncOperation" in accepted.headers:
        arm.done(accepted)
    shown = found["responses"][str(accepted.status_code)]["body"]
    assert set(missing(shown, arm.shown(path))) <= set(ABSENT)


@pytest.mark.parametrize("name", VERBS)
def test_example_verbs_are_accepted(arm: Arm, name: str) -> None:
    """A power verb answers with a status of the example."""
    arm.make_machine()
    accepted = arm("POST", f"{COMPUTE}/virtualMachines/vm/{VERBS[name]}")
    assert str(accepted.status_code) in example(name)["responses"]


def test_an_instance_view_shows_what_the_example_shows(arm: Arm) -> None:
    """Except extensions, patches and placement."""
    arm.make_machine()
    shown = example("GetVirtualMachineInstanceView")["responses"]["200"]["body"]
    absent = set(missing(shown, arm.shown(f"{COMPUTE}/virtualMachines/vm/instanceView")))
    assert {path.split(".")[1].split("[")[0] for path in absent} <= {
        "platformUpdateDomain",
        "platformFaultDomain",
        "extensions",
        "patchStatus",
        "bootDiagnostics",
        "vmAgent",
    }


def test_sizes_are_listed_as_the_example_lists_them(arm: Arm) -> None:
    """A size has the six properties of the example."""
    arm.make_machine()
    shown = example("ListAvailableVmSizes_VirtualMachines")["responses"]["200"]["body"]
    assert list(missing(shown, arm.shown(f"{COMPUTE}/virtualMachines/vm/vmSizes"))) == []
