"""The tables of the records, as steps from each version to the next.

While a fork server of an earlier version lives, its code uses the same records. So a step only adds: a table, an index,
or a column whose default means "unknown" and equals the default of its field of `Operation`. Existing columns keep
their names, meanings and values. No column is added to ``failures``: the first version writes it by position.

A step that must do more gets the next multiple of `vmops.jobs.sqlite.AGE` as its number. Earlier code refuses such
records.
"""

from collections.abc import Mapping

STEPS: Mapping[int, tuple[str, ...]] = {
    # The tables of before there were versions; they may exist already.
    1: (
        """CREATE TABLE IF NOT EXISTS operations (
          number INTEGER PRIMARY KEY AUTOINCREMENT,
          id UNIQUE NOT NULL, verb, stack, cloud, subscription, resource_group, vm_name, owner, digest, expires, state,
          host, pid, created, started, ended, outputs, failure)""",
        "CREATE UNIQUE INDEX IF NOT EXISTS one_in_flight ON operations (stack, verb) "
        "WHERE state IN ('pending', 'running')",
        "CREATE INDEX IF NOT EXISTS by_stack ON operations (stack, number)",
        "CREATE TABLE IF NOT EXISTS failures (stack TEXT PRIMARY KEY, failure TEXT NOT NULL)",
    ),
    # The resources that were made, by ARM id in any case. ``identity`` is Azure's own id of the resource (vmId,
    # resourceGuid, uniqueId), which a new resource with the same ARM id does not share; '' if unknown. Times are
    # seconds since the epoch; 0 if unknown, or if it was not seen gone.
    2: (
        """CREATE TABLE made (
          stack TEXT NOT NULL, arm_id TEXT NOT NULL COLLATE NOCASE, identity TEXT NOT NULL DEFAULT '',
          last_write REAL NOT NULL DEFAULT 0, seen_gone REAL NOT NULL DEFAULT 0, PRIMARY KEY (stack, arm_id))""",
    ),
    # The host of the worker (`vmops.core.host.identity`), and the start of its process in clock ticks since boot; ''
    # and 0 if unknown.
    3: (
        "ALTER TABLE operations ADD COLUMN host_id DEFAULT ''",
        "ALTER TABLE operations ADD COLUMN start_ticks DEFAULT 0",
    ),
    # The mark of the program that holds the VM, or removes it as its holder (`vmops.core.holder`); '' if unknown.
    4: ("ALTER TABLE operations ADD COLUMN hold DEFAULT ''",),
    # The owner for whom it was made.
    5: ("ALTER TABLE made ADD COLUMN owner TEXT NOT NULL DEFAULT ''",),
    # The given parameters as JSON, without secrets; and an HMAC of each secret. '{}' if unknown.
    6: (
        "ALTER TABLE operations ADD COLUMN given DEFAULT '{}'",
        "ALTER TABLE operations ADD COLUMN secrets DEFAULT '{}'",
    ),
    # Whether the VM has ever run (`vmops.deploy.first_run`); '' if unknown.
    7: ("ALTER TABLE made ADD COLUMN ran TEXT NOT NULL DEFAULT ''",),
    # The place where each VM of an operation is tried, by VM name, as JSON; '{}' if there was no choice, or if unknown.
    # And the places that Azure has refused, as `vmops.placement.block` describes them, each until a time.
    8: (
        "ALTER TABLE operations ADD COLUMN places DEFAULT '{}'",
        """CREATE TABLE refused (
          cloud TEXT NOT NULL, subscription TEXT NOT NULL, location TEXT NOT NULL, size TEXT NOT NULL,
          family TEXT NOT NULL, cores INTEGER NOT NULL, zone TEXT NOT NULL, priority TEXT NOT NULL,
          addressed INTEGER NOT NULL, hard INTEGER NOT NULL, code TEXT NOT NULL, reason TEXT NOT NULL,
          until REAL NOT NULL,
          PRIMARY KEY (cloud, subscription, location, size, family, cores, zone, priority, addressed, hard))""",
    ),
    # The power operations of fleets, in a separate table, which earlier code does not read. It has the columns of
    # ``operations``: a column that is added there is added here.
    9: (
        """CREATE TABLE switches (
          number INTEGER PRIMARY KEY AUTOINCREMENT,
          id UNIQUE NOT NULL, verb, stack, cloud, subscription, resource_group, vm_name, owner, digest, expires, state,
          host, pid, created, started, ended, outputs, failure, host_id DEFAULT '', start_ticks DEFAULT 0,
          hold DEFAULT '', given DEFAULT '{}', secrets DEFAULT '{}', places DEFAULT '{}')""",
        "CREATE UNIQUE INDEX one_switch_in_flight ON switches (stack) WHERE state IN ('pending', 'running')",
    ),
    # For hosts that share their records: how often a worker has started it, the epoch of the VM's claim (0 if it has
    # none), and the queue whose workers run it.
    10: (
        "ALTER TABLE operations ADD COLUMN attempt DEFAULT 1",
        "ALTER TABLE operations ADD COLUMN epoch DEFAULT 0",
        "ALTER TABLE operations ADD COLUMN queue DEFAULT ''",
        "ALTER TABLE switches ADD COLUMN attempt DEFAULT 1",
        "ALTER TABLE switches ADD COLUMN epoch DEFAULT 0",
        "ALTER TABLE switches ADD COLUMN queue DEFAULT ''",
    ),
}
"""SQL statements by the version to which they lead; the next addition gets the next number."""
