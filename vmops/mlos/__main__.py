"""``python -m vmops.mlos``: mlos_bench's program with our services registered."""

from vmops.mlos import main

main()
