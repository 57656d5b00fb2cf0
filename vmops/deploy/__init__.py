"""One deployment, step by step: what is there, what the engine makes of it, and whether the VM is ready."""
