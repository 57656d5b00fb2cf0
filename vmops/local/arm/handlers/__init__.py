"""The handlers of the routes: each calls a rule, and puts the result into ARM's form."""
