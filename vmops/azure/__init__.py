"""Azure Resource Manager as vmops uses it: clouds, connection, ownership by tag, a VM's state, power, cleanup."""
