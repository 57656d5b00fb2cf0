"""Every known refusal of Azure about machines can be caused by a fault, in the form of its origin."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.conformance.arm import COMPUTE, GROUP, NETWORK, Arm
from vmops.local.arm.refusals import compute, faults, gateway, network

VM = f"{COMPUTE}/virtualMachines/vm"
NIC = f"{NETWORK}/networkInterfaces/nic"
# Service → status → code. Source: Microsoft's pages on common deployment errors, on virtual machine errors and on
# throttling; recorded traffic; and reports by users of azurerm, azure-cli, karpenter and cluster-api.
FRONT_DOOR = {
    401: (
        *("AuthenticationFailed", "ExpiredAuthenticationToken", "InvalidAuthenticationToken"),
        "InvalidAuthenticationTokenTenant",
    ),
    403: ("AuthorizationFailed", "RequestDisallowedByPolicy"),
    404: ("SubscriptionNotFound", "ResourceGroupNotFound", "ResourceNotFound", "ParentResourceNotFound"),
    409: (
        *("MissingSubscriptionRegistration", "InvalidResourceGroupLocation", "InvalidResourceLocation"),
        *("ResourceGroupBeingDeleted", "ResourceGroupDeletionBlocked"),
    ),
    429: ("SubscriptionRequestsThrottled",),
    504: ("GatewayTimeout",),
}
COMPUTE_SAYS = {
    400: ("InvalidParameter",),
    404: ("NotFound", "PlatformImageNotFound"),
    409: (
        *("OperationNotAllowed", "QuotaExceeded", "SkuNotAvailable", "Conflict", "PropertyChangeNotAllowed"),
        *("AttachDiskWhileBeingDetached", "ConflictingUserInput"),
    ),
    429: ("OperationNotAllowed",),
}
NETWORK_SAYS = {
    400: (
        *("InUseSubnetCannotBeDeleted", "InUseNetworkSecurityGroupCannotBeDeleted", "NicInUse"),
        *("NicReservedForAnotherVm", "PublicIPAddressCannotBeDeleted", "PublicIPCountLimitReached"),
        *("IPv4BasicSkuPublicIpCountLimitReached", "InvalidResourceReference", "SubnetIsFull", "DnsRecordInUse"),
        *("PrivateIPAddressInReservedRange", "PrivateIPAddressNotInSubnet", "SubnetsNotInSameVnet"),
    ),
    404: ("NotFound",),
    409: ("AnotherOperationInProgress",),
    429: ("RetryableError",),
}
IN_OPERATIONS = (
    *("AllocationFailed", "ZonalAllocationFailed", "OverconstrainedAllocationRequest"),
    *("OverconstrainedZonalAllocationRequest", "OSProvisioningTimedOut", "VMStartTimedOut"),
    *("VMExtensionProvisioningError", "VMExtensionProvisioningTimeout", "OperationPreempted", "InternalOperationError"),
)
SAID = {
    "front door": (FRONT_DOOR, VM, gateway.REFUSALS | faults.GATEWAY),
    "compute": (COMPUTE_SAYS, VM, compute.REFUSALS | faults.COMPUTE),
    "network": (NETWORK_SAYS, NIC, network.REFUSALS | faults.NETWORK),
}
# The variants of a code's message: a refusal because of the machine's state, and because of its parameters.
TEXTS = {
    "OperationNotAllowed": {"quota", "generalized", "deletion", "deallocated", "busy", "power", "resize", "throttled"},
    "InvalidParameter": {"missing", "vmSize", "adminUsername", "customData", "sshPath", "computerName"},
    "Conflict": {"concurrent", "diskSize"},
}


def rows() -> Iterator[tuple[str, int, str]]:
    """Give provider, status and text of each row of our tables."""
    for who, (statuses, _, table) in SAID.items():
        for status, codes in statuses.items():
            for code in codes:
                texts = [row for row, (own, _) in table.items() if row.partition(":")[0] == code and own == status]
                yield from ((who, status, row) for row in texts or [code])


def strike(arm: Arm, path: str, effect: dict[str, Any]) -> None:
    assert arm("PUT", "/_local/faults", [{"path": path, "effect": effect}]).status_code == 200


@pytest.mark.parametrize(("who", "status", "row"), [*rows()])
def test_every_refusal_can_be_caused_by_a_fault(arm: Arm, who: str, status: int, row: str) -> None:
    """By its code alone: with Azure's status, a complete text, and the form of its origin."""
    path = SAID[who][1]
    arm.make_group()
    strike(arm, path, {"do": "refuse", "code": row})
    answer = arm("PUT", path, {"location": "westus2"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (status, row.partition(":")[0])
    assert error["message"]
    assert "{" not in error["message"]
    assert (answer.headers.get("x-ms-failure-cause"), "details" in error) == {
        "front door": ("gateway", False),
        "compute": (None, False),
        "network": (None, True),
    }[who]
    assert [each["id"] for each in arm("GET", "/_local/resources").json()] == [GROUP]


@pytest.mark.parametrize("code", IN_OPERATIONS)
def test_every_error_can_end_an_operation(arm: Arm, code: str) -> None:
    """The request is accepted, every poll answers 200, and the machine is left Failed with the error."""
    arm.make_network()
    arm.make_interface("vm-nic")
    strike(arm, VM, {"do": "fail", "code": code})
    accepted = arm.put_machine()
    assert accepted.status_code == 201
    arm.clock.advance(600)
    ended = arm.poll(accepted)
    assert (ended.status_code, ended.json()["status"], ended.json()["error"]["code"]) == (200, "Failed", code)
    assert "{" not in ended.json()["error"]["message"]
    arm("PUT", "/_local/faults", [])
    assert arm.shown(VM)["properties"]["provisioningState"] == "Failed"
    assert arm.shown(f"{VM}/instanceView")["statuses"][0]["code"] == f"ProvisioningState/failed/{code}"


@pytest.mark.parametrize("code", TEXTS)
def test_a_code_with_several_texts_has_them_all(code: str) -> None:
    """The texts distinguish causes that share one code."""
    known = compute.REFUSALS | faults.COMPUTE
    assert TEXTS[code] <= {row.partition(":")[2] for row in known if row.partition(":")[0] == code}


def test_a_refusal_outside_the_tables_can_be_caused(arm: Arm) -> None:
    """With a given status and text, such as a taken name of a storage account."""
    effect = {"do": "refuse", "code": "StorageAccountAlreadyTaken", "status": 409, "message": "{name} is taken."}
    strike(arm, VM, effect)
    answer = arm("GET", VM)
    assert (answer.status_code, answer.json()["error"]) == (
        409,
        {"code": "StorageAccountAlreadyTaken", "message": "vm is taken."},
    )
