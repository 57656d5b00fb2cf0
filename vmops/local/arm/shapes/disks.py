"""The shape of managed disks. Source: azure-rest-api-specs, Microsoft.Compute, Disks_CreateOrUpdate."""

from vmops.local.arm.shapes.shape import Many, parts, resource, words

ACCOUNT = words("Standard_LRS|Premium_LRS|StandardSSD_LRS|UltraSSD_LRS|Premium_ZRS|StandardSSD_ZRS|PremiumV2_LRS")
ACCESS = words("AllowAll|AllowPrivate|DenyAll")
DELAY = parts(actionOnDiskDelay=words("None|AutomaticReattach"))
_IMAGE = parts("id sharedGalleryImageId communityGalleryImageId lun:int")
_CREATION = parts(
    "storageAccountId sourceUri sourceResourceId uploadSizeBytes:int logicalSectorSize:int securityDataUri "
    "securityMetadataUri performancePlus:bool elasticSanResourceId instantAccessDurationMinutes:int",
    "sourceUniqueId",
    createOption=words(
        "Empty|Attach|FromImage|Import|Copy|Restore|Upload|CopyStart|ImportSecure|UploadPreparedSecure|"
        "CopyFromSanSnapshot"
    ),
    imageReference=_IMAGE,
    galleryImageReference=_IMAGE,
    provisionedBandwidthCopySpeed=words("None|Enhanced"),
)
_KEYS = parts(
    diskEncryptionKey=parts("secretUrl sourceVault:id"),
    keyEncryptionKey=parts("keyUrl sourceVault:id"),
)
_SECURITY = parts(
    "secureVMDiskEncryptionSetId",
    "confidentialVMVersion",
    securityType=words(
        "TrustedLaunch|ConfidentialVM_VMGuestStateOnlyEncryptedWithPlatformKey|"
        "ConfidentialVM_DiskEncryptedWithPlatformKey|ConfidentialVM_DiskEncryptedWithCustomerKey|"
        "ConfidentialVM_NonPersistedTPM"
    ),
)
_PROPERTIES = parts(
    "diskSizeGB:int diskIOPSReadWrite:int diskMBpsReadWrite:int diskIOPSReadOnly:int diskMBpsReadOnly:int "
    "maxShares:int diskAccessId tier burstingEnabled:bool supportsHibernation:bool completionPercent:float "
    "optimizedForFrequentAttach:bool",
    "timeCreated diskSizeBytes uniqueId provisioningState diskState shareInfo burstingEnabledTime "
    "propertyUpdatesInProgress LastOwnershipUpdateTime",
    osType=words("Windows|Linux"),
    hyperVGeneration=words("V1|V2"),
    purchasePlan=parts("name publisher product promotionCode"),
    supportedCapabilities=parts(
        "diskControllerTypes acceleratedNetwork:bool",
        architecture=words("x64|Arm64"),
        supportedSecurityOption=words("TrustedLaunchSupported|TrustedLaunchAndConfidentialVMSupported"),
    ),
    creationData=_CREATION,
    encryptionSettingsCollection=parts("enabled:bool encryptionSettingsVersion", encryptionSettings=Many(_KEYS)),
    encryption=parts(
        "diskEncryptionSetId",
        type=words(
            "EncryptionAtRestWithPlatformKey|EncryptionAtRestWithCustomerKey|"
            "EncryptionAtRestWithPlatformAndCustomerKeys"
        ),
    ),
    networkAccessPolicy=ACCESS,
    securityProfile=_SECURITY,
    publicNetworkAccess=words("Enabled|Disabled"),
    dataAccessAuthMode=words("AzureActiveDirectory|None"),
    availabilityPolicy=DELAY,
)
DISK = resource(_PROPERTIES, "zones:texts", "managedBy managedByExtended", sku=parts("", "tier", name=ACCOUNT))
