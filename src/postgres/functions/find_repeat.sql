-- Whether the events of a request, in order, are in the log already. NULL: none of the ids is. With the key "reused": some
-- are, but it is not the same append: same ids, streams, order, types, data (by hash) and extent. Else the original
-- result. Ids are looked up in the table under the lock, so the answer is final.
CREATE OR REPLACE FUNCTION :schema.find_repeat(
  ids uuid[], aggregate_types text[], aggregate_ids text[], types text[], hashes bytea[]
) RETURNS jsonb
  LANGUAGE plpgsql VOLATILE SET search_path = :schema, pg_catalog, pg_temp AS
$$
DECLARE
  known integer;
  same integer;
  first_known jsonb;
  first_position bigint;
  last_position bigint;
  whole boolean;
BEGIN
  WITH n AS (
    SELECT n.place, e.event_id, e.position, e.ends_append,
           e.position - n.place AS before,
           e.aggregate_type = n.aggregate_type AND e.aggregate_id = n.aggregate_id AND e.event_type = n.type
             AND e.hash = n.hash AS same
      FROM unnest(ids, aggregate_types, aggregate_ids, types, hashes)
           WITH ORDINALITY n (id, aggregate_type, aggregate_id, type, hash, place),
           -- One by one, whatever the plan was made for: see append.sql.
           LATERAL (SELECT * FROM events o WHERE o.event_id = n.id LIMIT 1) e
  )
  SELECT count(*), count(*) FILTER (WHERE n.same AND n.before = (SELECT min(m.before) FROM n m)),
         (array_agg(jsonb_build_object('event_id', n.event_id, 'position', n.position::text) ORDER BY n.place))[1],
         min(n.position), max(n.position)
    INTO known, same, first_known, first_position, last_position
    FROM n;
  IF known = 0 THEN
    RETURN NULL;
  END IF;
  -- The same extent: the event before the first one, if any, ended another append, and the last one ended this.
  whole := same = cardinality(ids)
    AND coalesce((SELECT e.ends_append FROM events e WHERE e.position = first_position - 1), true)
    AND (SELECT e.ends_append FROM events e WHERE e.position = last_position)
    AND (SELECT count(*) FROM events e
          WHERE e.position >= first_position AND e.position < last_position AND e.ends_append) = 0;
  IF NOT whole THEN
    RETURN jsonb_build_object('reused', first_known);
  END IF;
  RETURN (
    SELECT jsonb_build_object(
             'first_position', first_position::text, 'last_position', last_position::text,
             'recorded_at', (extract(epoch FROM min(e.recorded_at)) * 1000000)::bigint::text,
             'versions', (SELECT jsonb_agg(jsonb_build_array(l.aggregate_type, l.aggregate_id, l.version::text) ORDER BY l.at)
                            FROM (SELECT aggregate_type, aggregate_id, max(version) AS version, min(position) AS at
                                    -- Apart from the grouping, for whose order it might walk the streams of the whole log.
                                    FROM (SELECT * FROM events WHERE position BETWEEN first_position AND last_position OFFSET 0) w
                                   GROUP BY aggregate_type, aggregate_id) l))
      FROM events e WHERE e.position BETWEEN first_position AND last_position
  );
END
$$;
