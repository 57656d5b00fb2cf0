"""The shapes of images, and of galleries of them. Source: azure-rest-api-specs, Microsoft.Compute, of both."""

from vmops.local.arm.shapes.disks import ACCOUNT
from vmops.local.arm.shapes.shape import Many, Named, Shape, parts, resource, words

_CACHING = words("None|ReadOnly|ReadWrite")
_SYSTEM: dict[str, Shape] = {"osType": words("Windows|Linux"), "osState": words("Generalized|Specialized")}
_GENERATION = words("V1|V2")
_DISK = "snapshot:id managedDisk:id blobUri diskSizeGB:int diskEncryptionSet:id"
_STORAGE = parts(
    "zoneResilient:bool",
    osDisk=parts(_DISK, caching=_CACHING, storageAccountType=ACCOUNT, **_SYSTEM),
    dataDisks=Many(parts(f"{_DISK} lun:int", caching=_CACHING, storageAccountType=ACCOUNT)),
)
IMAGE = resource(
    parts("sourceVirtualMachine:id", "provisioningState", storageProfile=_STORAGE, hyperVGeneration=_GENERATION)
)
_SHARING = parts(
    "",
    "groups",
    permissions=words("Private|Groups|Community"),
    communityGalleryInfo=parts(
        "publisherUri publisherContact eula publicNamePrefix", "communityGalleryEnabled publicNames"
    ),
)
GALLERY = resource(
    parts(
        "description",
        "provisioningState sharingStatus",
        identifier=parts("", "uniqueName"),
        sharingProfile=_SHARING,
        softDeletePolicy=parts("isSoftDeleteEnabled:bool retentionPeriodInDays:int gracePeriodInDays:int"),
    ),
    identity=parts(
        "",
        "principalId tenantId",
        type=words("SystemAssigned|UserAssigned|SystemAssigned, UserAssigned|None"),
        userAssignedIdentities=Named(parts("", "principalId clientId")),
    ),
)
_RANGE = parts("min:int max:int")
DEFINITION = resource(
    parts(
        "description eula privacyStatementUri releaseNoteUri endOfLifeDate allowUpdateImage:bool",
        "provisioningState",
        hyperVGeneration=_GENERATION,
        identifier=parts("publisher offer sku"),
        recommended=parts(vCPUs=_RANGE, memory=_RANGE),
        disallowed=parts("diskTypes:texts"),
        purchasePlan=parts("name publisher product"),
        features=Many(parts("name value startsAtVersion")),
        architecture=words("x64|Arm64"),
        **_SYSTEM,
    )
)
"""An image in a gallery, which has versions."""
_CONFIDENTIAL = words(
    "EncryptedVMGuestStateOnlyWithPmk|EncryptedWithPmk|EncryptedWithCmk|NonPersistedTPM|DataDiskEncryptedWithCmk"
)
_SECRETS = parts("secureVMDiskEncryptionSetId", confidentialVMEncryptionType=_CONFIDENTIAL)
_ENCRYPTION = parts(
    osDiskImage=parts("diskEncryptionSetId", securityProfile=_SECRETS),
    dataDiskImages=Many(parts("diskEncryptionSetId lun:int", securityProfile=_SECRETS)),
)
_REPLICAS = words("Standard_LRS|Standard_ZRS|Premium_LRS|PremiumV2_LRS")
_REGION = parts(
    "name regionalReplicaCount:int excludeFromLatest:bool",
    storageAccountType=_REPLICAS,
    encryption=_ENCRYPTION,
    additionalReplicaSets=Many(parts("regionalReplicaCount:int", storageAccountType=_REPLICAS)),
)
_EDGE = parts(
    "name extendedLocationReplicaCount:int",
    extendedLocation=parts("name", type=words("EdgeZone|Unknown")),
    storageAccountType=words("Standard_LRS|Standard_ZRS|StandardSSD_LRS|Premium_LRS"),
    encryption=_ENCRYPTION,
)
_PUBLISHING = parts(
    "replicaCount:int excludeFromLatest:bool endOfLifeDate",
    "publishedDate",
    targetRegions=Many(_REGION),
    storageAccountType=_REPLICAS,
    replicationMode=words("Full|Shallow"),
    targetExtendedLocations=Many(_EDGE),
    storageAccountStrategy=words("PreferStandard_ZRS|DefaultStandard_LRS"),
)
_SOURCE = parts("id uri storageAccountId")
_KEY = parts("value:texts", type=words("sha256|x509"))
_SIGNATURES = words("NoSignatureTemplate|MicrosoftUefiCertificateAuthorityTemplate|MicrosoftWindowsTemplate")
_UEFI = parts(
    signatureTemplateNames=Many(_SIGNATURES),
    additionalSignatures=parts(pk=_KEY, kek=Many(_KEY), db=Many(_KEY), dbx=Many(_KEY)),
)
_COMPONENT = parts("version", name=words("OS|CloudInit|AzureGuestAgent|SecretsProvisioningLibrary"))
VERSION = resource(
    parts(
        "restore:bool",
        "provisioningState replicationStatus validationsProfile imageMetadataProfiles",
        publishingProfile=_PUBLISHING,
        storageProfile=parts(
            source=parts("id communityGalleryImageId virtualMachineId"),
            osDiskImage=parts("", "sizeInGB", hostCaching=_CACHING, source=_SOURCE),
            dataDiskImages=Many(parts("lun:int", "sizeInGB", hostCaching=_CACHING, source=_SOURCE)),
        ),
        safetyProfile=parts(
            "allowDeletionOfReplicatedLocations:bool blockDeletionBeforeEndOfLife:bool",
            "reportedForPolicyViolation policyViolations",
        ),
        securityProfile=parts(
            uefiSettings=_UEFI,
            secretsProvisioningSettings=parts("isSupported:bool osName", components=Many(_COMPONENT)),
        ),
    )
)
