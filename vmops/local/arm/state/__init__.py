"""The state of the local Azure: resources, operations that take time, and its clock."""
