"""ARM's refusals, classified: by their code, else by their HTTP status."""

from vmops.azure.responses import UNREADABLE
from vmops.core.errors import CloudError
from vmops.core.failures import Failure, FailureKind

_RPC = "ARM resource provider contract, common API details"
_COMPUTE = "Azure documentation, virtual machines: understand common error messages"
_DEPLOY = "Azure documentation, troubleshoot common Azure deployment errors"
_NETWORK = "recorded refusals of Microsoft.Network"

CODES: dict[str, tuple[FailureKind, str]] = {
    "AuthenticationFailed": (FailureKind.AUTH, _RPC),
    "ExpiredAuthenticationToken": (FailureKind.AUTH, _RPC),
    "InvalidAuthenticationToken": (FailureKind.AUTH, _RPC),
    "InvalidAuthenticationTokenTenant": (FailureKind.AUTH, _RPC),
    "AuthorizationFailed": (FailureKind.AUTH, _RPC),
    "RequestDisallowedByPolicy": (FailureKind.AUTH, _DEPLOY),
    "SubscriptionNotFound": (FailureKind.AUTH, _RPC),
    "MissingSubscriptionRegistration": (FailureKind.AUTH, _DEPLOY),
    "QuotaExceeded": (FailureKind.QUOTA, _DEPLOY),
    "PublicIPCountLimitReached": (FailureKind.QUOTA, _NETWORK),
    "IPv4BasicSkuPublicIpCountLimitReached": (FailureKind.QUOTA, _NETWORK),
    "SubnetIsFull": (FailureKind.QUOTA, _DEPLOY),
    "SkuNotAvailable": (FailureKind.CAPACITY, _DEPLOY),
    "AllocationFailed": (FailureKind.CAPACITY, _COMPUTE),
    "ZonalAllocationFailed": (FailureKind.CAPACITY, _COMPUTE),
    "OverconstrainedAllocationRequest": (FailureKind.CAPACITY, _COMPUTE),
    "OverconstrainedZonalAllocationRequest": (FailureKind.CAPACITY, _COMPUTE),
    "TooManyRequests": (FailureKind.THROTTLED, "Azure documentation, troubleshooting compute throttling errors"),
    "SubscriptionRequestsThrottled": (FailureKind.THROTTLED, "Azure documentation, ARM request limits"),
    "RetryableError": (FailureKind.CONFLICT, _NETWORK),
    "AnotherOperationInProgress": (FailureKind.CONFLICT, _NETWORK),
    "Conflict": (FailureKind.CONFLICT, _COMPUTE),
    "OperationPreempted": (FailureKind.CONFLICT, _COMPUTE),
    "NicReservedForAnotherVm": (FailureKind.CONFLICT, _NETWORK),
    "NicInUse": (FailureKind.CONFLICT, _NETWORK),
    "InUseSubnetCannotBeDeleted": (FailureKind.CONFLICT, _NETWORK),
    "InUseNetworkSecurityGroupCannotBeDeleted": (FailureKind.CONFLICT, _NETWORK),
    "PublicIPAddressCannotBeDeleted": (FailureKind.CONFLICT, _NETWORK),
    "ResourceGroupBeingDeleted": (FailureKind.CONFLICT, _DEPLOY),
    "AttachDiskWhileBeingDetached": (FailureKind.CONFLICT, _COMPUTE),
    "PropertyChangeNotAllowed": (FailureKind.IMMUTABLE, _COMPUTE),
    "InvalidResourceLocation": (FailureKind.IMMUTABLE, _DEPLOY),
    "InvalidResourceGroupLocation": (FailureKind.IMMUTABLE, _DEPLOY),
    "ResourceGroupNotFound": (FailureKind.NOT_FOUND, _RPC),
    "ResourceNotFound": (FailureKind.NOT_FOUND, _RPC),
    "NotFound": (FailureKind.NOT_FOUND, _RPC),
    "ParentResourceNotFound": (FailureKind.NOT_FOUND, _DEPLOY),
    "PlatformImageNotFound": (FailureKind.INVALID, _COMPUTE),
    "InvalidParameter": (FailureKind.INVALID, _COMPUTE),
    "InvalidResourceReference": (FailureKind.INVALID, _DEPLOY),
    "OSProvisioningTimedOut": (FailureKind.TIMEOUT, _COMPUTE),
    "VMStartTimedOut": (FailureKind.TIMEOUT, _COMPUTE),
    "InternalOperationError": (FailureKind.INTERRUPTED, _COMPUTE),
}
"""ARM's error code → the class of failure and where the code is described."""

_SEE_WHO_ANSWERS = "see what stands between here and Azure (a proxy, a portal that wants a login), then call again"

_STATUSES = {
    401: FailureKind.AUTH,
    403: FailureKind.AUTH,
    404: FailureKind.NOT_FOUND,
    408: FailureKind.TIMEOUT,
    409: FailureKind.CONFLICT,
}


def failure_from_cloud_error(error: CloudError) -> Failure:
    """Classify what ARM said; no answer at all is ``interrupted``, and so is one that is not ARM's."""
    if not error.status and not error.code:
        return Failure(FailureKind.INTERRUPTED, str(error), resource=error.resource)
    if error.code == UNREADABLE:
        return Failure(FailureKind.INTERRUPTED, str(error), error.code, error.resource, step=_SEE_WHO_ANSWERS)
    return classify(error.code, str(error), status=error.status, resource=error.resource)


def classify(code: str, message: str, *, status: int = 0, resource: str = "") -> Failure:
    """Turn ARM's refusal into a `Failure`: by its code, else by the HTTP status.

    ``OperationNotAllowed`` says three things: a spent quota, throttling (429), or a VM that is in the wrong state.
    """
    return Failure(_kind(code, message, status), message or code or f"HTTP {status}", code, resource)


def _kind(code: str, message: str, status: int) -> FailureKind:
    if code == "OperationNotAllowed":
        return (
            FailureKind.QUOTA
            if "quota" in message.lower()
            else FailureKind.THROTTLED
            if status == 429
            else FailureKind.CONFLICT
        )
    if code in CODES:
        return CODES[code][0]
    if status == 429:
        return FailureKind.THROTTLED
    if status >= 500:
        return FailureKind.INTERRUPTED
    return _STATUSES.get(status, FailureKind.INVALID if 400 <= status < 500 else FailureKind.ENGINE)
