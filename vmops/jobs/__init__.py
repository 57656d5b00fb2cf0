"""Who works: the record of each operation, who may begin, where its worker runs, and how it is ended."""
