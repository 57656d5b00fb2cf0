"""The descriptions of the network parameters."""

from collections.abc import Mapping

from vmops.spec.described.entry import Described

NETWORK: Mapping[str, Described] = {
    "subnetId": Described(
        "id",
        "id of an external subnet, in any group of the subscription: used, and never changed. The VM is in the "
        "location of its network. Excludes `virtualNetworkName`, `subnetName` and both prefixes",
        "refused",
    ),
    "virtualNetworkName": Described(
        "text",
        "an existing network in the group is used and not changed. Several VMs may name the same network, with the "
        "same `subnetName`; if they are provisioned at once, one of them makes it",
        "refused",
    ),
    "subnetName": Described(
        "text",
        "likewise, in that network; a subnet that is made in somebody else's network is removed with its VM, unless "
        "another VM is in it",
        "refused",
    ),
    "networkSecurityGroupName": Described(
        "text",
        "likewise, a security group; it is attached to the network interface",
        "in place",
    ),
    "addressPrefix": Described(
        "CIDR",
        "address range of a new network, /2 to /29; it can grow",
        "in place",
    ),
    "subnetPrefix": Described(
        "CIDR",
        "address range of a new subnet; the default is the network's first /24",
        "refused",
    ),
    "networkSecurityGroupOn": Described(
        "nic, subnet or both",
        "where the security group is attached; without it, to the network interface. An external subnet is never "
        "changed",
        "in place",
    ),
    "acceleratedNetworking": Described(
        "true, false or auto",
        "accelerated networking of the interface, which changes what benchmarks measure; auto uses it if the size "
        "supports it, decided once, when the interface is made. Without it Azure decides",
        "refused",
    ),
    "privateIpAddress": Described(
        "address",
        "the VM's address in its subnet; without it the first free one, which it keeps",
        "in place",
    ),
    "vmPorts": Described(
        "ports",
        'the open TCP ports, a list or "22,80"; an empty list opens none',
        "in place",
    ),
    "sourceAddressPrefixes": Described(
        "CIDRs",
        "sources that may reach the open ports: addresses and CIDRs, or only `*` or one service tag. On a real cloud "
        "it must be given if a port is open",
        "in place",
    ),
    "publicIp": Described(
        "truth",
        "whether the VM has a static public address",
        "in place",
    ),
    "dnsLabelPrefix": Described(
        "label",
        "the first part of the public address's DNS name",
        "in place",
    ),
}
