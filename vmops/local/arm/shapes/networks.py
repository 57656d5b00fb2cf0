"""The shapes of Microsoft.Network. Source: azure-rest-api-specs, Microsoft.Network.

Interfaces also have ``kind`` and ``allowPort25Out``, as recorded traffic shows.
"""

from vmops.local.arm.shapes.shape import (
    ADDRESSES,
    ALLOCATION,
    BESIDE,
    DELETION,
    LINK,
    Many,
    Parts,
    Shown,
    child,
    parts,
    resource,
    words,
)

_LINKS = Many(LINK)
_POOL = Many(parts("numberOfIpAddresses", "allocatedAddressPrefixes", pool=parts("id")))
_SPACE = parts("addressPrefixes:texts", ipamPoolPrefixAllocations=_POOL)
_RULE = parts(
    "description sourcePortRange destinationPortRange sourceAddressPrefix destinationAddressPrefix "
    "sourceAddressPrefixes:texts destinationAddressPrefixes:texts sourcePortRanges:texts destinationPortRanges:texts "
    "priority:int",
    "provisioningState",
    protocol=words("Tcp|Udp|Icmp|Esp|*|Ah"),
    access=words("Allow|Deny"),
    direction=words("Inbound|Outbound"),
    sourceApplicationSecurityGroups=_LINKS,
    destinationApplicationSecurityGroups=_LINKS,
)
RULE = child(_RULE)
GROUP = resource(
    parts(
        "flushConnection:bool",
        "defaultSecurityRules networkInterfaces subnets flowLogs resourceGuid provisioningState",
        securityRules=Many(child(_RULE)),
    )
)
_ENDPOINT = parts("service locations:texts networkIdentifier:id", "provisioningState")
_DELEGATION = parts("name type", "id etag", properties=parts("serviceName", "actions provisioningState"))
_SUBNET = parts(
    "addressPrefix addressPrefixes:texts natGateway:id ipAllocations:ids serviceGateway:id defaultOutboundAccess:bool",
    "privateEndpoints ipConfigurations ipConfigurationProfiles resourceNavigationLinks serviceAssociationLinks "
    "purpose provisioningState",
    networkSecurityGroup=LINK,
    routeTable=LINK,
    serviceEndpoints=Many(_ENDPOINT),
    serviceEndpointPolicies=_LINKS,
    delegations=Many(_DELEGATION),
    privateEndpointNetworkPolicies=words("Enabled|Disabled|NetworkSecurityGroupEnabled|RouteTableEnabled"),
    privateLinkServiceNetworkPolicies=words("Enabled|Disabled"),
    applicationGatewayIPConfigurations=_LINKS,
    sharingScope=words("Tenant|DelegatedServices"),
    ipamPoolPrefixAllocations=_POOL,
)
SUBNET = parts("name", "id type etag location", properties=_SUBNET)
"""A separate subnet. It has its network's location; a location that templates give it is ignored.

Source: azure-quickstart-templates, 101-vnet-two-subnets, as it was until 2021.
"""
_COMMUNITIES = parts("virtualNetworkCommunity", "regionalCommunity")
_PEERING = child(
    parts(
        "allowVirtualNetworkAccess:bool allowForwardedTraffic:bool allowGatewayTransit:bool useRemoteGateways:bool "
        "remoteVirtualNetwork:id doNotVerifyRemoteGateways:bool peerCompleteVnets:bool enableOnlyIPv6Peering:bool "
        "localSubnetNames:texts remoteSubnetNames:texts",
        "remoteVirtualNetworkEncryption provisioningState resourceGuid",
        localAddressSpace=_SPACE,
        localVirtualNetworkAddressSpace=_SPACE,
        remoteAddressSpace=_SPACE,
        remoteVirtualNetworkAddressSpace=_SPACE,
        remoteBgpCommunities=_COMMUNITIES,
        peeringState=words("Initiated|Connected|Disconnected"),
        peeringSyncLevel=words("FullyInSync|RemoteNotInSync|LocalNotInSync|LocalAndRemoteNotInSync"),
    )
)
NETWORK = resource(
    parts(
        "flowTimeoutInMinutes:int enableDdosProtection:bool enableVmProtection:bool ddosProtectionPlan:id "
        "ipAllocations:ids",
        "resourceGuid provisioningState flowLogs defaultPublicNatGateway",
        addressSpace=_SPACE,
        dhcpOptions=parts("dnsServers:texts"),
        subnets=Many(child(_SUBNET)),
        virtualNetworkPeerings=Many(_PEERING),
        bgpCommunities=_COMMUNITIES,
        encryption=parts("enabled:bool", enforcement=words("DropUnencrypted|AllowUnencrypted")),
        privateEndpointVNetPolicies=words("Disabled|Basic"),
        summarizedGatewayPrefixes=_SPACE,
    )
)
_MIGRATION = words("None|Prepare|Commit|Abort|Committed")
_ADDRESS = parts(
    "idleTimeoutInMinutes:int publicIPPrefix:id",
    "provisioningState resourceGuid ipConfiguration ipAddress upgradedToV2",
    publicIPAllocationMethod=ALLOCATION,
    publicIPAddressVersion=ADDRESSES,
    dnsSettings=parts(
        "domainNameLabel reverseFqdn",
        "fqdn",
        domainNameLabelScope=words("TenantReuse|SubscriptionReuse|ResourceGroupReuse|NoReuse"),
    ),
    ddosSettings=parts(
        "ddosCustomPolicy:id ddosProtectionPlan:id",
        protectionMode=words("VirtualNetworkInherited|Enabled|Disabled"),
    ),
    ipTags=Many(parts("ipTagType tag firstPartyServiceTagId")),
    servicePublicIPAddress=LINK,
    natGateway=LINK,
    migrationPhase=_MIGRATION,
    linkedPublicIPAddress=LINK,
    deleteOption=DELETION,
)
ADDRESS = resource(
    _ADDRESS,
    "zones:texts",
    sku=parts(name=words("Basic|Standard|StandardV2"), tier=words("Regional|Global")),
)
_USED_ADDRESS = Parts(
    {key: (name, shape if name == "deleteOption" else Shown) for key, (name, shape) in _ADDRESS.names.items()}
)
_IP_CONFIGURATION = child(
    parts(
        "privateIPAddress privateIPAddressPrefixLength:int primary:bool gatewayLoadBalancer:id",
        "provisioningState privateLinkConnectionProperties",
        virtualNetworkTaps=_LINKS,
        applicationGatewayBackendAddressPools=_LINKS,
        loadBalancerBackendAddressPools=_LINKS,
        loadBalancerInboundNatRules=_LINKS,
        privateIPAllocationMethod=ALLOCATION,
        privateIPAddressVersion=ADDRESSES,
        subnet=LINK,
        publicIPAddress=parts("id", BESIDE, properties=_USED_ADDRESS),
        applicationSecurityGroups=_LINKS,
    )
)
INTERFACE = resource(
    parts(
        "enableAcceleratedNetworking:bool disableTcpStateTracking:bool enableIPForwarding:bool workloadType",
        "virtualMachine privateEndpoint tapConfigurations macAddress primary vnetEncryptionSupported "
        "defaultOutboundConnectivityEnabled hostedWorkloads dscpConfiguration resourceGuid provisioningState kind "
        "allowPort25Out",
        networkSecurityGroup=LINK,
        ipConfigurations=Many(_IP_CONFIGURATION),
        dnsSettings=parts(
            "dnsServers:texts internalDnsNameLabel", "appliedDnsServers internalFqdn internalDomainNameSuffix"
        ),
        nicType=words("Standard|Elastic"),
        privateLinkService=LINK,
        migrationPhase=_MIGRATION,
        auxiliaryMode=words("None|MaxConnections|Floating|AcceleratedConnections"),
        auxiliarySku=words("None|A1|A2|A4|A8"),
    )
)
