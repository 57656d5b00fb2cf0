"""The eight resource types that vmops declares: their paths, their properties and the shape of their ARM bodies.

Source: names and API versions are those of the azure-native 3.29 schema, which the tests read from the published
package; what lies under ``properties`` is ``x-ms-client-flatten`` in the specifications of Microsoft.Network 2024-05-01
and Microsoft.Compute 2024-11-01; what replaces is the provider's own list.
"""

from collections.abc import Mapping

from vmops.local.provider.disk_type import DISK
from vmops.local.provider.schema import ResourceType, Shape, words

VERSION = "3.29.0"
"""The emulated release of azure-native."""


_STATE = words("etag provisioningState")
_LINK = Shape(wrapped=True)
_DELEGATION = Shape(True, read_only=words("etag provisioningState actions"))
_RULE = Shape(
    True,
    {"sourceApplicationSecurityGroups": _LINK, "destinationApplicationSecurityGroups": _LINK},
    _STATE,
    required=words("access direction protocol"),
)
_SUBNET = Shape(
    True,
    {
        "applicationGatewayIPConfigurations": _LINK,
        "delegations": _DELEGATION,
        "ipConfigurationProfiles": _LINK,
        "ipConfigurations": _LINK,
        "networkSecurityGroup": _LINK,
        "privateEndpoints": _LINK,
        "resourceNavigationLinks": _LINK,
        "routeTable": _LINK,
        "serviceAssociationLinks": _LINK,
        "serviceEndpointPolicies": _LINK,
    },
    _STATE
    | words(
        "ipConfigurationProfiles ipConfigurations privateEndpoints purpose resourceNavigationLinks "
        "serviceAssociationLinks"
    ),
)
_PEERING = Shape(True, read_only=_STATE | words("remoteVirtualNetworkEncryption resourceGuid"))
_IP_CONFIGURATION = Shape(
    True,
    {
        "applicationGatewayBackendAddressPools": _LINK,
        "applicationSecurityGroups": _LINK,
        "loadBalancerBackendAddressPools": _LINK,
        "loadBalancerInboundNatRules": _LINK,
        "publicIPAddress": _LINK,
        "subnet": _LINK,
        "virtualNetworkTaps": _LINK,
    },
    words("etag privateLinkConnectionProperties provisioningState"),
)
_VM_ADDRESS = Shape(True, required=words("name"))
_VM_IP_CONFIGURATION = Shape(True, {"publicIPAddressConfiguration": _VM_ADDRESS}, required=words("name"))
_VM_INTERFACE = Shape(True, {"ipConfigurations": _VM_IP_CONFIGURATION}, required=words("name ipConfigurations"))

_GROUP_PATH = "/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}"
_NETWORK = _GROUP_PATH + "/providers/Microsoft.Network"
_NETWORK_VERSION = "2024-05-01"

RESOURCE_GROUP = ResourceType(
    name="azure-native:resources:ResourceGroup",
    path=_GROUP_PATH,
    api_version="2024-03-01",
    shape=Shape(required=words("location")),
    inputs=words("location managedBy tags"),
    outputs=words("id location managedBy name properties tags type"),
    replaces=words("location"),
)

VIRTUAL_NETWORK = ResourceType(
    name="azure-native:network:VirtualNetwork",
    path=_NETWORK + "/virtualNetworks/{virtualNetworkName}",
    api_version=_NETWORK_VERSION,
    shape=Shape(True, {"flowLogs": _LINK, "subnets": _SUBNET, "virtualNetworkPeerings": _PEERING}),
    inputs=words(
        "addressSpace bgpCommunities ddosProtectionPlan dhcpOptions enableDdosProtection enableVmProtection encryption "
        "extendedLocation flowTimeoutInMinutes id ipAllocations location privateEndpointVNetPolicies subnets tags "
        "virtualNetworkPeerings"
    ),
    outputs=words(
        "addressSpace bgpCommunities ddosProtectionPlan dhcpOptions enableDdosProtection enableVmProtection encryption "
        "etag extendedLocation flowLogs flowTimeoutInMinutes id ipAllocations location name "
        "privateEndpointVNetPolicies provisioningState resourceGuid subnets tags type virtualNetworkPeerings"
    ),
    replaces=words("location"),
    children=words("subnets virtualNetworkPeerings"),
)

SUBNET = ResourceType(
    name="azure-native:network:Subnet",
    path=_NETWORK + "/virtualNetworks/{virtualNetworkName}/subnets/{subnetName}",
    api_version=_NETWORK_VERSION,
    shape=_SUBNET,
    inputs=words(
        "addressPrefix addressPrefixes applicationGatewayIPConfigurations defaultOutboundAccess delegations id "
        "ipAllocations ipamPoolPrefixAllocations name natGateway networkSecurityGroup privateEndpointNetworkPolicies "
        "privateLinkServiceNetworkPolicies routeTable serviceEndpointPolicies serviceEndpoints sharingScope type"
    ),
    outputs=words(
        "addressPrefix addressPrefixes applicationGatewayIPConfigurations defaultOutboundAccess delegations etag id "
        "ipAllocations ipConfigurationProfiles ipConfigurations ipamPoolPrefixAllocations name natGateway "
        "networkSecurityGroup privateEndpointNetworkPolicies privateEndpoints privateLinkServiceNetworkPolicies "
        "provisioningState purpose resourceNavigationLinks routeTable serviceAssociationLinks serviceEndpointPolicies "
        "serviceEndpoints sharingScope type"
    ),
)

NETWORK_SECURITY_GROUP = ResourceType(
    name="azure-native:network:NetworkSecurityGroup",
    path=_NETWORK + "/networkSecurityGroups/{networkSecurityGroupName}",
    api_version=_NETWORK_VERSION,
    shape=Shape(
        True,
        {
            "defaultSecurityRules": _RULE,
            "flowLogs": _LINK,
            "networkInterfaces": _LINK,
            "securityRules": _RULE,
            "subnets": _LINK,
        },
    ),
    inputs=words("flushConnection id location securityRules tags"),
    outputs=words(
        "defaultSecurityRules etag flowLogs flushConnection id location name networkInterfaces provisioningState "
        "resourceGuid securityRules subnets tags type"
    ),
    children=words("securityRules"),
)

PUBLIC_IP_ADDRESS = ResourceType(
    name="azure-native:network:PublicIPAddress",
    path=_NETWORK + "/publicIPAddresses/{publicIpAddressName}",
    api_version=_NETWORK_VERSION,
    shape=Shape(
        True,
        {
            "ipConfiguration": _LINK,
            "linkedPublicIPAddress": _LINK,
            "natGateway": _LINK,
            "servicePublicIPAddress": _LINK,
        },
    ),
    inputs=words(
        "ddosSettings deleteOption dnsSettings extendedLocation id idleTimeoutInMinutes ipAddress ipTags "
        "linkedPublicIPAddress location migrationPhase natGateway publicIPAddressVersion publicIPAllocationMethod "
        "publicIPPrefix servicePublicIPAddress sku tags zones"
    ),
    outputs=words(
        "ddosSettings deleteOption dnsSettings etag extendedLocation id idleTimeoutInMinutes ipAddress ipConfiguration "
        "ipTags linkedPublicIPAddress location migrationPhase name natGateway provisioningState publicIPAddressVersion "
        "publicIPAllocationMethod publicIPPrefix resourceGuid servicePublicIPAddress sku tags type zones"
    ),
    replaces=words("location publicIPAddressVersion publicIPPrefix sku"),
)

NETWORK_INTERFACE = ResourceType(
    name="azure-native:network:NetworkInterface",
    path=_NETWORK + "/networkInterfaces/{networkInterfaceName}",
    api_version=_NETWORK_VERSION,
    shape=Shape(
        True,
        {
            "dnsSettings": Shape(read_only=words("appliedDnsServers internalDomainNameSuffix internalFqdn")),
            "ipConfigurations": _IP_CONFIGURATION,
            "networkSecurityGroup": _LINK,
            "privateEndpoint": _LINK,
            "privateLinkService": _LINK,
            "tapConfigurations": _LINK,
        },
    ),
    inputs=words(
        "auxiliaryMode auxiliarySku disableTcpStateTracking dnsSettings enableAcceleratedNetworking enableIPForwarding "
        "extendedLocation id ipConfigurations location migrationPhase networkSecurityGroup nicType privateLinkService "
        "tags workloadType"
    ),
    outputs=words(
        "auxiliaryMode auxiliarySku defaultOutboundConnectivityEnabled disableTcpStateTracking dnsSettings "
        "dscpConfiguration enableAcceleratedNetworking enableIPForwarding etag extendedLocation hostedWorkloads id "
        "ipConfigurations location macAddress migrationPhase name networkSecurityGroup nicType primary privateEndpoint "
        "privateLinkService provisioningState resourceGuid tags tapConfigurations type virtualMachine "
        "vnetEncryptionSupported workloadType"
    ),
)

VIRTUAL_MACHINE = ResourceType(
    name="azure-native:compute:VirtualMachine",
    path=_GROUP_PATH + "/providers/Microsoft.Compute/virtualMachines/{vmName}",
    api_version="2024-11-01",
    shape=Shape(
        True,
        {
            "networkProfile": Shape(
                parts={"networkInterfaces": _LINK, "networkInterfaceConfigurations": _VM_INTERFACE}
            ),
            "identity": Shape(sets=words("userAssignedIdentities")),
            "osProfile": Shape(write_only=words("adminPassword customData")),
            "resources": _LINK,
            "storageProfile": Shape(
                parts={
                    "dataDisks": Shape(
                        read_only=words("diskIOPSReadWrite diskMBpsReadWrite"), required=words("createOption lun")
                    ),
                    "imageReference": Shape(read_only=words("exactVersion")),
                    "osDisk": Shape(required=words("createOption")),
                }
            ),
        },
        required=words("location"),
    ),
    inputs=words(
        "additionalCapabilities applicationProfile availabilitySet billingProfile capacityReservation "
        "diagnosticsProfile evictionPolicy extendedLocation extensionsTimeBudget hardwareProfile host hostGroup "
        "identity licenseType location networkProfile osProfile placement plan platformFaultDomain priority "
        "proximityPlacementGroup scheduledEventsPolicy scheduledEventsProfile securityProfile storageProfile tags "
        "userData virtualMachineScaleSet zones"
    ),
    outputs=words(
        "additionalCapabilities applicationProfile availabilitySet billingProfile capacityReservation "
        "diagnosticsProfile etag evictionPolicy extendedLocation extensionsTimeBudget hardwareProfile host hostGroup "
        "id identity instanceView licenseType location managedBy name networkProfile osProfile placement plan "
        "platformFaultDomain priority provisioningState proximityPlacementGroup resources scheduledEventsPolicy "
        "scheduledEventsProfile securityProfile storageProfile systemData tags timeCreated type userData "
        "virtualMachineScaleSet vmId zones"
    ),
)

TYPES: Mapping[str, ResourceType] = {
    known.name: known
    for known in (
        RESOURCE_GROUP,
        VIRTUAL_NETWORK,
        SUBNET,
        NETWORK_SECURITY_GROUP,
        PUBLIC_IP_ADDRESS,
        NETWORK_INTERFACE,
        VIRTUAL_MACHINE,
        DISK,
    )
}
