-- Public: what a read of the stream shows, and behind it the events that this transaction has appended and not committed:
-- those have no position and no time yet, and a version that holds unless somebody appends before the COMMIT. Data that
-- is no JSON is null in "data"; "raw" has the bytes.
CREATE OR REPLACE FUNCTION :schema.load(aggregate_type text, aggregate_id text, from_version bigint DEFAULT 1)
  RETURNS TABLE ("position" bigint, version bigint, event_id uuid, event_type text, data jsonb, raw bytea, content_type text,
                 metadata jsonb, tags text[], schema_version integer, recorded_at timestamptz, erased boolean)
  LANGUAGE plpgsql STABLE SECURITY DEFINER
  SET search_path = :schema, pg_catalog, pg_temp
  SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
  AS
$$
#variable_conflict use_column
DECLARE
  stream streams%ROWTYPE;
  staged record;
  first bigint;
BEGIN
  PERFORM staged_invalid('aggregate_type', staged_name_problem(aggregate_type, true));
  PERFORM staged_invalid('aggregate_id', staged_name_problem(aggregate_id));
  IF from_version IS NULL OR from_version < 1 THEN
    PERFORM staged_invalid('from_version', format('is %s, it must be at least 1', coalesce(from_version::text, 'NULL')));
  END IF;
  SELECT s.* INTO stream FROM streams s
   WHERE s.aggregate_type = load.aggregate_type AND s.aggregate_id = load.aggregate_id;
  -- A transaction that has written nothing has no id and nothing staged; on a standby there is not even the table.
  IF pg_current_xact_id_if_assigned() IS NULL THEN
    SELECT coalesce(stream.version, 0::bigint) AS version, stream.deleted_at IS NOT NULL AS deleted, 0::bigint AS pending INTO staged;
  ELSE
    SELECT * INTO staged FROM staged_stream(load.aggregate_type, load.aggregate_id);
  END IF;
  IF staged.deleted THEN
    PERFORM staged_refuse_deleted(load.aggregate_type, load.aggregate_id);
  ELSIF staged.version = 0 THEN
    PERFORM staged_refuse(
      'STREAM_NOT_FOUND', format('Stream %s %s does not exist', load.aggregate_type, load.aggregate_id),
      jsonb_build_object('aggregate_type', load.aggregate_type, 'aggregate_id', load.aggregate_id),
      'Append to it with NO_STREAM or ANY to create it.');
  END IF;

  -- Nothing is shown of a deleted stream that this transaction creates anew.
  IF stream.version IS NOT NULL AND stream.deleted_at IS NULL THEN
    first := greatest(from_version, stream.hidden_before, first_kept(
      load.aggregate_type, load.aggregate_id, stream.version, stream.truncated_before, stream.max_count, stream.max_age,
      stream.system_versions, clock_timestamp()));
    RETURN QUERY
      -- Of what an erasure has yet to come to, only the shell is shown.
      SELECT e.position, e.version, e.event_id, e.event_type,
             CASE WHEN NOT p.erasing THEN json_or_null(e.data, e.content_type) END,
             CASE WHEN p.erasing THEN '' ELSE e.data END, CASE WHEN p.erasing THEN '' ELSE e.content_type END,
             CASE WHEN p.erasing THEN '{}' ELSE e.metadata END, CASE WHEN p.erasing THEN '{}' ELSE e.tags END,
             e.schema_version, e.recorded_at, p.erasing OR e.removed IS NOT NULL
        FROM events e
       CROSS JOIN LATERAL (SELECT e.version >= stream.erase_from AND e.version < stream.erase_before
                                  AND left(e.event_type, 1) <> '$') p (erasing)
       WHERE e.aggregate_type = load.aggregate_type AND e.aggregate_id = load.aggregate_id
         AND e.version >= first AND (e.removed IS NULL OR e.removed = 'ERASED')
       ORDER BY e.version;
  END IF;
  IF staged.pending > 0 THEN
    RETURN QUERY
      SELECT NULL::bigint, p.version, p.event_id, p.event_type, json_or_null(p.data, p.content_type), p.data, p.content_type,
             p.metadata, p.tags, p.schema_version, NULL::timestamptz, false
        FROM (SELECT e.*, a.place AS append_order,
                     staged.version - staged.pending + row_number() OVER (ORDER BY e.append_place, e.place) AS version
                FROM staged_appends a
                JOIN staged_events e ON e.transaction = a.transaction AND e.append_place = a.place
               WHERE a.transaction = pg_current_xact_id_if_assigned()
                 AND a.aggregate_type = load.aggregate_type AND a.aggregate_id = load.aggregate_id) p
       WHERE p.version >= from_version
       ORDER BY p.version;
  END IF;
END
$$;
