"""The jobs: the record of each operation, admission, where its worker runs, and how it is ended."""
