"""The refusals of Microsoft.Network: code → status and words."""

REFUSALS = {
    "NotFound:network": (404, "Resource {id} not found."),
    "InvalidRequestFormat": (400, "Cannot parse the request. {reason}"),
    "InvalidRequestFormat:json": (400, "Cannot parse the request."),
    "InvalidJson": (400, "{reason}"),
    "MissingJsonReferenceId": (400, "Value for reference id is missing. Path {path}."),
    "InvalidResourceName": (
        400,
        "Resource name {name} is invalid. The name can be up to 80 characters long. It must begin with a word "
        "character, and it must end with a word character or with '_'. The name may contain word characters or '.', "
        "'-', '_'.",
    ),
    "InvalidResourceReference": (
        400,
        "Resource {id} referenced by resource {holder} was not found. Please make sure that the referenced resource "
        "exists, and that both resources are in the same region.",
    ),
    "AnotherOperationInProgress": (
        409,
        "Another operation on this or dependent resource is in progress. "
        "To retrieve status of the operation use uri: {uri}.",
    ),
    "TooManyRequests:network": (
        429,
        "Microsoft.Network takes {limit} '{kind}' requests of subscription '{subscription}' in 5 minutes. "
        "Please try again after '{seconds}' seconds.",
    ),
    "RetryableError": (429, "A retryable error occurred."),
    "ReferencedResourceNotProvisioned": (
        429,
        "Cannot proceed with operation because resource {id} used by resource {holder} is not in Succeeded state. "
        "Resource is in {state} state and the last operation that updated/is updating the resource is {operation}.",
    ),
    "InvalidAddressPrefixFormat": (
        400,
        "Address prefix {prefix} of resource {id} is not formatted correctly. "
        "It should follow CIDR notation, for example 10.0.0.0/24.",
    ),
    "InvalidCIDRNotation": (
        400,
        "The address prefix {prefix} in resource {id} has an invalid CIDR notation. "
        "For the given prefix length, the address prefix should be {right}.",
    ),
    "NetcfgInvalidSubnet": (400, "Subnet '{subnet}' is not valid in virtual network '{network}'."),
    "NetcfgSubnetRangesOverlap": (
        400,
        "Subnet '{subnet}' is not valid because its IP address range overlaps with that of an existing subnet in "
        "virtual network '{network}'.",
    ),
    "InUsePrefixCannotBeDeleted": (
        400,
        "IpPrefix {prefix} on Subnet {subnet} has active allocations and cannot be deleted.",
    ),
    "InUseSubnetCannotBeDeleted": (
        400,
        "Subnet {subnet} is in use by {user} and cannot be deleted. In order to delete the subnet, delete all the "
        "resources within the subnet. See aka.ms/deletesubnet.",
    ),
    "InUseNetworkSecurityGroupCannotBeDeleted": (
        400,
        "Network security group {id} cannot be deleted because it is in use by the following resources: {users}. "
        "In order to delete the Network security group, remove the association with the resource(s).",
    ),
    "SecurityRuleConflict": (
        400,
        "Security rule {rule} conflicts with rule {other}. Rules cannot have the same Priority and Direction. "
        "To learn more, see aka.ms/nsgrules.",
    ),
    "SecurityRuleInvalidPriority": (
        400,
        "Security rule has invalid Priority. Value provided: {value} Allowed range 100-4096.",
    ),
    "SecurityRuleInvalidPortRange": (
        400,
        "Security rule has invalid Port range. Value provided: {value}. Value should be an integer OR integer range "
        "with '-' delimiter. Valid range 0-65535.",
    ),
    "SecurityRuleInvalidAddressPrefix": (400, "Security rule {id} has invalid Address prefix. Value provided: {value}"),
    "SubnetIsFull": (
        400,
        "Subnet {subnet} with address prefix {prefix} does not have enough capacity for {count} IP addresses.",
    ),
    "PrivateIPAddressNotInSubnet": (
        400,
        "Private static IP address {address} does not belong to the range of subnet prefix {prefix}.",
    ),
    "PrivateIPAddressInReservedRange": (
        400,
        "Private static IP address {address} falls within reserved IP range of subnet prefix {prefix}.",
    ),
    "PrivateIPAddressInUse": (
        400,
        "IP configuration {id} is using the same private IP address {address} as IP configuration {other}.",
    ),
    "SubnetsNotInSameVnet": (400, "The subnets of the IP configurations of {id} are in different networks."),
    "NicInUse": (
        400,
        "Network Interface {id} is used by existing resource {user}. In order to delete the network interface, it must "
        "be dissociated from the resource. To learn more, see aka.ms/deletenic.",
    ),
    "NicReservedForAnotherVm": (
        400,
        "Nic(s) in request is reserved for another Virtual Machine for 180 seconds. Please provide another nic(s) or "
        "retry after 180 seconds. Reserved VM: {user}",
    ),
    "PublicIPAddressInUse": (
        400,
        "Resource {holder} is referencing public IP address {id} that is already allocated to resource {user}.",
    ),
    "PublicIPAddressCannotBeDeleted": (
        400,
        "Public IP address {id} can not be deleted since it is still allocated to resource {user}. In order to delete "
        "the public IP, disassociate/detach the Public IP address from the resource.  To learn how to do this, see "
        "aka.ms/deletepublicip.",
    ),
    "StandardAndStandardV2SkuPublicIPAddressesMustBeStatic": (
        400,
        "Standard sku publicIp {id} must have AllocationMethod set to Static.",
    ),
    "PublicIPAddressSkuCannotBeChanged": (
        400,
        "Sku property is set at creation time and cannot be changed from {old} to {new} on resource update for "
        "resource {id}.",
    ),
    "ResourceAvailabilityZonesCannotBeModified": (
        400,
        "Resource {id} has an existing availability zone constraint {old} and the request has availability zone "
        "constraint {new}, which do not match. Zones cannot be added/updated/removed once the resource is created. The "
        "resource cannot be updated from regional to zonal or vice-versa.",
    ),
    "PublicIPCountLimitReached": (
        400,
        "Cannot create more than {limit} public IP addresses for this subscription in this region.",
    ),
    "DnsRecordInUse": (400, "DNS record {fqdn} is already used by another public IP."),
}
