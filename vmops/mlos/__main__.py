"""``python -m vmops.mlos``: mlos_bench's own program, with our service admitted."""

from vmops.mlos import main

main()
