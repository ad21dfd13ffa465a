-- Some aggregates as they are, in the snapshot of the statement, so that nothing comes between a snapshot and the events
-- behind it: how each stands, its newest snapshot of the schema version that is wanted (NULL any, 0 none), and what is
-- shown of it behind that, up to so many events and so many bytes of each. One row an event, or one without an event; the
-- last of an aggregate does not fit where there are more. What is of the aggregate stands in its first row. `left_out` are
-- those whose snapshots would be too much together; they must be asked for again. Rows come in no order.
CREATE OR REPLACE FUNCTION :schema.load_aggregates(
  of_types text[], of_ids text[], schema_versions integer[], most_events bigint, most_bytes bigint, most_snapshot_bytes bigint
) RETURNS TABLE (
  place bigint, number bigint, head_position bigint, head_epoch bigint, stream_version bigint, deleted boolean, left_out boolean,
  snapshot_version bigint, snapshot_data bytea, snapshot_content_type text, snapshot_schema_version integer,
  snapshot_taken_at timestamptz,
  fits boolean, "position" bigint, aggregate_type text, aggregate_id text, version bigint, event_id uuid, event_type text,
  data bytea, content_type text, metadata jsonb, tags text[], schema_version integer, recorded_at timestamptz, removed text,
  erasing boolean
)
  LANGUAGE plpgsql STABLE
  SET search_path = :schema, pg_catalog, pg_temp
  SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
  SET plan_cache_mode = force_generic_plan
  AS
$$
#variable_conflict use_column
BEGIN
  RETURN QUERY
    WITH found AS MATERIALIZED (
      SELECT n.place, n.aggregate_type, n.aggregate_id, s.version, s.deleted_at IS NOT NULL AS deleted,
             s.erase_from, s.erase_before,
             CASE WHEN s.deleted_at IS NULL THEN greatest(s.hidden_before,
               CASE WHEN s.max_count IS NULL AND s.max_age IS NULL THEN s.truncated_before
                    ELSE first_kept(s.aggregate_type, s.aggregate_id, s.version, s.truncated_before, s.max_count, s.max_age,
                           s.system_versions, statement_timestamp()) END) END AS first,
             k.version AS kept, k.data, k.content_type, k.schema_version, k.taken_at,
             n.place > 1 AND coalesce(sum(octet_length(k.data)) OVER (ORDER BY n.place) > most_snapshot_bytes, false) AS left_out
        FROM unnest(of_types, of_ids, schema_versions) WITH ORDINALITY n (aggregate_type, aggregate_id, schema_version, place)
        -- One by one, whatever the plan was made for: see append.sql.
        LEFT JOIN LATERAL
             (SELECT * FROM streams o WHERE o.aggregate_type = n.aggregate_type AND o.aggregate_id = n.aggregate_id LIMIT 1) s
             ON true
        LEFT JOIN LATERAL
             (SELECT p.version, p.data, p.content_type, p.schema_version, p.taken_at FROM snapshots p
               WHERE n.schema_version IS DISTINCT FROM 0 AND s.version IS NOT NULL AND s.deleted_at IS NULL
                 AND p.aggregate_type = n.aggregate_type AND p.aggregate_id = n.aggregate_id AND p.version >= s.hidden_before
                 AND (n.schema_version IS NULL OR p.schema_version = n.schema_version)
                 AND (s.erase_from >= s.erase_before OR p.version < s.erase_from)
               ORDER BY p.version DESC LIMIT 1) k ON true
    )
    SELECT f.place, coalesce(e.number, 1), h.position, h.epoch, f.version, f.deleted, f.left_out,
           -- Once, however many events there are.
           c.version, c.data, c.content_type, c.schema_version, c.taken_at,
           e.number <= most_events AND e.bytes <= most_bytes, e.position, e.aggregate_type, e.aggregate_id, e.version, e.event_id,
           e.event_type, e.data, e.content_type, e.metadata, e.tags, e.schema_version, e.recorded_at, e.removed,
           e.version >= f.erase_from AND e.version < f.erase_before AND left(e.event_type, 1) <> '$'
      FROM found f
     CROSS JOIN (SELECT l.position, l.epoch FROM log_head l ORDER BY l.position DESC LIMIT 1) h
      LEFT JOIN LATERAL
           (SELECT b.* FROM
              (SELECT a.*, row_number() OVER (ORDER BY a.version) AS number,
                      sum(a.size) OVER (ORDER BY a.version ROWS UNBOUNDED PRECEDING) AS bytes
                 FROM (SELECT o.*, octet_length(o.data) + pg_column_size(o.metadata) + pg_column_size(o.tags)
                                   + octet_length(o.event_type) + 64 AS size
                         FROM events o
                        -- What is said of the stream alone is looked at first, and saves the search: there is nothing to find
                        -- of one that is not there, nor behind a snapshot of its last version.
                        WHERE f.first IS NOT NULL AND NOT f.left_out AND coalesce(f.kept, 0) < f.version
                          AND o.aggregate_type = f.aggregate_type AND o.aggregate_id = f.aggregate_id
                          AND o.version >= greatest(f.first, f.kept + 1) AND o.version <= f.version
                          AND (o.removed IS NULL OR o.removed = 'ERASED')
                        ORDER BY o.version LIMIT most_events + 1) a) b
            -- Of what does not fit, one tells that there is more.
            WHERE b.bytes - b.size <= most_bytes) e ON true
      LEFT JOIN LATERAL (SELECT f.kept, f.data, f.content_type, f.schema_version, f.taken_at
                          WHERE coalesce(e.number, 1) = 1 AND NOT f.left_out)
           c (version, data, content_type, schema_version, taken_at) ON true;
END
$$;
