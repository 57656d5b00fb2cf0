"""The texts of refusals, as tables: one for ARM's front door and one for each provider.

Source: recorded traffic, Microsoft's pages on deployment and virtual machine errors, and the texts that users of
azurerm, azure-cli, karpenter and bosh report. Where only the code could be found, the words are ours.
"""
