"""The tables that only hosts with shared records need, as steps, like those of `vmops.jobs.schema`."""

from collections.abc import Mapping

_FENCE = r"""CREATE OR REPLACE FUNCTION vmops_fence() RETURNS trigger LANGUAGE plpgsql SET search_path = vmops AS $$
DECLARE
  changed text := CASE WHEN TG_OP = 'DELETE' THEN OLD.key ELSE NEW.key END;
  of_stack text := substring(changed from '/\.pulumi/(?:stacks|locks/organization|history|backups)/vmops/([^/]+-[0-9a-f]{8})(?=[./]|$)');
  mine bigint := nullif(current_setting('vmops.epoch', true), '')::bigint;
  now_it_is bigint;
BEGIN
  IF of_stack IS NOT NULL THEN
    IF mine IS NULL THEN
      RAISE EXCEPTION 'vmops: stack % is changed by vmops alone, which claims it first: use vmops, or export the VM', of_stack;
    END IF;
    SELECT epoch INTO now_it_is FROM claims WHERE name = of_stack FOR SHARE;
    IF now_it_is IS DISTINCT FROM mine THEN
      RAISE EXCEPTION 'vmops: fenced: epoch % of stack % is over, % has it', mine, of_stack, now_it_is;
    END IF;
    IF TG_OP = 'INSERT' AND changed LIKE '%/.pulumi/locks/%' THEN
      INSERT INTO engine_locks (key, stack, epoch) VALUES (changed, of_stack, mine)
        ON CONFLICT (key) DO UPDATE SET epoch = excluded.epoch;
    ELSIF TG_OP = 'DELETE' AND changed LIKE '%/.pulumi/locks/%' THEN
      DELETE FROM engine_locks WHERE key = changed;
    END IF;
  END IF;
  RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$"""  # noqa: E501
"""Lets only the last claimant of a stack write its state. The engine writes it before each step, so that an engine
whose claim is over begins no further one. Source: engine 3.274, pkg/backend/snapshot.go, doCreate; keys as seen
there.
"""

STEPS: Mapping[int, tuple[str, ...]] = {
    1: (
        # Who works on a VM, or removes it. A row stays for ever, so that its epoch only grows. ``operation`` is ''
        # where nobody does; ``cancel`` asks whoever does to end.
        """CREATE TABLE claims (
          name text PRIMARY KEY, epoch bigint NOT NULL, operation text NOT NULL, host text NOT NULL,
          expires timestamptz NOT NULL, cancel boolean NOT NULL DEFAULT false)""",
        "CREATE INDEX claims_by_operation ON claims (operation)",
        # In which epoch each of the engine's locks was taken.
        "CREATE TABLE engine_locks (key text PRIMARY KEY, stack text NOT NULL, epoch bigint NOT NULL)",
        # What a worker is told, sealed; ``job`` is the queue's number of the work.
        """CREATE TABLE orders (
          operation text PRIMARY KEY, queue text NOT NULL, sealed bytea NOT NULL, job bigint NOT NULL)""",
        # What hosts must have in common and nobody else may know, sealed.
        "CREATE TABLE secrets (name text PRIMARY KEY, sealed bytea NOT NULL)",
        # The hosts that work.
        """CREATE TABLE hosts (
          id text PRIMARY KEY, host text NOT NULL, version text NOT NULL, slots int NOT NULL, removals int NOT NULL,
          queue text NOT NULL, principal text NOT NULL, draining boolean NOT NULL DEFAULT false,
          seen timestamptz NOT NULL)""",
        # The engine's own table, as it makes it itself: made here, so that no two engines race to make it, and so that
        # the fence stands before anything is in it. Source: engine 3.274, pkg/backend/diy/postgres.
        """CREATE TABLE IF NOT EXISTS pulumi_state (
          key text PRIMARY KEY, data json NOT NULL, updated_at timestamptz NOT NULL DEFAULT now())""",
        "CREATE INDEX IF NOT EXISTS pulumi_state_key_prefix_idx ON pulumi_state (key text_pattern_ops)",
        _FENCE,
        """CREATE TRIGGER vmops_fence BEFORE INSERT OR UPDATE OR DELETE ON pulumi_state
          FOR EACH ROW EXECUTE FUNCTION vmops_fence()""",
        # Whoever waits for the end of an operation hears of it at once.
        """CREATE FUNCTION vmops_tell() RETURNS trigger LANGUAGE plpgsql AS $$
          BEGIN PERFORM pg_notify('vmops_changed', NEW.id); RETURN NULL; END $$""",
        """CREATE TRIGGER vmops_tell AFTER UPDATE OF state ON operations FOR EACH ROW
          WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION vmops_tell()""",
        # What is over needs no order and no claim any more, in the same moment and for everybody; nor does a VM that
        # was removed need what the engine keeps of it for ever: its last state, copies and history.
        """CREATE FUNCTION vmops_over() RETURNS trigger LANGUAGE plpgsql AS $$
          BEGIN
            IF NEW.verb = 'deprovision' AND NEW.state = 'succeeded' THEN
              PERFORM set_config('vmops.epoch', (SELECT epoch::text FROM claims WHERE name = NEW.stack), true);
              DELETE FROM pulumi_state
                WHERE strpos(key, '/vmops/' || NEW.stack || '.') > 0 OR strpos(key, '/vmops/' || NEW.stack || '/') > 0;
            END IF;
            DELETE FROM orders WHERE operation = NEW.id;
            UPDATE claims SET operation = '', expires = clock_timestamp() WHERE operation = NEW.id;
            RETURN NULL;
          END $$""",
        """CREATE TRIGGER vmops_over AFTER UPDATE OF state ON operations FOR EACH ROW
          WHEN (NEW.state IN ('succeeded', 'failed')) EXECUTE FUNCTION vmops_over()""",
    ),
    # The same of what switches the VMs of a fleet.
    2: (
        """CREATE TRIGGER vmops_tell AFTER UPDATE OF state ON switches FOR EACH ROW
          WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION vmops_tell()""",
        """CREATE TRIGGER vmops_over AFTER UPDATE OF state ON switches FOR EACH ROW
          WHEN (NEW.state IN ('succeeded', 'failed')) EXECUTE FUNCTION vmops_over()""",
    ),
    # The logs of workers, several lines of JSON a row; and the keys with which a host reads secrets, '' where nobody
    # knows.
    3: (
        """CREATE TABLE events (
          number bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, operation text NOT NULL, lines text NOT NULL,
          written timestamptz NOT NULL DEFAULT clock_timestamp())""",
        "CREATE INDEX events_by_operation ON events (operation, number)",
        "ALTER TABLE hosts ADD COLUMN keys text NOT NULL DEFAULT ''",
    ),
}
"""Statements by the version that they lead to; the next addition has the next number."""
