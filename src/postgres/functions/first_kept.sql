-- The lowest version of a stream that is kept: not truncated, among the newest max_count (the store's own events are not
-- counted; core/system-events.ts says the same), and recorded at most max_age microseconds before a moment. One above
-- the stream's version if nothing is. Since recorded_at never runs backwards along versions, the age is found by halving.
CREATE OR REPLACE FUNCTION :schema.first_kept(
  aggregate_type text, aggregate_id text, version bigint, truncated_before bigint, max_count bigint, max_age bigint,
  system_versions bigint[], at timestamptz
) RETURNS bigint
  LANGUAGE plpgsql STABLE SET search_path = :schema, pg_catalog, pg_temp AS
$$
#variable_conflict use_column
DECLARE
  low bigint := truncated_before;
  high bigint;
  middle bigint;
  middle_at timestamptz;
  oldest timestamptz;
  counted bigint;
BEGIN
  IF max_count IS NOT NULL THEN
    counted := version - max_count + 1;
    FOR place IN REVERSE cardinality(system_versions)..1 LOOP
      EXIT WHEN system_versions[place] < counted;
      counted := counted - 1;
    END LOOP;
    low := greatest(low, counted);
  END IF;
  IF max_age IS NULL THEN
    RETURN low;
  END IF;
  oldest := at - max_age * interval '1 microsecond';
  high := version + 1;
  WHILE low < high LOOP
    middle := (low + high) / 2;
    SELECT e.recorded_at INTO STRICT middle_at FROM events e
     WHERE e.aggregate_type = first_kept.aggregate_type AND e.aggregate_id = first_kept.aggregate_id
       AND e.version = middle;
    IF middle_at < oldest THEN low := middle + 1; ELSE high := middle; END IF;
  END LOOP;
  RETURN low;
END
$$;
