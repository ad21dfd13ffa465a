-- Keeps a piece of news about a stream of a slot whose fence was looked at. By how many more streams are parked then: 1 or
-- 0; null if the stream was to be parked and there is no room: then it is kept as FAILING.
CREATE OR REPLACE FUNCTION :schema.group_keep_news(
  of_group text, of_slot integer, of_type text, of_id text, news_kind text, at_position bigint, tried integer,
  at_version bigint, its_type text, its_id uuid, why text, at timestamptz, room integer
) RETURNS integer
  LANGUAGE plpgsql VOLATILE SET search_path = :schema, pg_catalog, pg_temp AS
$$
DECLARE
  former text;
BEGIN
  IF news_kind = 'CLEAR' THEN
    -- A beat that was given up may come in behind the next one, and must not undo that a stream was parked since.
    DELETE FROM group_streams t
     WHERE t.group_name = of_group AND t.aggregate_type = of_type AND t.aggregate_id = of_id AND t.kind <> 'PARKED';
    RETURN 0;
  END IF;
  IF news_kind = 'REPLAYED' THEN
    UPDATE group_streams t SET position = at_position, attempts = 0
     WHERE t.group_name = of_group AND t.aggregate_type = of_type AND t.aggregate_id = of_id
       AND t.kind = 'REPLAYING' AND t.position < at_position;
    RETURN 0;
  END IF;
  SELECT t.kind INTO former FROM group_streams t
   WHERE t.group_name = of_group AND t.aggregate_type = of_type AND t.aggregate_id = of_id;
  IF news_kind = 'FAILING' OR (room <= 0 AND former IS DISTINCT FROM 'PARKED' AND former IS DISTINCT FROM 'REPLAYING') THEN
    -- What fails while it is replayed is still that.
    INSERT INTO group_streams AS t (group_name, aggregate_type, aggregate_id, slot, kind, position, attempts)
    VALUES (of_group, of_type, of_id, of_slot, 'FAILING', at_position, tried)
      ON CONFLICT (group_name, aggregate_type, aggregate_id) DO UPDATE
      SET position = excluded.position, attempts = excluded.attempts;
    RETURN CASE WHEN news_kind = 'FAILING' THEN 0 END;
  END IF;
  INSERT INTO group_streams AS t
  VALUES (of_group, of_type, of_id, of_slot, 'PARKED', at_position, tried, at_version, its_type, its_id, why, at)
    ON CONFLICT (group_name, aggregate_type, aggregate_id) DO UPDATE
    SET kind = excluded.kind, position = excluded.position, attempts = excluded.attempts, version = excluded.version,
        event_type = excluded.event_type, event_id = excluded.event_id, reason = excluded.reason,
        parked_at = excluded.parked_at;
  RETURN CASE WHEN former IN ('PARKED', 'REPLAYING') THEN 0 ELSE 1 END;
END
$$;
