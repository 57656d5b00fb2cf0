"""What a parameter may be: how tunables write a value, and Azure's own rules, each with its source.

A rule takes any value and returns it in Azure's form, or raises ValueError with the value and the rule in one clause.
The caller, who knows the parameter's name, puts it in front. A rule for a secret never shows the secret.
"""
