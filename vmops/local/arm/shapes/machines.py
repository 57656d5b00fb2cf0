"""The shape of virtual machines. Source: azure-rest-api-specs, Microsoft.Compute, VirtualMachines_CreateOrUpdate."""

from vmops.local.arm.shapes.disks import ACCESS, ACCOUNT, DELAY
from vmops.local.arm.shapes.shape import (
    ADDRESSES,
    ALLOCATION,
    DELETION,
    TAGS,
    Many,
    Named,
    Shape,
    parts,
    resource,
    words,
)

_CACHING = words("None|ReadOnly|ReadWrite")
_ALIGNMENT = words("Aligned|BestEffortAligned")
_FILE = parts("uri")
_MORE_OF_A_DISK = parts(
    "tier burstingEnabled:bool performancePlus:bool optimizedForFrequentAttach:bool maxShares:int diskAccessId "
    "diskIOPSReadOnly:int diskMBpsReadOnly:int logicalSectorSize:int",
    availabilityPolicy=DELAY,
    networkAccessPolicy=ACCESS,
)
_MANAGED_DISK = parts(
    "id diskEncryptionSet:id",
    storageAccountType=ACCOUNT,
    securityProfile=parts(
        "diskEncryptionSet:id",
        securityEncryptionType=words("VMGuestStateOnly|DiskWithVMGuestState|NonPersistedTPM"),
    ),
    additionalDiskProperties=parts(managedDiskProperties=_MORE_OF_A_DISK),
)
_DISK: dict[str, Shape] = {
    "vhd": _FILE,
    "image": _FILE,
    "caching": _CACHING,
    "createOption": words("FromImage|Empty|Attach|Copy|Restore"),
    "storageFaultDomainAlignment": _ALIGNMENT,
    "managedDisk": _MANAGED_DISK,
    "deleteOption": DELETION,
}
_OS_DISK = parts(
    "name diskSizeGB:int writeAcceleratorEnabled:bool",
    osType=words("Windows|Linux"),
    encryptionSettings=parts(
        "enabled:bool",
        diskEncryptionKey=parts("secretUrl sourceVault:id"),
        keyEncryptionKey=parts("keyUrl sourceVault:id"),
    ),
    diffDiskSettings=parts(
        "enableFullCaching:bool", option=words("Local"), placement=words("CacheDisk|ResourceDisk|NvmeDisk")
    ),
    **_DISK,
)
_DATA_DISK = parts(
    "lun:int name diskSizeGB:int writeAcceleratorEnabled:bool sourceResource:id toBeDetached:bool "
    "diskIOPSReadWrite:int diskMBpsReadWrite:int",
    detachOption=words("ForceDetach"),
    **_DISK,
)
_STORAGE = parts(
    "alignRegionalDisksToVMZone:bool diskApiVersion",
    imageReference=parts("id publisher offer sku version sharedGalleryImageId communityGalleryImageId", "exactVersion"),
    osDisk=_OS_DISK,
    dataDisks=Many(_DATA_DISK),
    diskControllerType=words("SCSI|NVMe"),
)
_REBOOT = parts("bypassPlatformSafetyChecksOnUserSchedule:bool", rebootSetting=words("Unknown|IfRequired|Never|Always"))
_ASSESSMENT = words("ImageDefault|AutomaticByPlatform")
_WINDOWS = parts(
    "provisionVMAgent:bool enableAutomaticUpdates:bool timeZone",
    "enableVMAgentPlatformUpdates",
    additionalUnattendContent=Many(
        parts(
            "content",
            passName=words("OobeSystem"),
            componentName=words("Microsoft-Windows-Shell-Setup"),
            settingName=words("AutoLogon|FirstLogonCommands"),
        )
    ),
    patchSettings=parts(
        "enableHotpatching:bool",
        patchMode=words("Manual|AutomaticByOS|AutomaticByPlatform"),
        assessmentMode=_ASSESSMENT,
        automaticByPlatformSettings=_REBOOT,
    ),
    winRM=parts(listeners=Many(parts("certificateUrl", protocol=words("Http|Https")))),
)
_LINUX = parts(
    "disablePasswordAuthentication:bool provisionVMAgent:bool enableVMAgentPlatformUpdates:bool",
    ssh=parts(publicKeys=Many(parts("path keyData"))),
    patchSettings=parts(
        patchMode=words("ImageDefault|AutomaticByPlatform"),
        assessmentMode=_ASSESSMENT,
        automaticByPlatformSettings=_REBOOT,
    ),
)
_GUEST = parts(
    "computerName adminUsername adminPassword customData allowExtensionOperations:bool "
    "requireGuestProvisionSignal:bool",
    windowsConfiguration=_WINDOWS,
    linuxConfiguration=_LINUX,
    secrets=Many(parts("sourceVault:id", vaultCertificates=Many(parts("certificateUrl certificateStore")))),
)
_LABELS = words("TenantReuse|SubscriptionReuse|ResourceGroupReuse|NoReuse")
_ADDRESS = parts(
    "name",
    properties=parts(
        "idleTimeoutInMinutes:int publicIPPrefix:id",
        deleteOption=DELETION,
        dnsSettings=parts("domainNameLabel", domainNameLabelScope=_LABELS),
        ipTags=Many(parts("ipTagType tag firstPartyServiceTagId")),
        publicIPAddressVersion=ADDRESSES,
        publicIPAllocationMethod=ALLOCATION,
    ),
    sku=parts(name=words("Basic|Standard"), tier=words("Regional|Global")),
    tags=TAGS,
)
_IP_CONFIGURATION = parts(
    "name",
    properties=parts(
        "subnet:id primary:bool privateIPAddressPrefixLength:int applicationSecurityGroups:ids "
        "applicationGatewayBackendAddressPools:ids loadBalancerBackendAddressPools:ids",
        publicIPAddressConfiguration=_ADDRESS,
        privateIPAddressVersion=ADDRESSES,
    ),
)
_NEW_INTERFACE = parts(
    "name",
    properties=parts(
        "primary:bool enableAcceleratedNetworking:bool disableTcpStateTracking:bool enableFpga:bool "
        "enableIPForwarding:bool networkSecurityGroup:id dscpConfiguration:id",
        deleteOption=DELETION,
        dnsSettings=parts("dnsServers:texts"),
        ipConfigurations=Many(_IP_CONFIGURATION),
        auxiliaryMode=words("None|AcceleratedConnections|Floating"),
        auxiliarySku=words("None|A1|A2|A4|A8"),
    ),
    tags=TAGS,
)
_NETWORK = parts(
    "networkApiVersion",
    networkInterfaces=Many(parts("id", properties=parts("primary:bool", deleteOption=DELETION))),
    networkInterfaceConfigurations=Many(_NEW_INTERFACE),
    interconnectGroupProfile=parts("interconnectGroup:id subgroups:ids"),
)
_HOST_ENDPOINT = parts(
    "inVMAccessControlProfileReferenceId useLocalFileRules:bool", mode=words("Audit|Enforce|Disabled")
)
_SECURITY = parts(
    "encryptionAtHost:bool",
    uefiSettings=parts("secureBootEnabled:bool vTpmEnabled:bool"),
    securityType=words("Standard|TrustedLaunch|ConfidentialVM"),
    encryptionIdentity=parts("userAssignedIdentityResourceId"),
    proxyAgentSettings=parts(
        "enabled:bool keyIncarnationId:int addProxyAgentExtension:bool",
        mode=words("Audit|Enforce"),
        wireServer=_HOST_ENDPOINT,
        imds=_HOST_ENDPOINT,
    ),
)
_APPROVAL = parts("automaticallyApprove:bool")
_NOTICE = parts("notBeforeTimeout enable:bool")
_EVENTS = parts(
    userInitiatedRedeploy=_APPROVAL,
    userInitiatedReboot=_APPROVAL,
    allInstancesDown=_APPROVAL,
    scheduledEventsAdditionalPublishingTargets=parts(
        eventGridAndResourceGraph=parts("enable:bool scheduledEventsApiVersion")
    ),
)
_APPLICATION = parts(
    "tags order:int packageReferenceId configurationReference treatFailureAsDeploymentFailure:bool "
    "enableAutomaticUpgrade:bool"
)
_PROPERTIES = parts(
    "availabilitySet:id virtualMachineScaleSet:id proximityPlacementGroup:id host:id hostGroup:id licenseType "
    "extensionsTimeBudget platformFaultDomain:int userData",
    "provisioningState instanceView vmId timeCreated",
    hardwareProfile=parts(
        "vmSize",
        vmSizeProperties=parts("vCPUsAvailable:int vCPUsPerCore:int"),
        processorMode=words("Deterministic|Opportunistic"),
    ),
    flexProfile=parts("preferredVMSize"),
    scheduledEventsPolicy=_EVENTS,
    storageProfile=_STORAGE,
    additionalCapabilities=parts("ultraSSDEnabled:bool hibernationEnabled:bool enableFips1403Encryption:bool"),
    osProfile=_GUEST,
    networkProfile=_NETWORK,
    securityProfile=_SECURITY,
    diagnosticsProfile=parts(bootDiagnostics=parts("enabled:bool storageUri")),
    priority=words("Regular|Low|Spot|SpotPlus"),
    evictionPolicy=words("Deallocate|Delete"),
    billingProfile=parts("maxPrice:float"),
    scheduledEventsProfile=parts(terminateNotificationProfile=_NOTICE, osImageNotificationProfile=_NOTICE),
    capacityReservation=parts("capacityReservationGroup:id disableCapacityReservationAssignment:bool"),
    interconnectBlockProfile=parts("interconnectBlock:id"),
    applicationProfile=parts(galleryApplications=Many(_APPLICATION)),
    resiliencyProfile=parts(zoneMovement=parts("isEnabled:bool")),
)
_IDENTITY = parts(
    "",
    "principalId tenantId",
    type=words("SystemAssigned|UserAssigned|SystemAssigned, UserAssigned|None"),
    userAssignedIdentities=Named(parts("", "principalId clientId"), removable=True),
)
MACHINE = resource(
    _PROPERTIES,
    "zones:texts",
    "managedBy",
    plan=parts("name publisher product promotionCode"),
    identity=_IDENTITY,
    placement=parts("includeZones:texts excludeZones:texts", zonePlacementPolicy=words("Any|Auto")),
)
DATA_DISKS = parts(
    dataDisksToAttach=Many(
        parts(
            "diskId lun:int diskEncryptionSet:id writeAcceleratorEnabled:bool", caching=_CACHING, deleteOption=DELETION
        )
    ),
    dataDisksToDetach=Many(parts("diskId", detachOption=words("ForceDetach"))),
)
"""The body of ``attachDetachDataDisks``."""
