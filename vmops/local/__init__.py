"""The local Azure: a simulated Azure Resource Manager and a stand-in for the azure-native provider."""
