"""The rules of Microsoft.Network: networks, interfaces, addresses, security groups."""
