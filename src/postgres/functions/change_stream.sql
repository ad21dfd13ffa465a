-- Changes a stream other than by appending to it, under the log's lock, and records that as an event of the store's own.
--
-- Checks run in this order: repeat (D; X: the id is used for something else), never existed (N), deleted (G) or, for a
-- restoration, not deleted (L), expected version (R), bounds beyond the stream (B). Else it is changed (A). `version` is
-- that of the event or, if refused, of the stream.
CREATE OR REPLACE FUNCTION :schema.change_stream(
  kind text, of_type text, of_id text, expected bigint, id uuid, type text, data bytea, hash bytea, metadata jsonb,
  new_before bigint, new_max_age bigint, new_max_count bigint, first_versions bigint[], last_versions bigint[],
  OUT verdict text, OUT version bigint, OUT at_position bigint, OUT recorded_at timestamptz, OUT epoch bigint, OUT detail jsonb
)
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER
  SET search_path = :schema, pg_catalog, pg_temp
  SET enable_seqscan = off
  SET lock_timeout = '10s'
  AS
$$
#variable_conflict use_column
DECLARE
  head bigint;
  stream streams%ROWTYPE;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'Changes need the isolation level read committed, this transaction has %',
      current_setting('transaction_isolation') USING ERRCODE = '25001';
  END IF;
  SELECT head_position, greatest(head_recorded_at, clock_timestamp()), head_epoch
    INTO head, recorded_at, epoch FROM lock_head();

  IF EXISTS (SELECT FROM events e WHERE e.event_id = id) THEN
    detail := find_repeat(ARRAY[id], ARRAY[of_type], ARRAY[of_id], ARRAY[type], ARRAY[hash]);
    verdict := CASE WHEN detail ? 'reused' THEN 'X' ELSE 'D' END;
    SELECT e.version, e.position, e.recorded_at INTO version, at_position, recorded_at FROM events e WHERE e.event_id = id;
    -- So that this commit, too, waits for the standbys.
    UPDATE log_head SET recorded_at = log_head.recorded_at WHERE log_head.position = head;
    RETURN;
  END IF;

  -- FOR UPDATE, so that no snapshot is saved meanwhile of what is erased.
  SELECT s.* INTO stream FROM streams s WHERE s.aggregate_type = of_type AND s.aggregate_id = of_id FOR UPDATE;
  version := stream.version;
  IF version IS NULL THEN
    verdict := 'N';
  ELSIF stream.deleted_at IS NOT NULL AND kind IN ('DELETE', 'TRUNCATE', 'SET_RETENTION') THEN
    verdict := 'G';
  ELSIF stream.deleted_at IS NULL AND kind = 'RESTORE' THEN
    verdict := 'L';
  ELSIF NOT (CASE expected WHEN -2 THEN true WHEN -1 THEN true ELSE version = expected END) THEN
    verdict := 'R';
  ELSIF kind = 'TRUNCATE' AND new_before > version + 1 THEN
    verdict := 'B';
  ELSIF kind = 'ERASE_EVENTS' AND EXISTS (SELECT FROM unnest(last_versions) l (last) WHERE l.last > version) THEN
    verdict := 'B';
  END IF;
  IF verdict IS NOT NULL THEN
    RETURN;
  END IF;

  verdict := 'A';
  version := version + 1;
  at_position := head + 1;
  INSERT INTO events (position, aggregate_type, aggregate_id, version, event_id, event_type, data, content_type,
                      metadata, tags, schema_version, recorded_at, hash, ends_append)
  VALUES (at_position, of_type, of_id, change_stream.version, id, type, data, 'application/json',
          metadata, '{}', 1, change_stream.recorded_at, hash, true);
  UPDATE streams s
     SET version = change_stream.version,
         updated_at = change_stream.recorded_at,
         system_versions = s.system_versions[greatest(1, cardinality(s.system_versions) - 998) :] || change_stream.version,
         deleted_at = CASE WHEN kind IN ('DELETE', 'ERASE') THEN coalesce(s.deleted_at, change_stream.recorded_at)
                           WHEN kind = 'RESTORE' THEN NULL ELSE s.deleted_at END,
         -- What has expired by the former retention stays hidden, whether or not the sweep has come to it.
         truncated_before = CASE kind WHEN 'TRUNCATE' THEN greatest(s.truncated_before, new_before)
                                      WHEN 'SET_RETENTION' THEN first_kept(of_type, of_id, s.version, s.truncated_before,
                                        s.max_count, s.max_age, s.system_versions, change_stream.recorded_at)
                                      ELSE s.truncated_before END,
         erased_version = CASE WHEN kind IN ('ERASE', 'ERASE_EVENTS') THEN change_stream.version ELSE s.erased_version END,
         erase_before = CASE WHEN kind = 'ERASE' THEN change_stream.version ELSE s.erase_before END,
         max_age = CASE WHEN kind = 'SET_RETENTION' THEN new_max_age ELSE s.max_age END,
         max_count = CASE WHEN kind = 'SET_RETENTION' THEN new_max_count ELSE s.max_count END
   WHERE s.aggregate_type = of_type AND s.aggregate_id = of_id;
  UPDATE log_head SET position = at_position, recorded_at = change_stream.recorded_at WHERE log_head.position = head;

  IF kind = 'ERASE_EVENTS' THEN
    FOR range IN 1 .. cardinality(first_versions) LOOP
      PERFORM empty_events(of_type, of_id, first_versions[range], last_versions[range], 'ERASED');
    END LOOP;
  END IF;
END
$$;
