"""Where the engine keeps its state: stacks, files, and who holds a stack's lock."""
