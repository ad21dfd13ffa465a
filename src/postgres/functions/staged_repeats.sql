-- Whether this transaction has staged the very same append before. Raises EVENT_ID_REUSED if it has some of the event ids
-- in another one.
CREATE OR REPLACE FUNCTION :schema.staged_repeats(
  of_type text, of_id text, ids uuid[], types text[], hashes bytea[]
) RETURNS boolean
  LANGUAGE plpgsql VOLATILE SET search_path = :schema, pg_catalog, pg_temp AS
$$
DECLARE
  known record;
BEGIN
  SELECT count(*) AS events, (array_agg(e.event_id ORDER BY e.append_place, e.place))[1] AS event_id,
         count(DISTINCT e.append_place) = 1 AND min(a.events) = cardinality(ids) AND count(*) = cardinality(ids)
           AND bool_and(a.aggregate_type = of_type AND a.aggregate_id = of_id AND e.place = n.place
                        AND e.event_type = n.type AND e.hash = n.hash) AS same
    INTO known
    FROM unnest(ids, types, hashes) WITH ORDINALITY n (id, type, hash, place)
    JOIN staged_events e ON e.event_id = n.id AND e.transaction = pg_current_xact_id()
    JOIN staged_appends a ON a.transaction = e.transaction AND a.place = e.append_place;
  IF known.events = 0 THEN
    RETURN false;
  END IF;
  IF NOT known.same THEN
    PERFORM staged_refuse(
      'EVENT_ID_REUSED',
      format('Event id %s was appended in this transaction already, and this is not the same append: same ids, stream, '
             'order, types and data', known.event_id),
      jsonb_build_object('event_id', known.event_id, 'position', NULL), 'Use a new event id for a new event.');
  END IF;
  RETURN true;
END
$$;
