"""What sizes support: priorities, disks, controllers, and resizes."""

from typing import Any

import pytest

from tests.conformance.arm import COMPUTE, GROUP, SUBSCRIPTION, Arm, refusal

VM = f"{COMPUTE}/virtualMachines/vm"
SKUS = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/skus"
PASSWORD = "C0rrect-horse"
WINDOWS = {
    "publisher": "MicrosoftWindowsServer",
    "offer": "WindowsServer",
    "sku": "2022-datacenter-azure-edition",
    "version": "latest",
}
WINDOWS_PROFILE = {"adminUsername": "mlos", "adminPassword": PASSWORD}
FIRST = {"publisher": "Canonical", "offer": "UbuntuServer", "sku": "18.04-LTS", "version": "latest"}
PREMIUM = {"storageAccountType": "Premium_LRS"}
OS = {"createOption": "FromImage", "name": "vm-os"}


def size(name: str) -> dict[str, Any]:
    return {"hardwareProfile__vmSize": f"Standard_{name}"}


def data(count: int, **more: Any) -> dict[str, Any]:
    """Request so many data disks."""
    return {
        "storageProfile__dataDisks": [
            {"lun": lun, "name": f"data{lun}", "createOption": "Empty", "diskSizeGB": 8, **more} for lun in range(count)
        ]
    }


# Request → status, code, target and a part of the message. Source: azvmimagebuilder#51 and
# azure-sdk-for-java#2009; cloud-forensics-utils#488; terraform-provider-azurerm and terraform#7389;
# azure-compute-docs#143; karpenter-provider-azure#616; kubermatic#13184; fortinet/azure-templates#76.
MISFITS: dict[str, tuple[dict[str, Any], tuple[int, str, str | None, str]]] = {
    "a Linux profile on a Windows image": (
        {"storageProfile__imageReference": WINDOWS, "osProfile__adminPassword": PASSWORD},
        (400, "InvalidParameter", "linuxConfiguration", "The value of parameter linuxConfiguration is invalid."),
    ),
    "a Windows profile on a Linux image": (
        {"osProfile__windowsConfiguration": {}},
        (400, "InvalidParameter", "windowsConfiguration", "The value of parameter windowsConfiguration is invalid."),
    ),
    "a Premium system disk": (
        size("D2_v2") | {"storageProfile__osDisk": OS | {"managedDisk": PREMIUM}},
        (
            *(400, "InvalidParameter", "osDisk.managedDisk.storageAccountType"),
            "the VM size Standard_D2_v2 does not support the storage account type Premium_LRS of disk 'vm-os'.",
        ),
    ),
    "a Premium data disk": (
        size("D2_v5") | data(1, managedDisk=PREMIUM),
        (400, "InvalidParameter", "dataDisk.managedDisk.storageAccountType", "Premium_LRS of disk 'data0'"),
    ),
    "a data disk too many": (
        size("B2s") | data(5),
        (
            *(409, "OperationNotAllowed", "dataDisks"),
            "The maximum number of data disks allowed to be attached to a VM of this size is 4.",
        ),
    ),
    "Spot on a burstable size": (
        {"priority": "Spot"},
        (409, "OperationNotAllowed", None, "'Standard_B2s' does not support Azure Spot"),
    ),
    "Spot on a later burstable size": (
        {**size("B2s_v2"), "priority": "Spot"},
        (409, "OperationNotAllowed", None, "'Standard_B2s_v2' does not support Azure Spot"),
    ),
    "trusted launch of an image of the first generation": (
        {"storageProfile__imageReference": FIRST, "securityProfile": {"securityType": "TrustedLaunch"}},
        (400, "BadRequest", "securityProfile.securityType", "needs a Gen2 OS Image"),
    ),
    "a security type that needs a feature": (
        {"securityProfile": {"securityType": "Standard"}},
        (400, "BadRequest", "securityProfile.securityType", "Microsoft.Compute/UseStandardSecurityType"),
    ),
    "a TPM without trusted launch": (
        {"securityProfile__uefiSettings": {"vTpmEnabled": True}},
        (400, "BadRequest", "securityProfile.uefiSettings", "not valid without"),
    ),
    "encryption on a host that has none": (
        size("A1_v2") | {"securityProfile__encryptionAtHost": True},
        (400, "InvalidParameter", "securityProfile.encryptionAtHost", "'Standard_A1_v2' does not support encryption"),
    ),
    "an ephemeral disk that its host has no room for": (
        size("D2s_v5")
        | {"storageProfile__osDisk": OS | {"caching": "ReadOnly", "diffDiskSettings": {"option": "Local"}}},
        (
            409,
            "NotSupported",
            "osDisk.diffDiskSettings",
            "greater than 0 GB is not allowed for VM size",
        ),
    ),
    "an ephemeral disk that is cached both ways": (
        size("D2s_v3") | {"storageProfile__osDisk": OS | {"diffDiskSettings": {"option": "Local"}}},
        (400, "InvalidParameter", "osDisk.caching", "The value of parameter osDisk.caching is invalid."),
    ),
    "a place near what is not there": (
        {"proximityPlacementGroup": {"id": f"{COMPUTE}/proximityPlacementGroups/none"}},
        (400, "InvalidResourceReference", None, "proximityPlacementGroups/none referenced by resource"),
    ),
    "SCSI on a size that has NVMe alone": (
        size("D2s_v6") | {"storageProfile__diskControllerType": "SCSI"},
        (400, "InvalidParameter", "vmSize", "'Standard_D2s_v6' cannot boot with DiskControllerType 'SCSI'"),
    ),
    "NVMe on a size that has SCSI alone": (
        size("D2s_v5") | {"storageProfile__diskControllerType": "NVMe"},
        (400, "InvalidParameter", "vmSize", "'Standard_D2s_v5' cannot boot with DiskControllerType 'NVMe'"),
    ),
    "an image that does not boot from NVMe": (
        size("D2as_v7")
        | {
            "storageProfile__imageReference": WINDOWS | {"sku": "2016-datacenter-gensecond"},
            "osProfile": WINDOWS_PROFILE,
        },
        (400, "InvalidParameter", "vmSize", "'Standard_D2as_v7' cannot boot with OS image or disk."),
    ),
    "an image of the first generation on a size without it": (
        size("D2s_v6") | {"storageProfile__imageReference": FIRST},
        (400, "BadRequest", None, "'Standard_D2s_v6' cannot boot Hypervisor Generation '1'."),
    ),
    "a controller for an image of the first generation": (
        {"storageProfile__imageReference": FIRST, "storageProfile__diskControllerType": "SCSI"},
        (
            *(400, "InvalidParameter", "storageProfile.diskControllerType"),
            "Disk Controller Type is only supported for VMs that are created from a Generation 2 Image",
        ),
    ),
}


@pytest.mark.parametrize("what", MISFITS)
def test_an_unsuitable_size_is_refused_in_azures_words(arm: Arm, what: str) -> None:
    """At once, and nothing is left."""
    changes, (status, code, target, words) = MISFITS[what]
    arm.make_network()
    arm.make_interface("vm-nic")
    answer = arm.put_machine(**changes)
    assert refusal(answer) == (status, code)
    error = answer.json()["error"]
    assert (error.get("target"), words in error["message"]) == (target, True), error
    assert [entry["name"] for entry in arm.shown(f"{GROUP}/resources")["value"]] == ["vm-nic", "net"]


FITTING: dict[str, dict[str, Any]] = {
    "Windows": {"storageProfile__imageReference": WINDOWS, "osProfile": WINDOWS_PROFILE},
    "Premium": size("DS2_v2") | {"storageProfile__osDisk": OS | {"managedDisk": PREMIUM}},
    "as many data disks as go": data(4),
    "Spot": {**size("D2s_v5"), "priority": "Spot"},
    "v6": size("D2s_v6"),
    "v7": size("E2as_v7") | {"storageProfile__diskControllerType": "NVMe"} | data(8),
}


@pytest.mark.parametrize("what", FITTING)
def test_a_suitable_size_is_accepted(arm: Arm, what: str) -> None:
    """The closest requests to those that are refused."""
    arm.make_machine(**FITTING[what])
    assert arm.power() == "running"


@pytest.mark.parametrize(("name", "controller"), [("B2s", "SCSI"), ("D2s_v6", "NVMe"), ("D2as_v7", "NVMe")])
def test_a_machine_shows_the_controller_of_its_size(arm: Arm, name: str, controller: str) -> None:
    """The default is Azure's choice; earlier API versions do not show it."""
    arm.make_machine(**size(name))
    assert arm.shown(VM)["properties"]["storageProfile"]["diskControllerType"] == controller
    before = arm.send("GET", f"{VM}?api-version=2022-03-01").json()
    assert "diskControllerType" not in before["properties"]["storageProfile"]


def test_a_machine_of_the_first_generation_has_no_controller_to_show(arm: Arm) -> None:
    """Only the second generation has a choice."""
    arm.make_machine(storageProfile__imageReference=FIRST)
    assert "diskControllerType" not in arm.shown(VM)["properties"]["storageProfile"]


def test_a_running_machine_is_resized_within_its_cluster(arm: Arm) -> None:
    """Other hardware requires a deallocation; vmSizes lists the possible sizes."""
    arm.make_machine()
    there = {each["name"] for each in arm.shown(f"{VM}/vmSizes")["value"]}
    assert "Standard_D2s_v5" in there
    assert "Standard_D2as_v5" not in there
    refused = arm.put_machine(**size("D2as_v5"))
    assert refusal(refused) == (409, "OperationNotAllowed")
    said = refused.json()["error"]["message"]
    assert "the requested size Standard_D2as_v5 is not available in the current hardware cluster." in said
    assert "Standard_D2s_v5" in said
    arm.done(arm.put_machine(**size("D2s_v5")))
    arm.done(arm("POST", f"{VM}/deallocate"))
    assert "Standard_D2as_v5" in {each["name"] for each in arm.shown(f"{VM}/vmSizes")["value"]}
    arm.done(arm.put_machine(**size("D2as_v5")))
    arm.done(arm("POST", f"{VM}/start"))
    assert arm.shown(VM)["properties"]["hardwareProfile"]["vmSize"] == "Standard_D2as_v5"


def test_a_deallocated_machine_can_change_to_nvme(arm: Arm) -> None:
    """The controller changes only on request, and only while deallocated."""
    arm.make_machine()
    both = size("D2s_v6") | {"storageProfile__diskControllerType": "NVMe"}
    assert refusal(arm.put_machine(**size("D2s_v6"))) == (400, "InvalidParameter")
    assert refusal(arm.put_machine(**both)) == (409, "PropertyChangeNotAllowed")
    arm.done(arm("POST", f"{VM}/deallocate"))
    assert refusal(arm.put_machine(**size("D2s_v6"))) == (400, "InvalidParameter")
    arm.done(arm.put_machine(**both))
    assert arm.shown(VM)["properties"]["storageProfile"]["diskControllerType"] == "NVMe"


def test_windows_cannot_change_between_sizes_with_and_without_a_temporary_disk(arm: Arm) -> None:
    """Deallocated or not; Linux does."""
    windows: dict[str, Any] = {"storageProfile__imageReference": WINDOWS, "osProfile": WINDOWS_PROFILE}
    arm.make_machine(**windows)
    for _ in range(2):
        refused = arm.put_machine(**windows, **size("D2s_v5"))
        assert refusal(refused) == (409, "OperationNotAllowed")
        assert (
            "Unable to resize the VM 'vm' since changing from resource disk to non-resource disk VM size"
            in (refused.json()["error"]["message"])
        )
        arm.done(arm("POST", f"{VM}/deallocate"))
    arm.done(arm.put_machine(**windows, **size("D2s_v3")))


def test_a_resize_keeps_disks_and_interfaces(arm: Arm) -> None:
    """A size that does not support its disks is refused, also by PATCH."""
    arm.make_machine(**size("D4s_v5"), **data(5))
    smaller = {"properties": {"hardwareProfile": {"vmSize": "Standard_D2s_v5"}}}
    assert refusal(arm("PATCH", VM, smaller)) == (409, "OperationNotAllowed")


def test_skus_list_capabilities(arm: Arm) -> None:
    """A client can predict the refusals."""
    page = arm("GET", SKUS, filter="location eq 'westus2'").json()["value"]
    told = {sku["name"]: {each["name"]: each["value"] for each in sku["capabilities"]} for sku in page}
    names = ("LowPriorityCapable", "PremiumIO", "HyperVGenerations", "DiskControllerTypes", "MaxDataDiskCount")
    found = {name: tuple(told[f"Standard_{name}"].get(each) for each in names) for name in ("B2s", "D2_v2", "D2s_v6")}
    assert found == {
        "B2s": ("False", "True", "V1,V2", None, "4"),
        "D2_v2": ("True", "False", "V1,V2", None, "8"),
        "D2s_v6": ("True", "True", "V2", "NVMe", "8"),
    }
    assert (told["Standard_D4ds_v6"]["NvmeDiskSizeInMiB"], told["Standard_D4ds_v6"]["MaxResourceVolumeMB"]) == (
        "225280",
        "0",
    )
