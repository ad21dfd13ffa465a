-- Writes one event of one stream whose version the caller has foreseen: what append_foreseen does for a group, without arrays and
-- without a block that is undone, which for a single event are much of what that costs. Three statements of one row each cost less
-- than one that does all: there is less to set up.
--
-- What comes in: the stream, the version that is expected of it (0: there is none), the event's columns. What comes out: the head
-- before the event; NULL if the stream is not as foreseen, and then nothing is written. An id that is known already breaks a unique
-- constraint. Whatever it is that does not hold, the caller then asks append, which decides.
--
-- For the lock, the isolation and the plans see append and lock_head.
CREATE OR REPLACE FUNCTION :schema.append_single(
  stream_aggregate_type text, stream_aggregate_id text, expected bigint,
  event_id uuid, event_type text, event_data bytea, event_hash bytea, event_content_type text, event_metadata jsonb,
  event_tags text[], event_schema_version integer,
  OUT head_before bigint, OUT recorded_at timestamptz, OUT epoch bigint
)
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER
  SET search_path = :schema, pg_catalog, pg_temp
  SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
  SET plan_cache_mode = force_generic_plan
  SET lock_timeout = '10s'
  AS
$$
#variable_conflict use_column
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'Appends need the isolation level read committed, this transaction has %',
      current_setting('transaction_isolation') USING ERRCODE = '25001';
  END IF;

  FOR attempt IN 1 .. 2 LOOP
    UPDATE log_head h SET position = h.position + 1, recorded_at = greatest(h.recorded_at, clock_timestamp())
     WHERE h.position = (SELECT l.position FROM log_head l ORDER BY l.position DESC LIMIT 1)
       AND h.system_id = (SELECT c.system_identifier FROM pg_control_system() c)
       -- As timeline() says; to call that takes twice the time.
       AND h.timeline = ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer
    RETURNING h.position - 1, h.recorded_at, h.epoch INTO head_before, recorded_at, epoch;
    EXIT WHEN FOUND;
    -- It has moved while this waited, or the server is another one.
    PERFORM lock_head();
  END LOOP;

  IF expected > 0 THEN
    UPDATE streams s SET version = expected + 1, updated_at = append_single.recorded_at
     WHERE s.aggregate_type = stream_aggregate_type AND s.aggregate_id = stream_aggregate_id AND s.version = expected
       AND s.deleted_at IS NULL;
  ELSE
    INSERT INTO streams (aggregate_type, aggregate_id, version, created_at, updated_at)
    VALUES (stream_aggregate_type, stream_aggregate_id, 1, append_single.recorded_at, append_single.recorded_at)
    ON CONFLICT DO NOTHING;
  END IF;
  IF NOT FOUND THEN
    UPDATE log_head h SET position = head_before WHERE h.position = head_before + 1;
    head_before := NULL;
    -- Nothing has changed, so there is nothing to wait for.
    PERFORM set_config('synchronous_commit', 'off', true);
    RETURN;
  END IF;

  INSERT INTO events (position, aggregate_type, aggregate_id, version, event_id, event_type, data, content_type,
                      metadata, tags, schema_version, recorded_at, hash, ends_append)
  VALUES (head_before + 1, stream_aggregate_type, stream_aggregate_id, expected + 1, append_single.event_id,
          append_single.event_type, event_data, event_content_type, event_metadata, coalesce(event_tags, '{}'),
          event_schema_version, append_single.recorded_at, event_hash, true);
  IF event_tags IS NOT NULL THEN
    INSERT INTO event_tags (tag, position) SELECT t.tag, head_before + 1 FROM unnest(event_tags) t (tag);
  END IF;
END
$$;
