-- Has failed aggregates of the live generation tried again, one or all; with `reset` from their first event. Gives how many, or
-- nothing if there is no such projection.
CREATE OR REPLACE FUNCTION :schema.retry_aggregates(of_name text, of_type text, of_id text, reset boolean, OUT aggregates bigint)
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = :schema, pg_catalog, pg_temp SET lock_timeout = '5s' AS
$$
DECLARE
  live bigint;
BEGIN
  -- A save locks it as well, so neither waits for single aggregates of the other.
  SELECT g.generation INTO live FROM projection_generations g WHERE g.name = of_name AND g.live FOR UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  UPDATE projection_aggregates a
     SET due = true, version = CASE WHEN reset THEN 0 ELSE a.version END, state = CASE WHEN reset THEN '' ELSE a.state END
   WHERE a.name = of_name AND a.generation = live AND a.failed_position IS NOT NULL
     AND (of_type IS NULL OR (a.aggregate_type = of_type AND a.aggregate_id = of_id));
  GET DIAGNOSTICS aggregates = ROW_COUNT;
END
$$;
