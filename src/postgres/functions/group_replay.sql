-- Marks parked streams as to be tried again, one or all of a group, anew with the first attempt, or from behind the event
-- that could not be handled. How many; null if there is no such group.
CREATE OR REPLACE FUNCTION :schema.group_replay(of_group text, of_type text, of_id text, skip_first boolean) RETURNS bigint
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = :schema, pg_catalog, pg_temp SET lock_timeout = '5s' AS
$$
DECLARE
  streams bigint;
BEGIN
  PERFORM FROM consumer_groups g WHERE g.name = of_group FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  UPDATE group_streams t
     SET kind = 'REPLAYING', attempts = 0, position = t.position + skip_first::integer
   WHERE t.group_name = of_group AND t.kind = 'PARKED'
     AND (of_type IS NULL OR t.aggregate_type = of_type AND t.aggregate_id = of_id);
  GET DIAGNOSTICS streams = ROW_COUNT;
  IF streams > 0 THEN
    PERFORM group_notify(of_group);
  END IF;
  RETURN streams;
END
$$;
