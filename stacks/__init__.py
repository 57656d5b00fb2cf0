"""What is declared: the Pulumi programs of vmops."""
