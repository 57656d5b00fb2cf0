"""Managed disks, among the resource types that vmops declares (`vmops.local.provider.resource_types`)."""

from vmops.local.provider.schema import ResourceType, Shape, words

DISK = ResourceType(
    name="azure-native:compute:Disk",
    path="/subscriptions/{subscriptionId}/resourceGroups/{resourceGroupName}/providers/Microsoft.Compute/disks/{diskName}",
    api_version="2024-03-02",
    shape=Shape(
        True,
        {
            "creationData": Shape(read_only=words("sourceUniqueId"), required=words("createOption")),
            "sku": Shape(read_only=words("tier")),
        },
        required=words("location creationData"),
    ),
    inputs=words(
        "burstingEnabled completionPercent creationData dataAccessAuthMode diskAccessId diskIOPSReadOnly "
        "diskIOPSReadWrite diskMBpsReadOnly diskMBpsReadWrite diskSizeGB encryption encryptionSettingsCollection "
        "extendedLocation hyperVGeneration location maxShares networkAccessPolicy optimizedForFrequentAttach osType "
        "publicNetworkAccess purchasePlan securityProfile sku supportedCapabilities supportsHibernation tags tier zones"
    ),
    outputs=words(
        "burstingEnabled burstingEnabledTime completionPercent creationData dataAccessAuthMode diskAccessId "
        "diskIOPSReadOnly diskIOPSReadWrite diskMBpsReadOnly diskMBpsReadWrite diskSizeBytes diskSizeGB diskState "
        "encryption encryptionSettingsCollection extendedLocation hyperVGeneration id lastOwnershipUpdateTime location "
        "managedBy managedByExtended maxShares name networkAccessPolicy optimizedForFrequentAttach osType "
        "propertyUpdatesInProgress provisioningState publicNetworkAccess purchasePlan securityProfile shareInfo sku "
        "supportedCapabilities supportsHibernation systemData tags tier timeCreated type uniqueId zones"
    ),
    replaces=words("location"),
)
