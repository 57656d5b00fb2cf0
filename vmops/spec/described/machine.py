"""The descriptions of the parameters for the VM itself: its identity, its hardware and image, and its login."""

from collections.abc import Mapping

from vmops.spec.described.entry import Described

MACHINE: Mapping[str, Described] = {
    "vmName": Described(
        "text",
        "the VM's name by the rules for Linux VMs, 1 to 64 characters; the other names are made from it",
        "another VM",
    ),
    "cloud": Described(
        "local, public, usgovernment or china",
        "whose Resource Manager is asked; `VMOPS_CLOUD` sets another default",
        "another VM",
    ),
    "subscription": Described(
        "UUID",
        "required on a real cloud, here or as `VMOPS_SUBSCRIPTION`",
        "another VM",
    ),
    "resourceGroup": Described(
        "text",
        "one that exists is used and stays; one that does not is made, and goes with the last VM in it",
        "another VM",
    ),
    "vmCount": Described(
        "1 to 100",
        "a fleet of so many VMs, `<vmName>-0` and on, made and removed as one; without it one VM, `<vmName>`",
        "in place; refused between one VM and a fleet",
    ),
    "minCount": Described(
        "1 to vmCount",
        "how many VMs of a fleet are enough; without it all of them",
        "in place",
    ),
    "member": Described(
        "0 to 99",
        "which VM of a fleet is meant, where one is to be started, stopped, looked at or entered; no fleet is made "
        "or removed by it",
        "no deployment",
    ),
    "lockFile": Described(
        "path",
        "a lock file that `vmops lock` has written: all that it pins; nothing that is given may contradict it",
        "as what it pins",
    ),
    "location": Described(
        "region, or a list",
        'where everything is made; "West US 2" is `westus2`. On a real cloud the default is `VMOPS_LOCATION`, '
        "else the location of the resource group. Of a list the first where there is room",
        "refused",
    ),
    "vmSize": Described(
        "size, or a list",
        "Azure knows which sizes exist where; for one that the VM's hardware lacks it is deallocated and started "
        "elsewhere; going between Intel or AMD and Arm changes the default image too. Of a list the "
        "first that there is",
        "in place",
    ),
    "image": Described(
        "publisher:offer:sku:version",
        "what the system disk is made from; sizes with an Arm processor get Arm's image by default",
        "replaces",
    ),
    "imageId": Described(
        "id",
        "an image of a gallery, with or without a version, or a managed image, by its id, or one of a community "
        "gallery: `/CommunityGalleries/NAME/Images/NAME`; it must be of Linux, and for the processor of the size. "
        "It excludes `image`",
        "replaces",
    ),
    "plan": Described(
        "publisher:product:name",
        "the purchase plan of an image that is sold; its terms are accepted by you (`az vm image terms accept`), "
        "never by vmops",
        "refused, unless the image changes too",
    ),
    "ubuntuOSVersion": Described(
        "release",
        "a shorter word for `image`, which it excludes: 18.04-LTS, 20.04-LTS, 22.04-LTS or 24.04-LTS",
        "replaces",
    ),
    "customData": Described(
        "secret text",
        "what cloud-init reads at the first start, at most 65535 bytes: text, packed by gzip too (bytes, or "
        "base64 of them); base64 of what cloud-init knows is not encoded again; no script with the line ends of "
        "Windows; left out, it stays as it is where the VM is",
        "replaces",
    ),
    "customDataFile": Described(
        "path",
        "the same from a file of this host, without its byte order mark; excludes `customData`",
        "replaces",
    ),
    "zone": Described(
        "1, 2 or 3, a list, any or spread",
        "the availability zone; of a list, or any of the three, the first where there is room",
        "refused",
    ),
    "priority": Described(
        "Regular or Spot, a list, or SpotThenRegular",
        "a Spot VM is cheaper, and evicted when Azure needs the room; it needs a `vmSize`. Of a list the "
        "first that there is",
        "refused",
    ),
    "prefer": Described(
        "order or price",
        "which place is tried first where several are named: by their order, or the cheapest by Azure's price list",
        "no deployment",
    ),
    "maxPrice": Described(
        "number",
        "US dollars an hour that a Spot VM may cost; -1 is up to the regular price",
        "in place",
    ),
    "evictionPolicy": Described(
        "Deallocate or Delete",
        "what an eviction does to a Spot VM; for one the default is Deallocate",
        "refused",
    ),
    "managedIdentity": Described(
        "ids",
        "`system`, ids of user-assigned identities, or both in a list: what the VM may log in as, to other "
        "services; identities that others have given it stay. Left out, all that it has stay",
        "in place",
    ),
    "securityType": Described(
        "Standard or TrustedLaunch",
        "how the VM starts; without it Azure decides. Standard needs a feature that the subscription is registered for",
        "refused",
    ),
    "secureBoot": Described(
        "truth",
        "of a VM with TrustedLaunch: only what is signed starts",
        "refused",
    ),
    "vTpm": Described(
        "truth",
        "of a VM with TrustedLaunch: it has a virtual TPM",
        "refused",
    ),
    "encryptionAtHost": Described(
        "truth",
        "caches and temporary disks are encrypted on the host, too; the subscription must be registered for it",
        "refused",
    ),
    "proximityPlacementGroup": Described(
        "id",
        "a proximity placement group that the VM is in, by its id",
        "refused",
    ),
    "bootDiagnostics": Described(
        "truth or URL",
        "whether the console is kept, or in which storage account; without it Azure keeps it itself",
        "in place",
    ),
    "tags": Described(
        'mapping or "k=v,k=v"',
        "on everything that is made; names that begin with `vmops-` are reserved",
        "in place",
    ),
    "adminUsername": Described(
        "text",
        "the administrator; Azure reserves some names",
        "replaces",
    ),
    "authenticationType": Described(
        "sshPublicKey or password",
        "how to log in",
        "replaces",
    ),
    "adminPasswordOrKey": Described(
        "secret",
        "the password, or a public key (ED25519, or RSA of 2048 bits or more); without a key vmops makes a pair "
        "for this VM and uses it again; a VM that has another key or password is not made anew for that, but "
        "refused",
        "replaces",
    ),
}
