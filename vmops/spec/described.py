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
    "location": Described(
        "region",
        'where everything is made; "West US 2" is `westus2`. On a real cloud the default is `VMOPS_LOCATION`, else '
        "the location of the resource group",
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
    "ubuntuOSVersion": Described(
        "release",
        "a shorter word for `image`, which it excludes: 18.04-LTS, 20.04-LTS, 22.04-LTS or 24.04-LTS",
        "replaces",
    ),
    "customData": Described(
        "secret text",
        "what cloud-init reads at the first start, at most 65535 bytes, and no script with the line ends of Windows; "
        "left out, it stays as it is where the VM is",
        "replaces",
    ),
    "lockFile": Described(
        "path",
        "a lock file that `vmops lock` has written: all that it pins; nothing that is given may contradict it",
        "as what it pins",
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
        "the password, or a public key (ED25519, or RSA of 2048 bits or more); without a key vmops makes a pair for "
        "this VM and uses it again; a VM that has another key or password is not made anew for that, but refused",
        "replaces",
    ),
    "virtualNetworkName": Described(
        "text",
        "one that exists in the group is used and left as it is; several VMs may name the same one, and then the same"
        " `subnetName`; provisioned at once, one of them makes it",
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
    "vmPorts": Described(
        "ports",
        'the TCP ports that are open, a list or "22,80"; none for an empty list',
        "in place",
    ),
    "sourceAddressPrefixes": Described(
        "CIDRs",
        "who may reach the open ports: addresses and CIDRs, or alone `*` or a service tag. On a real cloud it must be"
        " given where a port is open",
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
        "of every disk of the VM",
        "refused",
    ),
    "dataDisks": Described(
        "sizes in GiB",
        'empty disks, a list or "64,64"; their order is that of the logical unit numbers',
        "in place; a disk only grows",
    ),
    "ttl": Described(
        "duration",
        "how long the VM may live, from the provision on that was accepted last; the instant is on the VM, in the tag"
        " `vmops-expires`",
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
        "what makes a provision a success: Azure says that the VM runs, or its SSH answers too; refused where nothing "
        "can answer",
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
