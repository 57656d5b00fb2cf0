"""The tables of the records, as steps from each version to the next.

Code of an earlier version works on the same records while its fork server lives. So a step only adds: a table, an
index, or a column whose default means "unknown", as that of its field of `Operation` does. What exists keeps its name,
its meaning and its words. The first code writes ``failures`` by position: no column is added to it.

A step that must do otherwise has the next multiple of `database.AGE` as its number; from there on, earlier code refuses
the records.
"""

from collections.abc import Mapping

STEPS: Mapping[int, tuple[str, ...]] = {
    # What records had before they had versions; it may be there already.
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
    # What was ever made, by its ARM id, whose case does not matter. ``identity`` is what Azure tells it by from another
    # of the same id (vmId, resourceGuid, uniqueId), '' where nobody knows; times are seconds since the epoch, 0 where
    # nobody knows, or it was not seen gone.
    2: (
        """CREATE TABLE made (
          stack TEXT NOT NULL, arm_id TEXT NOT NULL COLLATE NOCASE, identity TEXT NOT NULL DEFAULT '',
          last_write REAL NOT NULL DEFAULT 0, seen_gone REAL NOT NULL DEFAULT 0, PRIMARY KEY (stack, arm_id))""",
    ),
    # On which host the worker runs (`vmops.core.host.identity`), and when it started, in clock ticks since the boot of
    # that; '' and 0 where nobody knows.
    3: (
        "ALTER TABLE operations ADD COLUMN host_id DEFAULT ''",
        "ALTER TABLE operations ADD COLUMN start_ticks DEFAULT 0",
    ),
    # Who is to hold the VM, or removes it as its holder, as its mark (`vmops.core.holder`); '' where nobody knows.
    4: ("ALTER TABLE operations ADD COLUMN hold DEFAULT ''",),
    # In whose name it was made.
    5: ("ALTER TABLE made ADD COLUMN owner TEXT NOT NULL DEFAULT ''",),
    # What was given for it, as JSON, without secrets; of those an HMAC each. '{}' where nobody knows.
    6: (
        "ALTER TABLE operations ADD COLUMN given DEFAULT '{}'",
        "ALTER TABLE operations ADD COLUMN secrets DEFAULT '{}'",
    ),
    # Whether it has ever run (`vmops.deploy.first_run`); '' where nobody knows.
    7: ("ALTER TABLE made ADD COLUMN ran TEXT NOT NULL DEFAULT ''",),
    # In which place each VM of an operation is tried, by its name, as JSON; '{}' where there was nothing to choose, or
    # nobody knows. And the places that Azure has refused, as `vmops.placement.block` describes them, each until then.
    8: (
        "ALTER TABLE operations ADD COLUMN places DEFAULT '{}'",
        """CREATE TABLE refused (
          cloud TEXT NOT NULL, subscription TEXT NOT NULL, location TEXT NOT NULL, size TEXT NOT NULL,
          family TEXT NOT NULL, cores INTEGER NOT NULL, zone TEXT NOT NULL, priority TEXT NOT NULL,
          addressed INTEGER NOT NULL, hard INTEGER NOT NULL, code TEXT NOT NULL, reason TEXT NOT NULL,
          until REAL NOT NULL,
          PRIMARY KEY (cloud, subscription, location, size, family, cores, zone, priority, addressed, hard))""",
    ),
    # What switches the VMs of a fleet, in a table of its own, which earlier code does not read: its columns are those
    # of ``operations``, and one that is added there is added here.
    9: (
        """CREATE TABLE switches (
          number INTEGER PRIMARY KEY AUTOINCREMENT,
          id UNIQUE NOT NULL, verb, stack, cloud, subscription, resource_group, vm_name, owner, digest, expires, state,
          host, pid, created, started, ended, outputs, failure, host_id DEFAULT '', start_ticks DEFAULT 0,
          hold DEFAULT '', given DEFAULT '{}', secrets DEFAULT '{}', places DEFAULT '{}')""",
        "CREATE UNIQUE INDEX one_switch_in_flight ON switches (stack) WHERE state IN ('pending', 'running')",
    ),
    # Where hosts share records: for the how manieth time it is worked on, in which epoch of the VM's claim (0 where
    # nobody does), and by whose workers.
    10: (
        "ALTER TABLE operations ADD COLUMN attempt DEFAULT 1",
        "ALTER TABLE operations ADD COLUMN epoch DEFAULT 0",
        "ALTER TABLE operations ADD COLUMN queue DEFAULT ''",
        "ALTER TABLE switches ADD COLUMN attempt DEFAULT 1",
        "ALTER TABLE switches ADD COLUMN epoch DEFAULT 0",
        "ALTER TABLE switches ADD COLUMN queue DEFAULT ''",
    ),
}
"""Statements by the version that they lead to; the next addition has the next number."""
