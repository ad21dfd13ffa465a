-- Turns events of a stream, from one version to another, into shells, and forgets their tags. What is empty already stays as
-- it is, and so do the store's own events: what was deleted and erased stays on record. Gives how many were emptied.
CREATE OR REPLACE FUNCTION :schema.empty_events(of_type text, of_id text, first bigint, last bigint, why text) RETURNS bigint
  LANGUAGE plpgsql VOLATILE
  SET search_path = :schema, pg_catalog, pg_temp
  SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
  AS
$$
DECLARE
  emptied bigint;
  their_tags text[];
  their_positions bigint[];
BEGIN
  -- Not as a setting of the function: who is no superuser may not declare one that the server does not know.
  PERFORM set_config('headwater.emptying', 'on', true);
  SELECT array_agg(t.tag), array_agg(e.position) INTO their_tags, their_positions
    FROM events e CROSS JOIN LATERAL unnest(e.tags) t (tag)
   WHERE e.aggregate_type = of_type AND e.aggregate_id = of_id AND e.version BETWEEN first AND last
     AND e.removed IS NULL AND left(e.event_type, 1) <> '$';
  UPDATE events e SET data = '', content_type = '', metadata = '{}', tags = '{}', removed = why
   WHERE e.aggregate_type = of_type AND e.aggregate_id = of_id AND e.version BETWEEN first AND last
     AND e.removed IS NULL AND left(e.event_type, 1) <> '$';
  GET DIAGNOSTICS emptied = ROW_COUNT;
  -- A statement of its own: the trigger allows it for tags of events that are shells already. By tag and position, since the
  -- key begins with the tag: by the position alone each would be sought under every tag that there is.
  DELETE FROM event_tags t USING unnest(their_tags, their_positions) n (tag, position)
   WHERE t.tag = n.tag AND t.position = n.position;
  PERFORM set_config('headwater.emptying', 'off', true);
  IF why = 'ERASED' AND emptied > 0 THEN
    -- States and answers may tell of what was in them.
    DELETE FROM snapshots s WHERE s.aggregate_type = of_type AND s.aggregate_id = of_id AND s.version >= first;
    UPDATE commands c SET result = ''
      FROM events e,
           LATERAL (SELECT l.command_id FROM commands l WHERE l.last_position >= e.position AND l.last_position > 0 AND l.result <> ''
                     ORDER BY l.last_position LIMIT 1) o
     WHERE e.aggregate_type = of_type AND e.aggregate_id = of_id AND e.version BETWEEN first AND last AND e.removed = 'ERASED'
       AND c.command_id = o.command_id AND c.first_position <= e.position;
  END IF;
  RETURN emptied;
END
$$;
