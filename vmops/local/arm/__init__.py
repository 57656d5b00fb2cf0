"""A simulated Azure Resource Manager: the wire protocol of the real one over a model that keeps its rules.

app        what is served: authentication, the journal, the front door, and a few calls of our own under /_local
routes     method and path template → what to do, as a table
models     the rules of each resource type; nothing here knows of HTTP
lro        operations that take time, and what a client is told about them
cloud      what a rule may touch: the store, the clock, the pace
store      SQLite; errors, sizes, images, locations: tables
"""
