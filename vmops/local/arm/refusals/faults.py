"""Azure's errors that no change of the request can avoid: code → status and words.

Errors inside an operation have status 200. A code with several texts has a suffix of ours.
"""

GATEWAY = {
    "ExpiredAuthenticationToken": (
        401,
        "The access token expiry UTC time '{before}' is earlier than current UTC time '{now}'.",
    ),
    "InvalidAuthenticationToken": (401, "The access token is invalid."),
    "InvalidAuthenticationTokenTenant": (401, "The access token is from the wrong issuer."),
    "AuthorizationFailed": (
        403,
        "The client 'local' with object id 'local' does not have authorization to perform action '{type}/{action}' "
        "over scope '{id}' or the scope is invalid. If access was recently granted, please refresh your credentials.",
    ),
    "SubscriptionNotFound": (404, "The subscription '{subscription}' could not be found."),
    "MissingSubscriptionRegistration": (409, "The subscription is not registered to use namespace '{provider}'."),
    "SubscriptionRequestsThrottled": (
        429,
        "Number of '{kind}' requests for subscription '{subscription}' actor 'local' exceeded. "
        "Please try again after '10' seconds.",
    ),
    "GatewayTimeout": (
        504,
        "The gateway did not receive a response from '{provider}' within the specified time period.",
    ),
}
NETWORK = {
    "IPv4BasicSkuPublicIpCountLimitReached": (
        400,
        "Cannot create more than 0 IPv4 Basic SKU public IP addresses for this subscription in this region.",
    ),
}
COMPUTE = {
    "QuotaExceeded": (
        409,
        "Operation results in exceeding quota limits of Core. Maximum allowed: {limit}, Current in use: {usage}, "
        "Additional requested: {more}.",
    ),
    "OperationNotAllowed:busy": (
        409,
        "Operation '{verb}' is not allowed on VM '{name}' since another operation is in progress.",
    ),
    "AttachDiskWhileBeingDetached": (
        409,
        "Cannot attach data disk to VM '{name}' because the disk is currently being detached. "
        "Please wait until the disk is completely detached and then try again.",
    ),
    "OperationNotAllowed:throttled": (
        429,
        "The server rejected the request because too many requests have been received for this subscription.",
    ),
    "AllocationFailed": (
        200,
        "Allocation failed. We do not have sufficient capacity for the requested VM size in this region. "
        "Read more about improving likelihood of allocation success at http://aka.ms/allocation-guidance",
    ),
    "ZonalAllocationFailed": (
        200,
        "Allocation failed. We do not have sufficient capacity for the requested VM size in this zone. "
        "Read more about improving likelihood of allocation success at http://aka.ms/allocation-guidance",
    ),
    "OverconstrainedAllocationRequest": (
        200,
        "Allocation failed. VM(s) with the following constraints cannot be allocated, because the condition is too "
        "restrictive. Please remove some constraints and try again. Constraints applied are:\n  - VM Size\n",
    ),
    "OverconstrainedZonalAllocationRequest": (
        200,
        "Allocation failed. VM(s) with the following constraints cannot be allocated, because the condition is too "
        "restrictive. Please remove some constraints and try again. Constraints applied are:\n"
        "  - Availability Zone\n  - VM Size\n",
    ),
    "OSProvisioningTimedOut": (
        200,
        "OS Provisioning for VM '{name}' did not finish in the allotted time. The VM may still finish provisioning "
        "successfully. Please check provisioning state later.",
    ),
    "VMStartTimedOut": (
        200,
        "VM '{name}' did not start in the allotted time. The VM may still start successfully. "
        "Please check the power state later.",
    ),
    "VMExtensionProvisioningError": (200, "VM has reported a failure when processing an extension."),
    "VMExtensionProvisioningTimeout": (200, "Provisioning of a VM extension has timed out."),
    "InternalOperationError": (200, "Operation abandoned due to internal error. Please try again later."),
}
