-- Turns events of a stream, from one version to another, into shells, and forgets their tags. What is empty already stays as
-- it is. Gives how many were emptied.
CREATE OR REPLACE FUNCTION :schema.empty_events(of_type text, of_id text, first bigint, last bigint, why text) RETURNS bigint
  LANGUAGE plpgsql VOLATILE
  SET search_path = :schema, pg_catalog, pg_temp
  SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
  AS
$$
DECLARE
  emptied bigint[];
BEGIN
  -- Not as a setting of the function: who is no superuser may not declare one that the server does not know.
  PERFORM set_config('headwater.emptying', 'on', true);
  WITH shells AS (
    UPDATE events e SET data = '', content_type = '', metadata = '{}', tags = '{}', removed = why
     WHERE e.aggregate_type = of_type AND e.aggregate_id = of_id AND e.version BETWEEN first AND last AND e.removed IS NULL
    RETURNING e.position
  )
  SELECT array_agg(position) INTO emptied FROM shells;
  -- A statement of its own: the trigger allows it for tags of events that are shells already.
  DELETE FROM event_tags t USING unnest(emptied) n (position)
   WHERE t.position = n.position;
  PERFORM set_config('headwater.emptying', 'off', true);
  IF why = 'ERASED' AND emptied IS NOT NULL THEN
    -- States and answers may tell of what was in them.
    DELETE FROM snapshots s WHERE s.aggregate_type = of_type AND s.aggregate_id = of_id AND s.version >= first;
    UPDATE commands c SET result = ''
      FROM unnest(emptied) n (position),
           LATERAL (SELECT l.command_id FROM commands l WHERE l.last_position >= n.position AND l.last_position > 0
                     ORDER BY l.last_position LIMIT 1) o
     WHERE c.command_id = o.command_id AND c.first_position <= n.position;
  END IF;
  RETURN coalesce(cardinality(emptied), 0);
END
$$;
