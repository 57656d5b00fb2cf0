"""The descriptions of the parameters for the VM itself: its identity, its hardware and image, and its login."""

from collections.abc import Mapping

from vmops.spec.described.entry import Described

MACHINE: Mapping[str, Described] = {
    "vmName": Described(
        "text",
        "the VM's name, 1 to 64 characters, by Azure's rules for Linux VMs; other names are derived from it",
        "another VM",
    ),
    "cloud": Described(
        "local, public, usgovernment or china",
        "the cloud to use; `VMOPS_CLOUD` sets another default",
        "another VM",
    ),
    "subscription": Described(
        "UUID",
        "the Azure subscription; required on a real cloud, here or as `VMOPS_SUBSCRIPTION`",
        "another VM",
    ),
    "resourceGroup": Described(
        "text",
        "an existing group is used and kept; otherwise it is made, and removed with the last VM in it",
        "another VM",
    ),
    "vmCount": Described(
        "1 to 100",
        "number of VMs in a fleet, named from `<vmName>-0`, made and removed together; without it a single VM, "
        "`<vmName>`",
        "in place; refused between one VM and a fleet",
    ),
    "minCount": Described(
        "1 to vmCount",
        "number of VMs of a fleet that are enough for success; without it all",
        "in place",
    ),
    "member": Described(
        "0 to 99",
        "number of a fleet's VM that is started, stopped, shown or logged in to; not for making or removing",
        "no deployment",
    ),
    "lockFile": Described(
        "path",
        "a lock file written by `vmops lock`: sets all values that it pins; given parameters must not contradict it",
        "as what it pins",
    ),
    "location": Described(
        "region, or a list",
        'the Azure region; "West US 2" is `westus2`. On a real cloud the default is `VMOPS_LOCATION`, '
        "else the location of the resource group. In a list the first with capacity is used",
        "refused",
    ),
    "vmSize": Described(
        "size, or a list",
        "the VM's size; Azure checks that the location has it. If the VM's hardware does not support a new size, the "
        "VM is deallocated and started on other hardware. A change between Intel or AMD and Arm changes the default "
        "image too. In a list the first available is used",
        "in place",
    ),
    "image": Described(
        "publisher:offer:sku:version",
        "the image of the system disk; sizes with an Arm processor have an Arm image by default",
        "replaces",
    ),
    "imageId": Described(
        "id",
        "the id of a gallery image, with or without a version, of a managed image, or of an image in a community "
        "gallery: `/CommunityGalleries/NAME/Images/NAME`. It must be a Linux image for the size's processor. Excludes "
        "`image`",
        "replaces",
    ),
    "plan": Described(
        "publisher:product:name",
        "the purchase plan of a marketplace image; you accept its terms (`az vm image terms accept`), vmops never does",
        "refused, unless the image changes too",
    ),
    "ubuntuOSVersion": Described(
        "release",
        "short form of `image`, which it excludes: 18.04-LTS, 20.04-LTS, 22.04-LTS or 24.04-LTS",
        "replaces",
    ),
    "customData": Described(
        "secret text",
        "input of cloud-init at the first boot, at most 65535 bytes: text, or gzip (as bytes or base64); base64 of a "
        "format that cloud-init reads is not encoded again; a script with Windows line ends is refused. Left out, that "
        "of an existing VM stays",
        "replaces",
    ),
    "customDataFile": Described(
        "path",
        "a file of this host with the custom data, whose byte order mark is dropped; excludes `customData`",
        "replaces",
    ),
    "zone": Described(
        "1, 2 or 3, a list, any or spread",
        "the availability zone; in a list, or with any of the three, the first with capacity is used",
        "refused",
    ),
    "priority": Described(
        "Regular or Spot, a list, or SpotThenRegular",
        "a Spot VM is cheaper, and evicted when Azure needs the capacity; it needs a `vmSize`. In a list the first "
        "available is used",
        "refused",
    ),
    "prefer": Described(
        "order or price",
        "which of several places is tried first: by their order, or the cheapest by Azure's price list",
        "no deployment",
    ),
    "maxPrice": Described(
        "number",
        "limit on a Spot VM's price, in US dollars per hour; -1 is the regular price",
        "in place",
    ),
    "evictionPolicy": Described(
        "Deallocate or Delete",
        "what an eviction does to a Spot VM, by default Deallocate",
        "refused",
    ),
    "managedIdentity": Described(
        "ids",
        "`system`, ids of user-assigned identities, or a list of both: the identities with which the VM can log in to "
        "other services. Identities that others have added stay. Left out, all of its identities stay",
        "in place",
    ),
    "securityType": Described(
        "Standard or TrustedLaunch",
        "the VM's security type; without it Azure decides. For Standard the subscription must have registered a "
        "feature",
        "refused",
    ),
    "secureBoot": Described(
        "truth",
        "for TrustedLaunch: the VM boots only signed software",
        "refused",
    ),
    "vTpm": Described(
        "truth",
        "for TrustedLaunch: the VM has a virtual TPM",
        "refused",
    ),
    "encryptionAtHost": Described(
        "truth",
        "caches and temporary disks are encrypted on the host, too; the subscription must have registered the feature",
        "refused",
    ),
    "proximityPlacementGroup": Described(
        "id",
        "id of a proximity placement group for the VM",
        "refused",
    ),
    "bootDiagnostics": Described(
        "truth or URL",
        "whether the console's output is stored, or the storage account for it; without it Azure stores it",
        "in place",
    ),
    "tags": Described(
        'mapping or "k=v,k=v"',
        "tags of everything that is made; names that begin with `vmops-` are reserved",
        "in place",
    ),
    "adminUsername": Described(
        "text",
        "the administrator's user name; Azure reserves some names",
        "replaces",
    ),
    "authenticationType": Described(
        "sshPublicKey or password",
        "how to log in",
        "replaces",
    ),
    "adminPasswordOrKey": Described(
        "secret",
        "the password, or a public key (ED25519, or RSA of 2048 bits or more). Without a key vmops makes a key pair "
        "for this VM and reuses it; a VM with another key or password is then not replaced, but refused",
        "replaces",
    ),
}
