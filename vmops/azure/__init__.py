"""Azure Resource Manager as vmops speaks to it: clouds, connection, ownership by tag, a VM's state, power, cleanup."""
