"""A simulated Azure Resource Manager: the wire protocol of the real one, over a model with its rules.

app        the application: authentication, the journal, the front door, and a few calls of our own under /_local
routes     the table of routes: method and path template → handler
handlers   the handlers, which call the rules and answer in ARM's form
models     the rules of each resource type, independent of HTTP
state      the cloud (store, clock, pace), its long-running operations, and SQLite
refusals   the texts of refusals, as tables; data: sizes, images and locations
"""
