"""Where the engine keeps its state: stacks, files, and the holder of a stack's lock."""
