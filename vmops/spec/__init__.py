"""The parameters, typed and checked, and the resource names that follow from them."""
