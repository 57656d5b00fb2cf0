"""The rules of Microsoft.Compute: machines and disks."""
