"""The table of ARM's refusals: the kind of each, and the next step if that of the kind does not fit.

If a code has several meanings, the message decides. A code that is not in the table is classified by its status,
without advice.
"""

from dataclasses import dataclass

from vmops.azure.responses import SLOW_LOGIN, UNREADABLE
from vmops.core.failures import FailureKind

AUTH, QUOTA, CAPACITY, THROTTLED = FailureKind.AUTH, FailureKind.QUOTA, FailureKind.CAPACITY, FailureKind.THROTTLED
CONFLICT, IMMUTABLE, NOT_FOUND = FailureKind.CONFLICT, FailureKind.IMMUTABLE, FailureKind.NOT_FOUND
INVALID, INTERRUPTED, TIMEOUT = FailureKind.INVALID, FailureKind.INTERRUPTED, FailureKind.TIMEOUT

_RPC = "ARM resource provider contract, common API details"
_COMPUTE = "Azure documentation, virtual machines: understand common error messages"
_DEPLOY = "Azure documentation, troubleshoot common Azure deployment errors"
_NETWORK = "recorded refusals of Microsoft.Network"
_SPOT = "Azure documentation, error codes of Spot VMs"
_THROTTLING = "Azure documentation, troubleshooting compute throttling errors"
_QUOTED = "users of azurerm, packer and the Azure CLI, who quote it"

_GRANT = "given to this account; if it was within the last minutes, call again: a grant is not known everywhere at once"
_REGISTERED = "then call again: a registration takes minutes"
_EXCEEDS = r"exceeding approved (?P<quota>[\w ]+?) quota"
_NUMBERS = r".*Current Limit: (?P<limit>\d+), Current Usage: (?P<used>\d+), Additional Required: (?P<more>\d+)"
_MAXIMUM = r"Maximum allowed: (?P<limit>\d+), Current in use: (?P<used>\d+), Additional requested: (?P<more>\d+)"
_HAS = "({limit} allowed, {used} used, {more} more needed), or choose another size or location"


@dataclass(frozen=True)
class Meaning:
    """One meaning of one or more codes, which spaces separate, with its source.

    It applies if the pattern ``words`` matches the message. Groups of the pattern are inserted into ``step``, the
    advice, and into ``short``, a summary for when many resources meet the same refusal.
    """

    codes: str
    kind: FailureKind
    source: str
    step: str = ""
    words: str = ""
    short: str = ""


TABLE = (
    Meaning(
        *("AuthenticationFailed", AUTH, "azure-identity, DefaultAzureCredential"),
        *("`az login`, or set a service principal's variables (AZURE_CLIENT_ID and its like), then call again",),
        "^no Azure login",
    ),
    Meaning("AuthenticationFailed ExpiredAuthenticationToken InvalidAuthenticationToken", AUTH, _RPC),
    Meaning("InvalidAuthenticationTokenTenant SubscriptionNotFound", AUTH, _RPC),
    Meaning(
        *("AuthorizationFailed", AUTH, _RPC, f"have a role that allows it {_GRANT}"),
        short="this account may not do it",
    ),
    Meaning(
        *("LinkedAuthorizationFailed", AUTH, _QUOTED, f"have a role that allows {{action}} on {{scope}} {_GRANT}"),
        r"perform action(?:\(s\))? '(?P<action>[^']+)' on the linked scope(?:\(s\))? '(?P<scope>[^']+)'",
    ),
    Meaning("LinkedAuthorizationFailed", AUTH, _DEPLOY, f"have a role that allows it, where Azure says, {_GRANT}"),
    Meaning(
        *("ScopeLocked", AUTH, "azure.datafactory.devops#183, terraform-provider-azurerm#17478"),
        "remove the management lock from {locked}, then call again",
        *(r"scope\(s\) are locked: '(?P<locked>[^']+)'", "somebody has locked {locked}"),
    ),
    Meaning("ScopeLocked", AUTH, _DEPLOY, "remove the management lock, then call again", short="it is locked"),
    Meaning(
        *("RequestDisallowedByPolicy", AUTH, _DEPLOY),
        "give what the policy is about another value (such as publicIp, tags, location or vmSize), or have an "
        "exemption from the policy made; no login helps",
    ),
    Meaning(
        *("ReadOnlyDisabledSubscription", AUTH, _QUOTED),
        "have the subscription enabled again, or name another one",
    ),
    Meaning(
        *("MissingSubscriptionRegistration SubscriptionNotRegistered", AUTH, _DEPLOY),
        f"`az provider register -n {{namespace}}`, {_REGISTERED}",
        r"use namespace '(?P<namespace>[\w.]+)'",
    ),
    Meaning(
        *("MissingSubscriptionRegistration SubscriptionNotRegistered", AUTH, _DEPLOY),
        f"`az provider register -n NAMESPACE`, {_REGISTERED}",
    ),
    Meaning("QuotaExceeded", QUOTA, _DEPLOY, f"ask for a higher quota {_HAS}", _MAXIMUM),
    Meaning("QuotaExceeded", QUOTA, _DEPLOY),
    Meaning(
        *("PublicIPCountLimitReached IPv4BasicSkuPublicIpCountLimitReached", QUOTA, _NETWORK),
        "delete public addresses that nobody needs, set publicIp to false, or ask for a quota increase",
    ),
    Meaning("SubnetIsFull", QUOTA, _DEPLOY, "choose another subnet, or a larger subnetPrefix"),
    Meaning("SpotQuotaExceeded", QUOTA, _SPOT, "ask for more Spot cores, or set priority to Regular"),
    Meaning("SkuNotAvailable", CAPACITY, _DEPLOY),
    Meaning("AllocationFailed ZonalAllocationFailed", CAPACITY, _COMPUTE),
    Meaning("OverconstrainedAllocationRequest OverconstrainedZonalAllocationRequest", CAPACITY, _COMPUTE),
    Meaning(
        *("SpotPriceGreaterThanProvidedMaxPrice", CAPACITY, _SPOT),
        "set a higher maxPrice, -1 for up to the regular price, or call again later",
    ),
    Meaning("TooManyRequests", THROTTLED, _THROTTLING),
    Meaning("SubscriptionRequestsThrottled", THROTTLED, "Azure documentation, ARM request limits"),
    Meaning("RetryableError RetryableErrorDueToAnotherOperation AnotherOperationInProgress", CONFLICT, _NETWORK),
    Meaning("NicReservedForAnotherVm NicInUse InUseSubnetCannotBeDeleted", CONFLICT, _NETWORK),
    Meaning("InUseNetworkSecurityGroupCannotBeDeleted PublicIPAddressCannotBeDeleted", CONFLICT, _NETWORK),
    Meaning("Conflict OperationPreempted AttachDiskWhileBeingDetached", CONFLICT, _COMPUTE),
    Meaning("ResourceGroupBeingDeleted", CONFLICT, _DEPLOY),
    Meaning("InternalOperationError", INTERRUPTED, _COMPUTE),
    Meaning(
        *("NetworkingInternalOperationError DiskServiceInternalError", INTERRUPTED, _QUOTED),
        "call again; what is left Failed and is refused again goes with a deprovision",
    ),
    Meaning(
        *(SLOW_LOGIN, TIMEOUT, "azure-identity, AzureCliCredential"),
        "call again: `az account get-access-token` shows how long it takes, and many at once take longer",
    ),
    Meaning(
        *(UNREADABLE, INTERRUPTED, "ours"),
        "see what stands between here and Azure (a proxy, a portal that wants a login), then call again",
    ),
    Meaning("ResourceGroupNotFound ResourceNotFound NotFound", NOT_FOUND, _RPC),
    Meaning("ParentResourceNotFound", NOT_FOUND, _DEPLOY),
    Meaning("PropertyChangeNotAllowed", IMMUTABLE, _COMPUTE),
    Meaning("InvalidResourceLocation InvalidResourceGroupLocation", IMMUTABLE, _DEPLOY),
    Meaning("ResourceAvailabilityZonesCannotBeModified", IMMUTABLE, "azure-cli#16653"),
    Meaning(
        *("OperationNotAllowed InvalidParameter", INVALID, _COMPUTE),
        *("set osDiskSizeGB to the size of the image's disk or more", r"disk size .*smaller than"),
    ),
    Meaning("PlatformImageNotFound InvalidParameter", INVALID, _COMPUTE),
    Meaning("InvalidResourceReference", INVALID, _DEPLOY),
    Meaning(
        *("RequestDisallowedByAzure", INVALID, "Azure/static-web-apps#1743"),
        "choose another location: Azure lets this subscription have some only",
    ),
    Meaning(
        *("VMMarketplaceInvalidInput", INVALID, _QUOTED),
        "give the plan that comes with this image as plan, publisher:product:name",
    ),
    Meaning(
        "ResourcePurchaseValidationFailed MarketplacePurchaseEligibilityFailed",
        *(INVALID, "openshift/installer#7721"),
        "accept the image's terms by `az vm image terms accept`, name a subscription that may buy it, or choose "
        "another image",
    ),
    Meaning(
        *("BadRequest", INVALID, "kubermatic#13184", "choose an image and a vmSize that fit each other"),
        r"cannot boot|CPU Architecture|Hypervisor Generation",
    ),
    Meaning(
        *("NotSupported", INVALID, "azurerm#29670", "choose another ephemeralOsDisk, or a vmSize whose host has room"),
        r"Ephemeral VM",
    ),
    Meaning("DnsRecordInUse", INVALID, _DEPLOY, "choose another dnsLabelPrefix, then call again"),
    Meaning("NetcfgSubnetRangesOverlap", INVALID, _NETWORK, "choose another addressPrefix or subnetPrefix"),
    Meaning(
        *("OSProvisioningClientError", INVALID, _COMPUTE),
        "the guest's own setup failed: look at image and customData, deprovision, then provision",
    ),
    Meaning(
        *("OSProvisioningTimedOut", TIMEOUT, _COMPUTE),
        "the VM runs, and is paid for: look at it, then call again, or deprovision and provision it anew",
    ),
    Meaning("VMStartTimedOut", TIMEOUT, _COMPUTE, "it may start still: `vmops status` tells; then call again"),
    Meaning(
        *("VMAgentStatusCommunicationError", TIMEOUT, _COMPUTE),
        "the VM runs, and the agent in its guest does not report: look at the guest, then call again",
    ),
    Meaning(
        *("OperationNotAllowed", QUOTA, "karpenter-provider-azure#192"),
        *(f"ask for more {{quota}} {_HAS}", _EXCEEDS + _NUMBERS),
    ),
    Meaning(
        *("OperationNotAllowed", QUOTA, _DEPLOY),
        *("ask for more {quota}, or choose another size or location", _EXCEEDS),
    ),
    Meaning("OperationNotAllowed", QUOTA, _DEPLOY, words="quota"),
    Meaning("OperationNotAllowed", THROTTLED, _THROTTLING, words="too many requests"),
    Meaning(
        *("OperationNotAllowed", CAPACITY, f"{_COMPUTE}; data-safe-haven#2365"),
        "deallocate the VM, then call again: it is resized, and started on other hardware",
        r"not available in the (?:current hardware )?cluster",
    ),
    Meaning("OperationNotAllowed", IMMUTABLE, "azure-compute-docs#427", words="resource disk to non-resource disk"),
    Meaning(
        *("OperationNotAllowed", IMMUTABLE, _COMPUTE),
        *("deprovision, then provision: a generalized VM does not start again", "VM is generalized"),
    ),
    Meaning(
        *("OperationNotAllowed", CONFLICT, _COMPUTE),
        *("wait until the VM is deleted, then call again", "marked for deletion"),
    ),
    Meaning(
        *("OperationNotAllowed", CONFLICT, _COMPUTE),
        words="another operation is in progress|ongoing operation is changing power state",
    ),
)
"""Of the meanings of a code, the first whose pattern matches the message applies."""
