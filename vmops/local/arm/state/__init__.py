"""What the local Azure remembers: resources, operations that take time, and its clock."""
