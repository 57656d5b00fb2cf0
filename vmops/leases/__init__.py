"""VMs that a program holds for a while: made at the start of a block, removed at its end, swept if it died."""
