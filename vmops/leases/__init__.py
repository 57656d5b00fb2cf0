"""VMs that a program holds: made when a block starts, removed when it ends, and swept if the program died."""
