-- The few streams that an erasure has still to empty: readers ask whether there are any before they look at a single event.
-- By a column that no other index is ordered by, so that the planner has no other way to the first one.
CREATE INDEX streams_pending_erasure ON :schema.streams (erase_before) WHERE erase_from < erase_before;

-- The rule that an event changes only into its shell, now without a call of a function for each row that keeps to it, which
-- took a third of the time of an emptying. And one exception: the store's own events, among them the records of erasures,
-- are never emptied.
CREATE OR REPLACE FUNCTION :schema.refuse_change() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog AS
$$
BEGIN
  RAISE EXCEPTION 'Events are append-only: % on % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = '55000';
END
$$;
DROP TRIGGER events_append_only ON :schema.events;
CREATE TRIGGER events_append_only BEFORE UPDATE ON :schema.events
  FOR EACH ROW WHEN ((
    current_setting('headwater.emptying', true) = 'on'
    AND OLD.removed IS NULL AND NEW.removed IS NOT NULL AND left(OLD.event_type, 1) <> '$'
    AND NEW.data = '' AND NEW.content_type = '' AND NEW.metadata = '{}' AND NEW.tags = '{}'
    AND (NEW.position, NEW.aggregate_type, NEW.aggregate_id, NEW.version, NEW.event_id, NEW.event_type,
         NEW.schema_version, NEW.recorded_at, NEW.hash, NEW.ends_append)
      = (OLD.position, OLD.aggregate_type, OLD.aggregate_id, OLD.version, OLD.event_id, OLD.event_type,
         OLD.schema_version, OLD.recorded_at, OLD.hash, OLD.ends_append)
  ) IS NOT TRUE)
  EXECUTE FUNCTION :schema.refuse_change();
CREATE TRIGGER events_no_delete BEFORE DELETE ON :schema.events
  FOR EACH ROW EXECUTE FUNCTION :schema.refuse_change();

-- Tags go only with what is in their event, looked at once a statement.
CREATE FUNCTION :schema.refuse_lost_tags() RETURNS trigger
  LANGUAGE plpgsql SET search_path = :schema, pg_catalog, pg_temp SET enable_seqscan = off AS
$$
BEGIN
  -- As a value, not as a join: believing that nothing is removed, the planner walked the whole log for each.
  IF EXISTS (SELECT FROM gone g WHERE (SELECT e.removed FROM events e WHERE e.position = g.position) IS NULL) THEN
    RAISE EXCEPTION 'Events are append-only: % on % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = '55000';
  END IF;
  RETURN NULL;
END
$$;
DROP TRIGGER event_tags_append_only ON :schema.event_tags;
CREATE TRIGGER event_tags_append_only BEFORE UPDATE ON :schema.event_tags
  FOR EACH ROW EXECUTE FUNCTION :schema.refuse_change();
CREATE TRIGGER event_tags_no_delete BEFORE DELETE ON :schema.event_tags
  FOR EACH ROW WHEN (current_setting('headwater.emptying', true) IS DISTINCT FROM 'on')
  EXECUTE FUNCTION :schema.refuse_change();
CREATE TRIGGER event_tags_only_of_shells AFTER DELETE ON :schema.event_tags
  REFERENCING OLD TABLE AS gone
  FOR EACH STATEMENT EXECUTE FUNCTION :schema.refuse_lost_tags();
