"""What the front door does for each route: call a rule, and put its outcome into ARM's form."""
