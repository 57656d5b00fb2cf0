"""The descriptions of the network parameters."""

from collections.abc import Mapping

from vmops.spec.described.entry import Described

NETWORK: Mapping[str, Described] = {
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
}
