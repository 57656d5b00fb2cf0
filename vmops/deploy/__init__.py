"""One deployment, step by step: what exists, what the engine does, and whether the VM is ready."""
