"""What a parameter may be: how tunables write a value, and Azure's own rules, each with its source.

A rule takes any value and returns it as Azure has it, or raises ValueError with the value and the rule in one clause;
whoever knows the parameter's name puts it in front. A rule for a secret never says the secret.
"""
