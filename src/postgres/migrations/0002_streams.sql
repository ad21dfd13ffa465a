-- Deletion, truncation, retention and erasure: what a stream shows, and events of which only the shell is left.

ALTER TABLE :schema.streams
  ADD COLUMN deleted_at       timestamptz,
  ADD COLUMN hidden_before    bigint   NOT NULL DEFAULT 1,
  ADD COLUMN truncated_before bigint   NOT NULL DEFAULT 1,
  ADD COLUMN swept_before     bigint   NOT NULL DEFAULT 1,
  ADD COLUMN erase_from       bigint   NOT NULL DEFAULT 1,
  ADD COLUMN erase_before     bigint   NOT NULL DEFAULT 1,
  ADD COLUMN max_age          bigint,
  ADD COLUMN max_count        bigint,
  ADD COLUMN system_versions  bigint[] NOT NULL DEFAULT '{}';
COMMENT ON TABLE :schema.streams IS 'A stream a row: the version of its last event, and what of it is shown';
COMMENT ON COLUMN :schema.streams.created_at IS 'When it was created, or created anew';
COMMENT ON COLUMN :schema.streams.deleted_at IS 'When it was deleted; null if it is not deleted';
COMMENT ON COLUMN :schema.streams.hidden_before IS 'Versions below were there before the stream was created anew';
COMMENT ON COLUMN :schema.streams.truncated_before IS 'Versions below are hidden for good';
COMMENT ON COLUMN :schema.streams.swept_before IS 'Versions below are emptied, where they were truncated or have expired';
COMMENT ON COLUMN :schema.streams.erase_from IS 'The lowest version that an erasure of the stream has still to empty';
COMMENT ON COLUMN :schema.streams.erase_before IS 'Versions below are to be erased';
COMMENT ON COLUMN :schema.streams.max_age IS 'Microseconds for which events are kept; null: for ever';
COMMENT ON COLUMN :schema.streams.max_count IS 'How many of the newest events are kept, the store''s own not counted; null: all';
COMMENT ON COLUMN :schema.streams.system_versions IS 'The versions of the store''s own events, ascending; the newest thousand';

-- What the sweep has to look at: few streams of many.
CREATE INDEX streams_to_sweep ON :schema.streams (aggregate_type, aggregate_id)
  WHERE max_age IS NOT NULL OR max_count IS NOT NULL OR swept_before < truncated_before OR erase_from < erase_before;

ALTER TABLE :schema.events
  ADD COLUMN removed text COLLATE "C" CHECK (removed IN ('TRUNCATED', 'EXPIRED', 'ERASED'));
COMMENT ON TABLE :schema.events IS
  'The log: an event a row, in commit order; nothing is deleted, and nothing updated but to empty an event';
COMMENT ON COLUMN :schema.events.removed IS
  'Why only the shell is left: data, content type, metadata and tags are empty; null: the event is whole';

-- Append-only, but for emptying: the functions that may do that turn the setting on, and even they can change nothing but
-- a whole event into its shell.
CREATE OR REPLACE FUNCTION :schema.refuse_change() RETURNS trigger
  LANGUAGE plpgsql SET search_path = :schema, pg_catalog, pg_temp AS
$$
BEGIN
  IF current_setting('headwater.emptying', true) = 'on' THEN
    IF TG_OP = 'UPDATE' AND TG_TABLE_NAME = 'events' THEN
      IF OLD.removed IS NULL AND NEW.removed IS NOT NULL
        AND NEW.data = '' AND NEW.content_type = '' AND NEW.metadata = '{}' AND NEW.tags = '{}'
        AND (NEW.position, NEW.aggregate_type, NEW.aggregate_id, NEW.version, NEW.event_id, NEW.event_type,
             NEW.schema_version, NEW.recorded_at, NEW.hash, NEW.ends_append)
          = (OLD.position, OLD.aggregate_type, OLD.aggregate_id, OLD.version, OLD.event_id, OLD.event_type,
             OLD.schema_version, OLD.recorded_at, OLD.hash, OLD.ends_append) THEN
        RETURN NEW;
      END IF;
    ELSIF TG_OP = 'DELETE' AND TG_TABLE_NAME = 'event_tags' THEN
      IF EXISTS (SELECT FROM events e WHERE e.position = OLD.position AND e.removed IS NOT NULL) THEN
        RETURN OLD;
      END IF;
    END IF;
  END IF;
  RAISE EXCEPTION 'Events are append-only: % on % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = '55000';
END
$$;

-- Its parameters change, and the former one knew nothing of deleted streams.
DROP FUNCTION IF EXISTS :schema.append(
  text[], text[], integer[], integer[], bigint[], integer[], integer[], uuid[], text[], bytea[], bytea[], text[], jsonb[],
  text[], integer[]);
DROP VIEW :schema.events_json;
CREATE VIEW :schema.events_json WITH (security_invoker = true) AS
  SELECT position, aggregate_type, aggregate_id, version, event_id, event_type,
         :schema.json_or_null(data, content_type) AS data, content_type, metadata, tags, schema_version, recorded_at, removed
    FROM :schema.events;
COMMENT ON VIEW :schema.events_json IS 'The log with JSON payloads readable';
