"""The meaning of Azure's codes for users. These expectations are independent of the table."""

from dataclasses import dataclass

import pytest

from vmops.azure.error_codes import CODES, NO_ADVICE, classify, in_short
from vmops.azure.meanings import TABLE
from vmops.azure.responses import SLOW_LOGIN, UNREADABLE
from vmops.core.failures import NEXT_STEP, RETRYABLE, FailureKind

NET = "/subscriptions/s/resourceGroups/hub/providers/Microsoft.Network/virtualNetworks/hub/subnets/a"
LOCK = "/subscriptions/s/resourceGroups/rg"


@dataclass(frozen=True)
class Met:
    """A recorded refusal, its kind, and words of the next step; without these, that of its kind."""

    code: str
    status: int
    message: str
    kind: str
    step: str = ""
    retryable: bool = False


OF_THEIR_CLASS = {
    "auth": "AuthenticationFailed ExpiredAuthenticationToken InvalidAuthenticationToken "
    "InvalidAuthenticationTokenTenant SubscriptionNotFound",
    "quota": "QuotaExceeded",
    "capacity": "SkuNotAvailable AllocationFailed ZonalAllocationFailed OverconstrainedAllocationRequest "
    "OverconstrainedZonalAllocationRequest",
    "throttled": "TooManyRequests SubscriptionRequestsThrottled",
    "conflict": "RetryableError RetryableErrorDueToAnotherOperation AnotherOperationInProgress Conflict "
    "OperationPreempted NicReservedForAnotherVm NicInUse InUseSubnetCannotBeDeleted "
    "InUseNetworkSecurityGroupCannotBeDeleted PublicIPAddressCannotBeDeleted ResourceGroupBeingDeleted "
    "AttachDiskWhileBeingDetached",
    "immutable": "PropertyChangeNotAllowed InvalidResourceLocation InvalidResourceGroupLocation "
    "ResourceAvailabilityZonesCannotBeModified",
    "not_found": "ResourceGroupNotFound ResourceNotFound NotFound ParentResourceNotFound",
    "invalid": "PlatformImageNotFound InvalidParameter InvalidResourceReference",
    "interrupted": "InternalOperationError",
}
"""Codes that say one thing, of which the next step of their class is true."""

MET = (
    Met(
        "ScopeLocked",
        409,
        f"The scope '{LOCK}/providers/x/y' cannot perform delete operation because following scope(s) are locked: "
        f"'{LOCK}'. Please remove the lock and try again.",
        "auth",
        f"remove the management lock from {LOCK}, then call again",
    ),
    Met("ScopeLocked", 409, "It is locked.", "auth", "remove the management lock, then call again"),
    Met("RequestDisallowedByPolicy", 403, "Resource 'exp1-ip' was disallowed by policy.", "auth", "publicIp|no login"),
    Met(
        "RequestDisallowedByAzure",
        403,
        "Resource 'exp1' was disallowed by Azure: This policy maintains a set of best available regions.",
        "invalid",
        "another location",
    ),
    Met(
        "MissingSubscriptionRegistration",
        409,
        "The subscription is not registered to use namespace 'Microsoft.Compute'. See aka.ms/rps-not-found.",
        "auth",
        "`az provider register -n Microsoft.Compute`",
    ),
    Met(
        "SubscriptionNotRegistered",
        409,
        "The subscription is not registered to use namespace 'Microsoft.Network'.",
        "auth",
        "`az provider register -n Microsoft.Network`",
    ),
    Met("SubscriptionNotRegistered", 409, "Not registered.", "auth", "`az provider register"),
    Met(
        "ReadOnlyDisabledSubscription",
        409,
        "The subscription 's' is disabled and therefore marked as read only. You cannot perform any write actions.",
        "auth",
        "have the subscription enabled",
    ),
    Met(
        "OperationNotAllowed",
        409,
        "Unable to resize the VM exp1 because the requested size Standard_D2s_v6 is not available in the current "
        "hardware cluster. The available sizes in this cluster are: Standard_B2s.",
        "capacity",
        "deallocate",
        retryable=True,
    ),
    Met(
        "OperationNotAllowed",
        409,
        "Unable to resize the VM because the requested size Standard_D2s_v6 is not available in the cluster where the "
        "VM is currently allocated.",
        "capacity",
        "deallocate",
        retryable=True,
    ),
    Met(
        "OperationNotAllowed",
        409,
        "Unable to resize the VM 'exp1' since changing from resource disk to non-resource disk VM size and vice-versa "
        "is not allowed.",
        "immutable",
    ),
    Met(
        "OperationNotAllowed",
        0,
        "Operation 'restart' is not allowed on VM 'exp1' since the VM is generalized.",
        "immutable",
        "deprovision, then provision",
    ),
    Met(
        "OperationNotAllowed",
        409,
        "Operation 'start' is not allowed on VM 'exp1' since the VM is marked for deletion.",
        "conflict",
        "wait until the VM is deleted",
        retryable=True,
    ),
    Met(
        "OperationNotAllowed",
        409,
        "The specified disk size 20 GB is smaller than the size of the corresponding disk in the VM image: 30 GB.",
        "invalid",
        "osDiskSizeGB",
    ),
    Met("InvalidParameter", 400, "The specified disk size 20 GB is smaller than: 30 GB.", "invalid", "osDiskSizeGB"),
    Met(
        "OperationNotAllowed",
        409,
        "Operation could not be completed as it results in exceeding approved standardDSv5Family Cores quota. "
        "Additional details - Deployment Model: Resource Manager, Location: eastus, Current Limit: 100, Current Usage: "
        "96, Additional Required: 64, (Minimum) New Limit Required: 160.",
        "quota",
        "more standardDSv5Family Cores (100 allowed, 96 used, 64 more needed",
    ),
    Met(
        "OperationNotAllowed",
        400,
        "Operation could not be completed as it results in exceeding approved LowPriorityCores quota.",
        "quota",
        "more LowPriorityCores",
    ),
    Met("OperationNotAllowed", 409, "This would be over the quota.", "quota"),
    Met(
        "QuotaExceeded",
        409,
        "Operation results in exceeding quota limits of Core. Maximum allowed: 10, Current in use: 8, Additional "
        "requested: 4.",
        "quota",
        "10 allowed, 8 used, 4 more needed",
    ),
    Met("OperationNotAllowed", 429, '{"code": "OperationNotAllowed"}', "throttled", "", True),
    Met("OperationNotAllowed", 429, "Refused because too many requests have been received.", "throttled", "", True),
    Met("OperationNotAllowed", 409, "Not allowed since another operation is in progress.", "conflict", "", True),
    Met("OperationNotAllowed", 409, "Something never heard of.", "conflict", NO_ADVICE, retryable=True),
    Met(
        "VMMarketplaceInvalidInput",
        400,
        "Creating a virtual machine from Marketplace image requires Plan information in the request.",
        "invalid",
        "publisher:product:name",
    ),
    Met("ResourcePurchaseValidationFailed", 400, "User failed validation to purchase.", "invalid", "terms accept"),
    Met("MarketplacePurchaseEligibilityFailed", 400, "Not accepted the legal terms.", "invalid", "terms accept"),
    Met(
        "BadRequest",
        400,
        "The selected VM size 'Standard_B2s' cannot boot Hypervisor Generation '2'.",
        "invalid",
        "image and a vmSize",
    ),
    Met("BadRequest", 400, "Something never heard of.", "invalid", NO_ADVICE),
    Met(
        "NotSupported",
        409,
        "OS disk of Ephemeral VM with size greater than 32 GB is not allowed for VM size Standard_D2s_v3 when the "
        "DiffDiskPlacement is ResourceDisk.",
        "invalid",
        "ephemeralOsDisk",
    ),
    Met("DnsRecordInUse", 400, "DNS record x is already used by another public IP.", "invalid", "dnsLabelPrefix"),
    Met(
        "LinkedAuthorizationFailed",
        403,
        "The client 'c' with object id 'o' has permission to perform action 'Microsoft.Network/networkInterfaces/write'"
        " on scope 'nic'; however, it does not have permission to perform action(s) 'Microsoft.Network/virtualNetworks/"
        f"subnets/join/action' on the linked scope(s) '{NET}' or the linked scope(s) are invalid.",
        "auth",
        f"allows Microsoft.Network/virtualNetworks/subnets/join/action on {NET}",
    ),
    Met("LinkedAuthorizationFailed", 403, "No.", "auth", "have a role that allows it"),
    Met(
        "AuthorizationFailed",
        403,
        "The client 'c' with object id 'o' does not have authorization to perform action 'Microsoft.Compute/"
        "virtualMachines/delete' over scope 'exp1'. If access was recently granted, please refresh your credentials.",
        "auth",
        "have a role that allows it given to this account; if it was within the last minutes",
    ),
    Met("AuthorizationFailed", 403, "No.", "auth", "within the last minutes"),
    Met("NetcfgSubnetRangesOverlap", 400, "Its IP address range overlaps.", "invalid", "addressPrefix or subnetPrefix"),
    Met("SubnetIsFull", 400, "Not enough capacity for 1 IP addresses.", "quota", "subnetPrefix"),
    Met("PublicIPCountLimitReached", 400, "Cannot create more than 3.", "quota", "publicIp"),
    Met("IPv4BasicSkuPublicIpCountLimitReached", 400, "Cannot create more than 0.", "quota", "publicIp"),
    Met("SpotQuotaExceeded", 409, "Spot quota.", "quota", "Spot cores"),
    Met("SpotPriceGreaterThanProvidedMaxPrice", 409, "Too dear.", "capacity", "maxPrice", retryable=True),
    Met("OSProvisioningClientError", 409, "OS provisioning for VM 'exp1' failed.", "invalid", "image and customData"),
    Met("OSProvisioningTimedOut", 0, "It did not finish in time.", "timeout", "runs, and is paid for", retryable=True),
    Met("VMStartTimedOut", 0, "It did not start in time.", "timeout", "vmops status", retryable=True),
    Met(
        "VMAgentStatusCommunicationError", 409, "It has not reported status.", "timeout", "the VM runs", retryable=True
    ),
    Met("NetworkingInternalOperationError", 409, "Unknown network allocation error.", "interrupted", "Failed", True),
    Met("DiskServiceInternalError", 500, "An internal error occurred.", "interrupted", "Failed", True),
    Met(SLOW_LOGIN, 0, "the Azure CLI gave no token in time", "timeout", "get-access-token", retryable=True),
    Met(UNREADABLE, 0, "not Azure Resource Manager's", "interrupted", "a proxy", retryable=True),
)


@pytest.mark.parametrize("met", MET, ids=lambda met: f"{met.code}: {met.message[:40]}")
def test_each_recorded_refusal_has_its_kind_and_next_step(met: Met) -> None:
    """If a code has several meanings, the message decides."""
    failure = classify(met.code, met.message, status=met.status)
    assert (failure.kind, failure.retryable, failure.message) == (met.kind, met.retryable, met.message)
    if met.step:
        assert all(words in failure.next_step for words in met.step.split("|"))
    else:
        assert failure.next_step == NEXT_STEP[failure.kind]


@pytest.mark.parametrize(
    ("code", "kind"), [(code, kind) for kind, codes in OF_THEIR_CLASS.items() for code in codes.split()]
)
def test_a_known_code_has_its_kind_at_any_status(code: str, kind: str) -> None:
    """Whatever the HTTP status: of two refusals with one status, one may pass and the other never does."""
    seen = {classify(code, "why", status=status) for status in (0, 200, 400, 409, 429, 500)}
    assert {(each.kind, each.next_step) for each in seen} == {(kind, NEXT_STEP[FailureKind(kind)])}


def test_each_code_has_a_source_and_a_recorded_refusal() -> None:
    """A row without a source is a guess, and one that is not listed above is untested."""
    proven = {met.code for met in MET} | {code for codes in OF_THEIR_CLASS.values() for code in codes.split()}
    assert proven == CODES.keys()
    assert [each.codes for each in TABLE if not each.source] == []
    assert {each.kind for each in TABLE} - RETRYABLE == {"auth", "quota", "immutable", "not_found", "invalid"}


def test_no_meaning_is_shadowed_by_an_earlier_one() -> None:
    """A row after one without a pattern is never reached."""
    for rows in CODES.values():
        assert all(row.words for row in rows[:-1])


@pytest.mark.parametrize(
    ("code", "message", "said"),
    [
        ("ScopeLocked", f"following scope(s) are locked: '{LOCK}'. Please", f"somebody has locked {LOCK}"),
        ("AuthorizationFailed", "No.", "this account may not do it"),
        ("NicInUse", "It is in use\nby exp1.", "It is in use by exp1"),
    ],
)
def test_a_repeated_refusal_has_a_summary(code: str, message: str, said: str) -> None:
    """A locked group refuses each of its resources with the same message."""
    assert in_short(classify(code, message)) == said
