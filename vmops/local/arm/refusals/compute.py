"""The refusals of Microsoft.Compute: code → status and words.

A code with several texts has a suffix of ours.
"""

REFUSALS = {
    "NotFound:compute": (404, "The entity was not found in this Azure location."),
    "NotFound:source": (404, "Resource {name} is not found."),
    "NotFound:image": (404, "Artifact: {kind} was not found."),
    "OperationNotAllowed:guest": (
        409,
        "Operation '{verb}' is not allowed on VM '{vm}' since no guest runs inside the VMs of the local Azure.",
    ),
    "InvalidParameter:missing": (400, "Required parameter '{target}' is missing (null)."),
    "InvalidParameter:vmSize": (
        400,
        "The value {size} provided for the VM size is not valid. The valid sizes in the current region are: {known}.",
    ),
    "InvalidParameter:adminUsername": (400, "The Admin Username specified is not allowed."),
    "InvalidParameter:computerName": (
        400,
        "Linux host name cannot exceed {limit} characters in length or contain the following characters: {characters}.",
    ),
    "InvalidParameter:adminPassword": (
        400,
        "The supplied password must be between 6-72 characters long and must satisfy at least 3 of password complexity "
        "requirements from the following: 1) Contains an uppercase character 2) Contains a lowercase character "
        "3) Contains a numeric digit 4) Contains a special character 5) Control characters are not allowed",
    ),
    "InvalidParameter:login": (
        400,
        "Authentication using either SSH or by user name and password must be enabled in Linux profile.",
    ),
    "InvalidParameter:sshPath": (
        400,
        "Destination path for SSH public keys is currently limited to its default value {home} "
        "due to a known issue in Linux provisioning agent.",
    ),
    "InvalidParameter:customData": (
        400,
        "Custom data in OSProfile must be in Base64 encoding and with a maximum length of {limit} characters.",
    ),
    "InvalidParameter:architecture": (
        400,
        "Cannot create a VM of size '{size}' because this VM size only supports a CPU Architecture of '{architecture}',"
        " but an image or disk with CPU Architecture '{image}' was given. Please check that the CPU Architecture of "
        "the image or disk is compatible with that of the VM size.",
    ),
    "InvalidParameter:resizeArchitecture": (
        400,
        "Cannot resize a VM of size {old} with CPU Architecture {has} to a VM of size {new} with CPU Architecture "
        "{wants}.",
    ),
    "InvalidParameter:premium": (
        400,
        "Requested operation cannot be performed because the VM size {size} does not support the storage account type "
        "{kind} of disk '{disk}'. Consider updating the VM to a size that supports Premium storage.",
    ),
    "InvalidParameter:controller": (
        400,
        "The VM size '{size}' cannot boot with DiskControllerType '{controller}'. Please check that the "
        "DiskControllerType is one of the supported disk controller types for the VM size '{size}'. Please query sku "
        "api at https://aka.ms/azure-compute-skus  to determine supported disk controller types for the VM size.",
    ),
    "InvalidParameter:controllerOfImage": (
        400,
        "The VM size '{size}' cannot boot with OS image or disk. Please check that disk controller types supported by "
        "the OS image or disk is one of the supported disk controller types for the VM size '{size}'. Please query sku "
        "api at https://aka.ms/azure-compute-skus  to determine supported disk controller types for the VM size.",
    ),
    "InvalidParameter:controllerGeneration": (
        400,
        "Disk Controller Type is only supported for VMs that are created from a Generation 2 Image or OS disk and VM "
        "Size that supports the same, refer to https://docs.microsoft.com/en-us/azure/virtual-machines/generation-2"
        "#creating-a-generation-2-vm for more details about creating Generation 2 VM.",
    ),
    "BadRequest:generation": (
        400,
        "The selected VM size '{size}' cannot boot Hypervisor Generation '{generation}'. If this was a Create "
        "operation please check that the Hypervisor Generation of the Image matches the Hypervisor Generation of the "
        "selected VM Size. If this was an Update operation please select a Hypervisor Generation '{generation}' VM "
        "Size. For more information, see https://aka.ms/azuregen2vm",
    ),
    "BadRequest:standard": (
        400,
        "The value 'Standard' is not available for property 'securityType' until the feature "
        "'Microsoft.Compute/UseStandardSecurityType' is registered for this subscription.",
    ),
    "BadRequest:uefi": (
        400,
        "The property 'securityProfile.uefiSettings' is not valid without the property 'securityProfile.securityType'.",
    ),
    "BadRequest:trustedImage": (
        400,
        "The provided image is not supported for Trusted Launch: use of TrustedLaunch setting needs a Gen2 OS Image "
        "that supports it. For more information, see https://aka.ms/TrustedLaunch-FAQ.",
    ),
    "BadRequest:trustedSize": (
        400,
        "The VM size '{size}' is not supported for creation of VMs and Virtual Machine Scale Set with 'TrustedLaunch' "
        "security type.",
    ),
    "InvalidParameter:encryptionAtHost": (
        400,
        "The VM size '{size}' does not support encryption at host.",
    ),
    "InvalidParameter:accelerated": (
        400,
        "The VM size '{size}' does not support accelerated networking, which network interface '{nic}' has enabled.",
    ),
    "OperationNotAllowed:ephemeral": (
        409,
        "Operation '{verb}' is not supported for VM '{vm}', whose OS disk is an ephemeral one.",
    ),
    "NotSupported:ephemeral": (
        409,
        "OS disk of Ephemeral VM with size greater than {most} GB is not allowed for VM size {size} when the "
        "DiffDiskPlacement is {placement}.",
    ),
    "InvalidParameter:diskSize": (
        400,
        "The specified disk size {size} GB is smaller than the size of the corresponding disk in the VM image: "
        "{least} GB.",
    ),
    "InvalidParameter:copySize": (
        400,
        "The specified disk size {size} GB is smaller than the size of the disk that is copied: {least} GB.",
    ),
    "InvalidParameter:detached": (400, "Disk {disk} is not attached to VM '{vm}' as a data disk."),
    "InvalidParameter:unsupported": (400, "The value of parameter {target} is not supported by the local Azure."),
    "InvalidParameter:name": (400, "The entity name '{target}' is invalid according to its validation rule: {rule}."),
    "InvalidParameter:value": (400, "The value of parameter {target} is invalid."),
    "BadRequest:member": (400, "{reason}"),
    "BadRequest:shrink": (
        400,
        "Disk size reduction is not supported. Current size is {old} bytes, requested size is {new} bytes.",
    ),
    "NotFound:ownImage": (404, "The Image '{id}' cannot be found in '{location}' region."),
    "GalleryImageNotFound": (
        404,
        "The gallery image {id} is not available in {location} region. Please contact image owner to replicate to this "
        "region, or change your requested region.",
    ),
    "CannotDeleteResource": (
        409,
        "Can not delete resource {id} before nested resources are deleted: there are some of the type {type}.",
    ),
    "VMMarketplaceInvalidInput": (
        400,
        "Creating a virtual machine from Marketplace image or a custom image sourced from a Marketplace image requires "
        "Plan information in the request. VM: '{vm}'.",
    ),
    "ResourcePurchaseValidationFailed": (
        400,
        "User failed validation to purchase resources. Error message: 'You have not accepted the legal terms on this "
        "subscription: '{subscription}' for this plan. Before the subscription can be used, you need to accept the "
        "legal terms of the image.'",
    ),
    "PlatformImageNotFound": (
        404,
        "The platform image '{image}' is not available. Verify that all fields in the storage profile are correct. "
        "For more details about storage profile information, please refer to https://aka.ms/storageprofile",
    ),
    "SkuNotAvailable": (
        409,
        "The requested VM size for resource 'Following SKUs have failed for Capacity Restrictions: {size}' is "
        "currently not available in location '{location}'. Please try another size or deploy to a different location "
        "or different zone. See https://aka.ms/azureskunotavailable for details.",
    ),
    "OperationNotAllowed:quota": (
        409,
        "Operation could not be completed as it results in exceeding approved {quota} quota. Additional details "
        "- Deployment Model: Resource Manager, Location: {location}, Current Limit: {limit}, Current Usage: {usage}, "
        "Additional Required: {more}, (Minimum) New Limit Required: {least}.",
    ),
    "OperationNotAllowed:dataDisks": (
        409,
        "The maximum number of data disks allowed to be attached to a VM of this size is {limit}.",
    ),
    "OperationNotAllowed:spotSize": (409, "The requested VM size '{size}' does not support Azure Spot."),
    "OperationNotAllowed:resourceDisk": (
        409,
        "Unable to resize the VM '{vm}' since changing from resource disk to non-resource disk VM size and vice-versa "
        "is not allowed. Please refer to https://aka.ms/AAah4sj for more details.",
    ),
    "OperationNotAllowed:resize": (
        409,
        "Unable to resize the VM {vm} because the requested size {size} is not available in the current hardware "
        "cluster. The available sizes in this cluster are: {known}. The requested size might be available in other "
        "clusters of this region. Read more on VM resizing strategy at https://aka.ms/azure-resizevm.",
    ),
    "OperationNotAllowed:generalized": (
        409,
        "Operation '{verb}' is not allowed on VM '{vm}' since the VM is generalized.",
    ),
    "OperationNotAllowed:deletion": (
        409,
        "Operation '{verb}' is not allowed on VM '{vm}' since the VM is marked for deletion. You can only retry the "
        "Delete operation (or wait for an ongoing one to complete).",
    ),
    "OperationNotAllowed:deallocated": (
        409,
        "Operation '{verb}' is not allowed on VM '{vm}' since the VM is either deallocated or marked to be "
        "deallocated.",
    ),
    "OperationNotAllowed:hibernate": (
        409,
        "The Hibernate-Deallocate Operation cannot be performed on VM '{vm}' that does not have hibernation capability "
        "enabled.",
    ),
    "OperationNotAllowed:running": (
        409,
        "Operation '{verb}' is not allowed on VM '{vm}' since the VM is running. Please power off the VM first.",
    ),
    "OperationNotAllowed:power": (
        409,
        "An ongoing operation is changing power state of Virtual Machine {vm} to {state}. "
        "Please perform operation {verb} after some time.",
    ),
    "OperationNotAllowed:spot": (
        409,
        "Operation '{verb}' is not allowed on VM '{vm}' since the VM is not of priority Spot.",
    ),
    "OperationNotAllowed:attached": (409, "Disk {disk} is attached to VM {user}."),
    "OperationNotAllowed:nics": (
        409,
        "Changing the network interfaces of VM '{vm}' is allowed only when the VM is deallocated.",
    ),
    "Conflict:concurrent": (
        409,
        "The request failed due to conflict with a concurrent request. To resolve it, please refer to "
        "https://aka.ms/activitylog to get more details on the conflicting requests.",
    ),
    "Conflict:diskSize": (409, "Disk resizing is allowed only when creating a VM or when the VM is deallocated."),
    "ConflictingUserInput:owned": (
        409,
        "Disk '{disk}' cannot be attached as the disk is already owned by VM '{user}'.",
    ),
    "ConflictingUserInput:exists": (
        409,
        "Disk {disk} already exists in resource group {group}. Only CreateOption.Attach is supported.",
    ),
    "PropertyChangeNotAllowed": (409, "Changing property '{target}' is not allowed."),
    "OperationPreempted": (409, "Operation execution has been preempted by a more recent operation."),
}
