"""VMs that a program holds for a while: made when a block starts, removed when it ends, swept if the program died."""
