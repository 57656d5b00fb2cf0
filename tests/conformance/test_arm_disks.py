"""Managed disks: creation, updates, attaching and detaching."""

from typing import Any

import pytest

from tests.conformance.arm import COMPUTE, GROUP, NETWORK, Arm, refusal

VM = f"{COMPUTE}/virtualMachines/vm"
MOVE = f"{VM}/attachDetachDataDisks"


def disk(arm: Arm, name: str, size: int = 8, **creation: Any) -> str:
    """Make a disk and return its id."""
    properties = {"creationData": {"createOption": "Empty"} | creation, "diskSizeGB": size}
    return str(arm.put(f"{COMPUTE}/disks/{name}", properties=properties).json()["id"])


def held(arm: Arm) -> dict[int, str]:
    """Give the data disks of the machine, by lun."""
    disks = arm.shown(VM)["properties"]["storageProfile"]["dataDisks"]
    return {one["lun"]: one["managedDisk"]["id"].rpartition("/")[2] for one in disks}


@pytest.mark.parametrize(("asked", "size"), [({}, 8), ({"diskSizeGB": 8}, 8), ({"diskSizeGB": 16}, 16)])
def test_a_copied_disk_is_not_smaller_than_its_source(arm: Arm, asked: dict[str, int], size: int) -> None:
    """It has the size of its source unless a larger one is requested, and names the source."""
    arm.make_group()
    source = disk(arm, "a")
    creation = {"createOption": "copy", "sourceResourceId": source.upper()}
    copied = arm.put(f"{COMPUTE}/disks/b", properties={"creationData": creation, **asked}).json()["properties"]
    assert copied["diskSizeGB"] == size
    unique = arm.shown(source)["properties"]["uniqueId"]
    told = {"createOption": "Copy", "sourceResourceId": source, "sourceUniqueId": unique}
    assert copied["creationData"] == told


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"creationData": {"createOption": "Copy", "sourceResourceId": f"{COMPUTE}/disks/no"}}, (404, "NotFound")),
        ({"creationData": {"createOption": "Copy", "sourceResourceId": "no"}}, (404, "NotFound")),
        ({"creationData": {"createOption": "Copy", "sourceResourceId": f"{COMPUTE}/snapshots/a"}}, (404, "NotFound")),
        ({"creationData": {"createOption": "Copy"}}, (404, "NotFound")),
        (
            {"creationData": {"createOption": "Copy", "sourceResourceId": f"{COMPUTE}/disks/a"}, "diskSizeGB": 4},
            (400, "InvalidParameter"),
        ),
        ({"creationData": {"createOption": "Import", "sourceUri": "https://x"}}, (400, "InvalidParameter")),
        ({"creationData": {"sourceUri": "https://x"}}, (400, "InvalidParameter")),
        ({}, (400, "InvalidParameter")),
    ],
)
def test_a_disk_from_an_unknown_source_is_refused(
    arm: Arm, properties: dict[str, Any], expected: tuple[int, str]
) -> None:
    """So are unsupported sources, and nothing is left."""
    arm.make_group()
    disk(arm, "a")
    answer = arm("PUT", f"{COMPUTE}/disks/b", {"location": "westus2", "properties": properties})
    assert refusal(answer) == expected
    assert [one["name"] for one in arm.shown(f"{GROUP}/resources")["value"]] == ["a"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_disk_update_changes_its_properties(arm: Arm, method: str) -> None:
    """Immutable properties are refused, and none is ignored."""
    arm.make_group()
    path = disk(arm, "a")
    properties = {"tier": "P10", "networkAccessPolicy": "denyall", "maxShares": 2}
    arm.done(arm(method, path, {"location": "westus2", "properties": properties, "sku": {"name": "premium_lrs"}}))
    shown = arm.shown(path)
    assert shown["properties"].items() >= {"tier": "P10", "networkAccessPolicy": "DenyAll", "maxShares": 2}.items()
    assert shown["sku"]["name"] == "Premium_LRS"
    for change in ({"properties": {"creationData": {"createOption": "Copy"}}}, {"zones": ["1"]}):
        answer = arm(method, path, {"location": "westus2", **change})
        assert refusal(answer) == (409, "PropertyChangeNotAllowed")


def test_a_machines_data_disk_may_be_a_copy(arm: Arm) -> None:
    """It has its source's size; an absent source is refused."""
    arm.make_network()
    arm.make_interface("vm-nic")
    source = disk(arm, "a", 16)
    asked = {"lun": 0, "createOption": "Copy", "sourceResource": {"id": f"{COMPUTE}/disks/no"}}
    assert refusal(arm.put_machine(storageProfile__dataDisks=[asked])) == (404, "NotFound")
    arm.done(arm.put_machine(storageProfile__dataDisks=[asked | {"sourceResource": {"id": source}}]))
    assert arm.shown(VM)["properties"]["storageProfile"]["dataDisks"][0]["diskSizeGB"] == 16


def test_separate_disks_are_created_and_deleted(arm: Arm) -> None:
    """Attach and detach work without a guest, and return the machine's disks."""
    arm.make_machine(storageProfile__dataDisks=[{"lun": 1, "diskSizeGB": 4, "name": "old"}])
    first, second = disk(arm, "first"), disk(arm, "second")
    asked = {
        "dataDisksToAttach": [{"diskId": first}, {"diskId": second, "lun": 5, "caching": "readonly"}],
        "dataDisksToDetach": [{"diskId": f"{COMPUTE}/disks/OLD", "detachOption": "forcedetach"}],
    }
    begun = arm("POST", MOVE, asked)
    assert (begun.status_code, begun.content) == (202, b"")
    result = arm.send("GET", arm.done(begun).headers["Location"]).json()
    assert held(arm) == {0: "first", 5: "second"}
    assert result == arm.shown(VM)["properties"]["storageProfile"]
    assert result["dataDisks"][1]["caching"] == "ReadOnly"
    states = {name: arm.shown(f"{COMPUTE}/disks/{name}")["properties"]["diskState"] for name in ("old", "first")}
    assert states == {"old": "Unattached", "first": "Attached"}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"dataDisksToDetach": [{"diskId": f"{COMPUTE}/disks/free"}]}, (400, "InvalidParameter")),
        ({"dataDisksToAttach": [{"diskId": f"{COMPUTE}/disks/no"}]}, (400, "InvalidResourceReference")),
        ({"dataDisksToAttach": [{"diskId": f"{NETWORK}/networkInterfaces/vm-nic"}]}, (400, "InvalidResourceReference")),
        ({"dataDisksToAttach": [{"diskId": f"{COMPUTE}/disks/free", "lun": 1}]}, (400, "InvalidParameter")),
        ({"disks": []}, (400, "InvalidRequestContent")),
        ({"dataDisksToAttach": [{"id": "a"}]}, (400, "BadRequest")),
    ],
)
def test_disks_of_a_running_machine_cannot_be_reattached(
    arm: Arm, asked: dict[str, Any], expected: tuple[int, str]
) -> None:
    """A refusal changes nothing."""
    arm.make_machine(storageProfile__dataDisks=[{"lun": 1, "diskSizeGB": 4, "name": "old"}])
    disk(arm, "free")
    assert refusal(arm("POST", MOVE, asked)) == expected
    assert held(arm) == {1: "old"}


def test_a_lun_keeps_its_disk(arm: Arm) -> None:
    """Another disk at a used lun, and two disks at one lun, are refused."""
    arm.make_machine(storageProfile__dataDisks=[{"lun": 1, "diskSizeGB": 4, "name": "old"}])
    other = {"lun": 1, "createOption": "Attach", "managedDisk": {"id": disk(arm, "free")}}
    for disks in ([other], [{"lun": 1, "createOption": "Empty", "name": "new"}]):
        assert refusal(arm.put_machine(storageProfile__dataDisks=disks)) == (409, "PropertyChangeNotAllowed")
    twice = [{"lun": 2, "diskSizeGB": 4}, {"lun": 2, "diskSizeGB": 4}]
    assert refusal(arm.put_machine(storageProfile__dataDisks=twice)) == (400, "InvalidParameter")
    assert held(arm) == {1: "old"}


ZONE = {"zones": ["1"]}
V2 = {"sku": {"name": "PremiumV2_LRS"}, **ZONE}
ULTRA = {"sku": {"name": "UltraSSD_LRS"}, **ZONE}


def fast(arm: Arm, kind: dict[str, Any], size: int = 8, **says: int) -> Any:
    """Request a disk with its own speed."""
    properties = {"creationData": {"createOption": "Empty"}, "diskSizeGB": size, **says}
    return arm("PUT", f"{COMPUTE}/disks/fast", {"location": "westus2", **kind, "properties": properties})


def test_premium_v2_and_ultra_disks_have_their_own_speed(arm: Arm) -> None:
    """The default is the minimum; the speed changes without the size."""
    arm.make_group()
    arm.done(fast(arm, V2))
    assert arm.shown(f"{COMPUTE}/disks/fast")["properties"]["diskIOPSReadWrite"] == 3000
    arm.done(
        arm("PATCH", f"{COMPUTE}/disks/fast", {"properties": {"diskIOPSReadWrite": 4000, "diskMBpsReadWrite": 1000}})
    )
    assert arm.shown(f"{COMPUTE}/disks/fast")["properties"]["diskMBpsReadWrite"] == 1000
    slower = {"properties": {"diskIOPSReadWrite": 3999}}
    assert refusal(arm("PATCH", f"{COMPUTE}/disks/fast", slower)) == (400, "InvalidParameter")


@pytest.mark.parametrize(
    ("kind", "size", "says"),
    [
        ({"sku": {"name": "Premium_LRS"}}, 64, {"diskIOPSReadWrite": 500}),
        (V2, 4, {"diskIOPSReadWrite": 3001}),
        (V2, 8, {"diskIOPSReadWrite": 2999}),
        (V2, 8, {"diskMBpsReadWrite": 751}),
        (V2, 1024, {"diskIOPSReadWrite": 80001}),
        (ULTRA, 3, {}),
        (ULTRA, 4, {"diskIOPSReadWrite": 4001}),
        (ULTRA, 4, {"diskIOPSReadWrite": 1000, "diskMBpsReadWrite": 257}),
    ],
)
def test_an_invalid_disk_speed_is_refused(arm: Arm, kind: dict[str, Any], size: int, says: dict[str, int]) -> None:
    """The limits depend on type and size, and those of the throughput on the IOPS."""
    arm.make_group()
    assert refusal(fast(arm, kind, size, **says)) == (400, "InvalidParameter")


def test_fast_disks_need_a_zone_no_caching_and_the_capability(arm: Arm) -> None:
    """A machine without a zone, with caching, of a size without Premium, or without the Ultra capability is refused."""
    arm.make_network()
    arm.make_interface("vm-nic")
    arm.done(fast(arm, V2))
    on: dict[str, Any] = {"lun": 0, "createOption": "Attach", "managedDisk": {"id": f"{COMPUTE}/disks/fast"}}
    zonal: dict[str, Any] = {"hardwareProfile__vmSize": "Standard_D2s_v5", "zones": ["1"]}
    for changes in (
        {**zonal, "zones": [], "storageProfile__dataDisks": [on]},
        {**zonal, "storageProfile__dataDisks": [{**on, "caching": "ReadOnly"}]},
        {**zonal, "hardwareProfile__vmSize": "Standard_D2_v5", "storageProfile__dataDisks": [on]},
        {**zonal, "storageProfile__osDisk__managedDisk": {"storageAccountType": "PremiumV2_LRS"}},
        {**zonal, "zones": [], "additionalCapabilities": {"ultraSSDEnabled": True}},
    ):
        assert refusal(arm.put_machine(**changes)) == (400, "InvalidParameter"), changes
    arm.done(arm.put_machine(**zonal, storageProfile__dataDisks=[on]))
    (attached,) = arm.shown(VM)["properties"]["storageProfile"]["dataDisks"]
    assert attached["managedDisk"]["storageAccountType"] == "PremiumV2_LRS"
    ultra = str(
        arm.put(f"{COMPUTE}/disks/ultra", **ULTRA, properties={"creationData": {"createOption": "Empty"}}).json()["id"]
    )
    both = [on, {**on, "lun": 1, "managedDisk": {"id": ultra}}]
    refused = arm.put_machine(**zonal, storageProfile__dataDisks=both)
    assert "only when additionalCapabilities.ultraSSDEnabled is set" in refused.json()["error"]["message"]
    able: dict[str, Any] = {**zonal, "additionalCapabilities": {"ultraSSDEnabled": True}}
    assert refusal(arm.put_machine(**able, storageProfile__dataDisks=both)) == (409, "PropertyChangeNotAllowed")
    arm.done(arm("POST", f"{VM}/deallocate"))
    arm.done(arm.put_machine(**able, storageProfile__dataDisks=both))
