-- Writes a group of append requests whose outcome the caller has foreseen: if the streams have the versions that are expected
-- of them, every request holds, and where each event will stand follows from the head. So nothing is decided one by one, and
-- two to four statements do what append needs five to eight for, which is most of what a small group costs.
--
-- What comes in: per stream its names, the version that is expected (0: there is none) and the one afterwards; how many of the
-- streams are created, and how many continued; per event its stream, its version, its columns, and whether it ends its append;
-- per command that is to be kept its columns, and the places of its first and last event in the group.
--
-- What comes out: the head before the group; NULL if the streams are not as foreseen, and then nothing is written. An id that
-- is known already breaks a unique constraint. Whatever it is that does not hold, the caller then asks append, which decides.
--
-- For the lock, the isolation and the plans see append and lock_head. Here the head is moved at once, which locks it as well.
CREATE OR REPLACE FUNCTION :schema.append_foreseen(
  stream_aggregate_types text[], stream_aggregate_ids text[], stream_expected bigint[], stream_versions bigint[],
  created integer, continued integer,
  event_streams integer[], event_versions bigint[], event_ids uuid[], event_types text[], event_data bytea[],
  event_hashes bytea[], event_content_types text[], event_metadata jsonb[], event_tags text[],
  event_schema_versions integer[], event_ends boolean[],
  command_ids text[], command_types text[], command_hashes bytea[], command_results bytea[], command_firsts integer[],
  command_lasts integer[],
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
DECLARE
  events integer := cardinality(event_ids);
  changed integer;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'Appends need the isolation level read committed, this transaction has %',
      current_setting('transaction_isolation') USING ERRCODE = '25001';
  END IF;

  FOR attempt IN 1 .. 2 LOOP
    UPDATE log_head h SET position = h.position + events, recorded_at = greatest(h.recorded_at, clock_timestamp())
     WHERE h.position = (SELECT l.position FROM log_head l ORDER BY l.position DESC LIMIT 1)
       AND h.system_id = (SELECT c.system_identifier FROM pg_control_system() c)
       -- As timeline() says; to call that takes twice the time.
       AND h.timeline = ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer
    RETURNING h.position - events, h.recorded_at, h.epoch INTO head_before, recorded_at, epoch;
    EXIT WHEN FOUND;
    -- It has moved while this waited, or the server is another one.
    PERFORM lock_head();
  END LOOP;

  -- What is not as foreseen is undone with the block. It costs less than to look for every stream beforehand, and what is
  -- caught does not come into the server's log.
  BEGIN
    IF continued > 0 THEN
      UPDATE streams s SET version = n.version, updated_at = append_foreseen.recorded_at
        FROM (SELECT unnest(stream_aggregate_types) AS type, unnest(stream_aggregate_ids) AS id,
                     unnest(stream_expected) AS expected, unnest(stream_versions) AS version) n
       WHERE n.expected > 0
         AND s.aggregate_type = n.type AND s.aggregate_id = n.id AND s.version = n.expected AND s.deleted_at IS NULL;
      GET DIAGNOSTICS changed = ROW_COUNT;
      IF changed <> continued THEN
        RAISE EXCEPTION 'Continued % streams instead of %', changed, continued USING ERRCODE = 'ZH103';
      END IF;
    END IF;
    IF created > 0 THEN
      INSERT INTO streams (aggregate_type, aggregate_id, version, created_at, updated_at)
      SELECT n.type, n.id, n.version, append_foreseen.recorded_at, append_foreseen.recorded_at
        FROM (SELECT unnest(stream_aggregate_types) AS type, unnest(stream_aggregate_ids) AS id,
                     unnest(stream_expected) AS expected, unnest(stream_versions) AS version) n
       WHERE n.expected = 0;
    END IF;
  EXCEPTION WHEN unique_violation OR SQLSTATE 'ZH103' THEN
    UPDATE log_head h SET position = head_before WHERE h.position = head_before + events;
    head_before := NULL;
    -- Nothing has changed, so there is nothing to wait for.
    PERFORM set_config('synchronous_commit', 'off', true);
    RETURN;
  END;

  INSERT INTO events (position, aggregate_type, aggregate_id, version, event_id, event_type, data, content_type,
                      metadata, tags, schema_version, recorded_at, hash, ends_append)
  SELECT head_before + n.place, stream_aggregate_types[n.stream], stream_aggregate_ids[n.stream], n.version,
         n.id, n.type, n.data, n.content_type, n.metadata,
         CASE WHEN n.tags <> '{}' THEN n.tags::text[] ELSE '{}' END, n.schema_version,
         append_foreseen.recorded_at, n.hash, n.ends
    FROM (SELECT generate_series(1, events) AS place, unnest(event_streams) AS stream, unnest(event_versions) AS version,
                 unnest(event_ids) AS id, unnest(event_types) AS type, unnest(event_data) AS data,
                 unnest(event_hashes) AS hash, unnest(event_content_types) AS content_type,
                 unnest(event_metadata) AS metadata, unnest(event_tags) AS tags,
                 unnest(event_schema_versions) AS schema_version, unnest(event_ends) AS ends) n;
  IF event_tags IS NOT NULL THEN
    INSERT INTO event_tags (tag, position)
    SELECT t.tag, head_before + n.place
      FROM unnest(event_tags) WITH ORDINALITY n (tags, place), unnest(n.tags::text[]) t (tag)
     WHERE n.tags <> '{}';
  END IF;
  IF command_ids IS NOT NULL THEN
    INSERT INTO commands (command_id, command_type, body_hash, result, first_position, last_position, recorded_at)
    SELECT n.id, n.type, n.hash, n.result, head_before + n.first, head_before + n.last, append_foreseen.recorded_at
      FROM (SELECT unnest(command_ids) AS id, unnest(command_types) AS type, unnest(command_hashes) AS hash,
                   unnest(command_results) AS result, unnest(command_firsts) AS first, unnest(command_lasts) AS last) n;
  END IF;
END
$$;
