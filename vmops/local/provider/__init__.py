"""A stand-in for the azure-native provider: the engine's protocol on one side, Azure Resource Manager's on the other.

It holds no resources: its answers are ARM's. It behaves as azure-native 3.29 does for the seven resource types that
vmops declares, and refuses every other one.

server          the gRPC server: each call goes to its method, each refusal back as the engine expects it
configuration   the calls about the provider itself; sessions: which engine configured what
resources       the calls about resources; messages: the engine's values and errors
checks          what Check fills in and refuses; naming: names that a program left out
diffs           what changed, and what that replaces
crud            create, read, update, delete; arm: requests, retries, operations, deadlines
translate       properties to bodies and back; schema, resource_types: what it knows of the eight types
"""
