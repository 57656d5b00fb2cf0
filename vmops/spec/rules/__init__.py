"""Validation rules for parameters: the ways in which a value may be written, and Azure's rules, each with its source.

A rule takes any value and returns it in Azure's form, or raises ValueError with the value and the rule in one clause.
The caller puts the parameter's name in front. A rule for a secret never shows the secret.
"""
