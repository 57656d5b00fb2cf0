"""Where the Pulumi engine comes from: found, downloaded by its installer, or built from its Go modules."""
