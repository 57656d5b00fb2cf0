"""The answers of Azure's own example files, to requests that read and delete, against the simulated cloud."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.arm import COMPUTE, GROUP, NETWORK, SUBSCRIPTION, Arm, refusal
from tests.conformance.test_arm_examples import FOLDER, NET, PUTS, VERBS, example, missing, prepare, request_of

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="no examples of Azure's specifications beside the checkout")

VM = f"{COMPUTE}/virtualMachines/myVM"
NIC = f"{NETWORK}/networkInterfaces/test-nic"
GETS = {
    "GetVirtualMachine": f"{VM}?$expand=userData&api-version=2021-07-01",
    "ListVirtualMachinesInASubscriptionByLocation": (
        f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/locations/eastus/virtualMachines"
    ),
    "NetworkInterfaceGet": NIC,
    "NetworkInterfaceList": f"{NETWORK}/networkInterfaces",
    "NetworkSecurityGroupGet": f"{NETWORK}/networkSecurityGroups/testnsg",
    "PublicIpAddressGet": f"{NETWORK}/publicIPAddresses/test-ip",
    "SubnetGet": f"{NET}/rg1-vnet/subnets/default",
    "SubnetList": f"{NET}/rg1-vnet/subnets",
    "VirtualNetworkGet": f"{NET}/rg1-vnet",
    "VirtualNetworkList": NET,
}
DELETES = {
    "ForceDeleteVirtualMachine": f"{VM}?forceDeletion=true&api-version=2021-07-01",
    "NetworkInterfaceDelete": NIC,
    "NetworkSecurityGroupDelete": f"{NETWORK}/networkSecurityGroups/testnsg",
    "PublicIpAddressDelete": f"{NETWORK}/publicIPAddresses/test-ip",
    "SubnetDelete": f"{NET}/rg1-vnet/subnets/default",
    "VirtualNetworkDelete": f"{NET}/rg1-vnet",
}
# Those of ``test_arm_examples`` that are neither a PUT nor a verb.
ELSEWHERE = {"GetVirtualMachineInstanceView", "ListAvailableVmSizes_VirtualMachines"}
TAGS = {"myTag1": "tagValue1", "RG": "rg", "testTag": "1"}
# what an answer may lack, and why
ABSENT = {
    "availabilitySet": "the machine of the example is in one",
    "proximityPlacementGroup": "the machine of the example is in one",
    "applicationProfile": "the machine of the example was given one",
    "extensionsTimeBudget": "the machine of the example was given one",
    "diagnosticsProfile": "the machine of the example was given one",
    "resources": "no machine here has extensions",
    "vhd": "the disk of the example is a file in a storage account",
    "dscpConfiguration": "the interface of the example was given one",
    "ipTags": "the address of the example was given some",
    "dhcpOptions": "the network of the example was given DNS servers",
}


def furnish(arm: Arm) -> None:
    """Make the resources that the examples read and delete, by the examples' own requests."""
    prepare(arm)
    arm.put(f"{NETWORK}/publicIPAddresses/test-ip", location="eastus")
    arm.done(arm("PUT", NIC, request_of(example("NetworkInterfaceCreate"))))
    rules = request_of(example("NetworkSecurityGroupCreateWithRule"))
    arm.done(arm("PUT", f"{NETWORK}/networkSecurityGroups/testnsg", rules | {"location": "eastus"}))
    nic = arm.shown(NIC)
    nic["properties"]["networkSecurityGroup"] = {"id": f"{NETWORK}/networkSecurityGroups/testnsg"}
    arm.done(arm("PUT", NIC, nic))
    vm = request_of(example("CreateOrUpdateAVmWithUserData")) | {"location": "eastus", "tags": TAGS}
    vm["properties"]["networkProfile"]["networkInterfaces"] = [{"id": NIC}]
    vm["properties"]["storageProfile"] |= request_of(example("CreateAVmWithEmptyDataDisks"))["properties"][
        "storageProfile"
    ]
    vm["properties"]["osProfile"] = {
        "computerName": "myVM",
        "adminUsername": "mlos",
        "adminPassword": "Pa55word!",
        "windowsConfiguration": {},
    }
    arm.done(arm("PUT", VM, vm))


@pytest.mark.parametrize("name", GETS)
def test_an_answer_shows_what_the_example_shows(arm: Arm, name: str) -> None:
    """A GET shows everything that the example shows, and lists have its form."""
    furnish(arm)
    answer = arm("GET", GETS[name])
    assert answer.status_code == 200, answer.text
    absent = set(missing(example(name)["responses"]["200"]["body"], answer.json()))
    assert {path for path in absent if not ABSENT.keys() & set(path.replace("[0]", "").split("."))} == set()


def test_tags_are_updated_as_in_the_example(arm: Arm) -> None:
    """A PATCH of an interface's tags takes effect at once, and answers with the interface."""
    furnish(arm)
    found = example("NetworkInterfaceUpdateTags")
    answer = arm("PATCH", NIC, request_of(found))
    assert answer.status_code == 200
    assert answer.json()["tags"] == request_of(found)["tags"]
    assert set(missing(found["responses"]["200"]["body"], answer.json())) == set()


def steps(name: str) -> Iterator[str]:
    """Give the resources to delete first, and then that of the example."""
    order = [DELETES[key] for key in ("ForceDeleteVirtualMachine", "NetworkInterfaceDelete")]
    yield from order[: order.index(DELETES[name])] if DELETES[name] in order else order


@pytest.mark.parametrize("name", DELETES)
def test_a_deletion_has_a_status_of_the_example(arm: Arm, name: str) -> None:
    """202 for an existing resource, 204 for an absent one."""
    furnish(arm)
    for path in steps(name):
        arm.done(arm("DELETE", path))
    begun = arm("DELETE", DELETES[name])
    arm.done(begun)
    again = arm("DELETE", DELETES[name])
    assert (begun.status_code, again.status_code) == (202, 204)
    assert {"202", "204"} <= example(name)["responses"].keys()


def test_a_group_is_deleted_as_in_the_example(arm: Arm) -> None:
    """With its machines by force; the result answers 202, then 200."""
    furnish(arm)
    found = example("ForceDeleteVMsInResourceGroup")
    kinds = found["parameters"]["forceDeletionTypes"]
    begun = arm("DELETE", f"{GROUP}?forceDeletionTypes={kinds}&api-version=2020-06-01")
    answers = [begun.status_code, arm.poll(begun).status_code]
    arm.clock.advance(600)
    answers.append(arm.poll(begun).status_code)
    assert answers == [202, 202, 200]
    assert {str(status) for status in answers} <= found["responses"].keys()


def test_inline_interfaces_of_a_machine_are_refused(arm: Arm) -> None:
    """This is the only example that is not supported."""
    prepare(arm)
    asked: Any = request_of(example("CreateAVmWithNetworkInterfaceConfiguration"))
    answer = arm("PUT", VM, asked)
    assert refusal(answer) == (400, "InvalidParameter")
    assert answer.json()["error"]["target"] == "networkProfile.networkInterfaceConfigurations"


def test_every_example_is_tested() -> None:
    """No example is left out."""
    single = {
        "NetworkInterfaceUpdateTags",
        "ForceDeleteVMsInResourceGroup",
        "CreateAVmWithNetworkInterfaceConfiguration",
    }
    assert {path.stem for path in FOLDER.glob("*.json")} == {*PUTS, *VERBS, *GETS, *DELETES, *ELSEWHERE, *single}
