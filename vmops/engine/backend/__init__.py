"""The backend in which the engine keeps its state: stacks, files, and locks."""
