"""The verbs: the seven methods of the contract, and those beside them."""
