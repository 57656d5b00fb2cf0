"""What is asked for: the flat parameters, typed and checked, and the names of all that follows from them."""
