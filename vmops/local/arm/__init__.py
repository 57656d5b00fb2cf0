"""A simulated Azure Resource Manager: the wire protocol of the real one over a model that keeps its rules.

app        the application: authentication, the journal, the front door, and a few calls of our own under /_local
routes     method and path template → handler, as a table
models     the rules of each resource type; nothing here knows of HTTP
lro        operations that take time, and the answers about them
cloud      what rules may use: the store, the clock, the pace
store      SQLite; errors, sizes, images, locations: tables
"""
