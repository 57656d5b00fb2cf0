"""The parameters, typed and validated, and the resource names that are derived from them."""
