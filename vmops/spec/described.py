"""What each parameter means, in the words of docs/parameters.md: its type, what it does, what a change of it does."""

from collections.abc import Mapping
from typing import NamedTuple


class Described(NamedTuple):
    """One parameter in words: of which type it is, what it does, and what another value does to a VM that is there."""

    type: str
    meaning: str
    changed: str


DESCRIBED: Mapping[str, Described] = {
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
    "lockFile": Described(
        "path",
        "a lock file that `vmops lock` has written: all that it pins; nothing that is given may contradict it",
        "as what it pins",
    ),
    "location": Described(
        "region",
        'where everything is made; "West US 2" is `westus2`. On a real cloud the default is `VMOPS_LOCATION`, '
        "else the location of the resource group",
        "refused",
    ),
    "vmSize": Described(
        "size",
        "Azure knows which sizes exist where; for one that the VM's hardware lacks it is deallocated and started "
        "elsewhere; going between Intel or AMD and Arm changes the default image too",
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
        "1, 2 or 3",
        "the availability zone",
        "refused",
    ),
    "priority": Described(
        "Regular or Spot",
        "a Spot VM is cheaper, and evicted when Azure needs the room",
        "refused",
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
    "subnetId": Described(
        "id",
        "a subnet of somebody else's, in any group of the subscription: used, and never touched; the VM is where "
        "its network is. It excludes `virtualNetworkName`, `subnetName` and both prefixes",
        "refused",
    ),
    "virtualNetworkName": Described(
        "text",
        "one that exists in the group is used and left as it is; several VMs may name the same one, and then the "
        "same `subnetName`; provisioned at once, one of them makes it",
        "refused",
    ),
    "subnetName": Described(
        "text",
        "likewise, in that network; one that is made in another's network goes with the VM that it was made for, "
        "unless another VM is in it",
        "refused",
    ),
    "networkSecurityGroupName": Described(
        "text",
        "likewise; it is attached to the network interface",
        "in place",
    ),
    "addressPrefix": Described(
        "CIDR",
        "of a network that is made, /2 to /29; it can grow",
        "in place",
    ),
    "subnetPrefix": Described(
        "CIDR",
        "of a subnet that is made; the default is the network's first /24",
        "refused",
    ),
    "networkSecurityGroupOn": Described(
        "nic, subnet or both",
        "what the security group is on; without it, on the network interface. A subnet that is another's is never "
        "changed",
        "in place",
    ),
    "acceleratedNetworking": Described(
        "true, false or auto",
        "whether the network interface is accelerated, which changes what benchmarks measure; auto is what the "
        "size can, found out once, when the interface is made. Without it Azure decides",
        "refused",
    ),
    "privateIpAddress": Described(
        "address",
        "the VM's address in its subnet; without it the first that is free, which it keeps",
        "in place",
    ),
    "vmPorts": Described(
        "ports",
        'the TCP ports that are open, a list or "22,80"; none for an empty list',
        "in place",
    ),
    "sourceAddressPrefixes": Described(
        "CIDRs",
        "who may reach the open ports: addresses and CIDRs, or alone `*` or a service tag. On a real cloud it "
        "must be given where a port is open",
        "in place",
    ),
    "publicIp": Described(
        "truth",
        "a static public address",
        "in place",
    ),
    "dnsLabelPrefix": Described(
        "label",
        "the first part of the public address's DNS name",
        "in place",
    ),
    "osDiskSizeGB": Described(
        "30 to 4095",
        "GiB; without it the image's own size",
        "in place if it grows, else refused",
    ),
    "osDiskType": Described(
        "Premium_LRS, StandardSSD_LRS or Standard_LRS",
        "of the system disk, and of data disks without `dataDiskType`",
        "refused",
    ),
    "dataDisks": Described(
        "sizes in GiB",
        'empty disks, a list or "64,64"; their order is that of the logical unit numbers',
        "in place; a disk only grows",
    ),
    "diskControllerType": Described(
        "SCSI or NVMe",
        "what the disks are attached by; without it the first that the size has. Sizes of version 6 and later "
        "have NVMe alone",
        "refused",
    ),
    "ephemeralOsDisk": Described(
        "cache, resource or nvme",
        "the system disk lies on the host (in its cache, on its temporary disk or on its NVMe disk): faster, and "
        "lost with it. Such a VM has no system disk of its own to pay for, is never deallocated, so no disk of it "
        "grows, and Azure refuses to stop it with `stopMode` deallocate",
        "refused",
    ),
    "osDiskCaching": Described(
        "None, ReadOnly or ReadWrite",
        "how the host caches the system disk; without it Azure decides",
        "in place",
    ),
    "dataDiskType": Described(
        "Premium_LRS, StandardSSD_LRS or Standard_LRS",
        "of the data disks; without it `osDiskType`. Disks that are attached again keep theirs",
        "refused",
    ),
    "dataDiskCaching": Described(
        "None, ReadOnly or ReadWrite",
        "how the host caches the data disks",
        "in place",
    ),
    "ttl": Described(
        "duration",
        "how long the VM may live, from the provision on that was accepted last; the instant is on the VM, in the "
        "tag `vmops-expires`",
        "no deployment",
    ),
    "stopMode": Described(
        "powerOff or deallocate",
        "what stop does: a VM that is powered off is still paid for, one that is deallocated is not",
        "no deployment",
    ),
    "keepGroup": Described(
        "boolean",
        "a deprovision leaves the resource group, though it is ours and empty",
        "no deployment",
    ),
    "waitFor": Described(
        "running or ssh",
        "what makes a provision a success: Azure says that the VM runs, or its SSH port answers too",
        "no deployment",
    ),
    "deployTimeout": Described(
        "duration",
        "after which a deployment is ended, FAILED",
        "no deployment",
    ),
    "pollTimeout": Described(
        "duration",
        "how long a wait waits, at most; then it is TIMED_OUT and the work goes on. 0 is one look",
        "no deployment",
    ),
    "pollInterval": Described(
        "duration",
        "between two looks at Azure, at least; longer where Azure asks for it",
        "no deployment",
    ),
    "requestTimeout": Described(
        "duration",
        "of one request to Azure",
        "no deployment",
    ),
    "asyncResultsUrl": Described(
        "text",
        "the handle of what a verb has begun: set by the verb, read by the waits",
        "no deployment",
    ),
}

NAMES = tuple(DESCRIBED)
"""All parameters, in the order in which they are described."""

SECRETS = frozenset({"adminPasswordOrKey", "customData"})
"""Those whose values are never shown."""
