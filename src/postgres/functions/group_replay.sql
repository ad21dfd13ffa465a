-- Marks parked streams as to be tried again, one or the next 10,000 of a group behind a position, anew with the first
-- attempt, or from behind the event that could not be handled. How many, null if there is no such group, and the position of
-- the last of them, null if there were none. In portions, since beats of the group wait meanwhile.
CREATE OR REPLACE FUNCTION :schema.group_replay(
  of_group text, of_type text, of_id text, skip_first boolean, behind bigint, OUT streams bigint, OUT last_position bigint
)
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = :schema, pg_catalog, pg_temp SET lock_timeout = '5s' AS
$$
BEGIN
  PERFORM FROM consumer_groups g WHERE g.name = of_group FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  SELECT max(p.position) INTO last_position
    FROM (SELECT t.position FROM group_streams t
           WHERE t.group_name = of_group AND t.kind = 'PARKED' AND t.position > behind
             AND (of_type IS NULL OR t.aggregate_type = of_type AND t.aggregate_id = of_id)
           ORDER BY t.position LIMIT 10000) p;
  UPDATE group_streams t
     SET kind = 'REPLAYING', attempts = 0, position = t.position + skip_first::integer
   WHERE t.group_name = of_group AND t.kind = 'PARKED' AND t.position > behind AND t.position <= last_position
     AND (of_type IS NULL OR t.aggregate_type = of_type AND t.aggregate_id = of_id);
  GET DIAGNOSTICS streams = ROW_COUNT;
  IF streams > 0 THEN
    PERFORM group_notify(of_group);
  END IF;
END
$$;
