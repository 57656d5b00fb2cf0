"""ARM's refusals, classified: by their code, else by their HTTP status."""

from vmops.core.errors import CloudError
from vmops.core.failures import Failure, Kind

_RPC = "ARM resource provider contract, common API details"
_COMPUTE = "Azure documentation, virtual machines: understand common error messages"
_DEPLOY = "Azure documentation, troubleshoot common Azure deployment errors"
_NETWORK = "recorded refusals of Microsoft.Network"

CODES: dict[str, tuple[Kind, str]] = {
    "AuthenticationFailed": (Kind.AUTH, _RPC),
    "ExpiredAuthenticationToken": (Kind.AUTH, _RPC),
    "InvalidAuthenticationToken": (Kind.AUTH, _RPC),
    "InvalidAuthenticationTokenTenant": (Kind.AUTH, _RPC),
    "AuthorizationFailed": (Kind.AUTH, _RPC),
    "RequestDisallowedByPolicy": (Kind.AUTH, _DEPLOY),
    "SubscriptionNotFound": (Kind.AUTH, _RPC),
    "MissingSubscriptionRegistration": (Kind.AUTH, _DEPLOY),
    "QuotaExceeded": (Kind.QUOTA, _DEPLOY),
    "PublicIPCountLimitReached": (Kind.QUOTA, _NETWORK),
    "IPv4BasicSkuPublicIpCountLimitReached": (Kind.QUOTA, _NETWORK),
    "SubnetIsFull": (Kind.QUOTA, _DEPLOY),
    "SkuNotAvailable": (Kind.CAPACITY, _DEPLOY),
    "AllocationFailed": (Kind.CAPACITY, _COMPUTE),
    "ZonalAllocationFailed": (Kind.CAPACITY, _COMPUTE),
    "OverconstrainedAllocationRequest": (Kind.CAPACITY, _COMPUTE),
    "OverconstrainedZonalAllocationRequest": (Kind.CAPACITY, _COMPUTE),
    "TooManyRequests": (Kind.THROTTLED, "Azure documentation, troubleshooting compute throttling errors"),
    "SubscriptionRequestsThrottled": (Kind.THROTTLED, "Azure documentation, ARM request limits"),
    "RetryableError": (Kind.CONFLICT, _NETWORK),
    "AnotherOperationInProgress": (Kind.CONFLICT, _NETWORK),
    "Conflict": (Kind.CONFLICT, _COMPUTE),
    "OperationPreempted": (Kind.CONFLICT, _COMPUTE),
    "NicReservedForAnotherVm": (Kind.CONFLICT, _NETWORK),
    "NicInUse": (Kind.CONFLICT, _NETWORK),
    "InUseSubnetCannotBeDeleted": (Kind.CONFLICT, _NETWORK),
    "InUseNetworkSecurityGroupCannotBeDeleted": (Kind.CONFLICT, _NETWORK),
    "PublicIPAddressCannotBeDeleted": (Kind.CONFLICT, _NETWORK),
    "ResourceGroupBeingDeleted": (Kind.CONFLICT, _DEPLOY),
    "AttachDiskWhileBeingDetached": (Kind.CONFLICT, _COMPUTE),
    "PropertyChangeNotAllowed": (Kind.IMMUTABLE, _COMPUTE),
    "InvalidResourceLocation": (Kind.IMMUTABLE, _DEPLOY),
    "InvalidResourceGroupLocation": (Kind.IMMUTABLE, _DEPLOY),
    "ResourceGroupNotFound": (Kind.NOT_FOUND, _RPC),
    "ResourceNotFound": (Kind.NOT_FOUND, _RPC),
    "NotFound": (Kind.NOT_FOUND, _RPC),
    "ParentResourceNotFound": (Kind.NOT_FOUND, _DEPLOY),
    "PlatformImageNotFound": (Kind.INVALID, _COMPUTE),
    "InvalidParameter": (Kind.INVALID, _COMPUTE),
    "InvalidResourceReference": (Kind.INVALID, _DEPLOY),
    "OSProvisioningTimedOut": (Kind.TIMEOUT, _COMPUTE),
    "VMStartTimedOut": (Kind.TIMEOUT, _COMPUTE),
    "InternalOperationError": (Kind.INTERRUPTED, _COMPUTE),
}
"""ARM's error code → the class of failure and where the code is described."""

_STATUSES = {401: Kind.AUTH, 403: Kind.AUTH, 404: Kind.NOT_FOUND, 408: Kind.TIMEOUT, 409: Kind.CONFLICT}


def of_cloud(error: CloudError) -> Failure:
    """Classify what ARM said; no answer at all is ``interrupted``."""
    if not error.status and not error.code:
        return Failure(Kind.INTERRUPTED, str(error), resource=error.resource)
    return classify(error.code, str(error), status=error.status, resource=error.resource)


def classify(code: str, message: str, *, status: int = 0, resource: str = "") -> Failure:
    """Turn ARM's refusal into a `Failure`: by its code, else by the HTTP status.

    ``OperationNotAllowed`` says three things: a spent quota, throttling (429), or a VM that is in the wrong state.
    """
    return Failure(_kind(code, message, status), message or code or f"HTTP {status}", code, resource)


def _kind(code: str, message: str, status: int) -> Kind:
    if code == "OperationNotAllowed":
        return Kind.QUOTA if "quota" in message.lower() else Kind.THROTTLED if status == 429 else Kind.CONFLICT
    if code in CODES:
        return CODES[code][0]
    if status == 429:
        return Kind.THROTTLED
    if status >= 500:
        return Kind.INTERRUPTED
    return _STATUSES.get(status, Kind.INVALID if 400 <= status < 500 else Kind.ENGINE)
