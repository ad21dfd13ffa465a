-- The position of the last event recorded before a time; 0 if there is none. Since positions are dense and
-- recorded_at never runs backwards along them, halving the log finds it without an index of its own.
CREATE OR REPLACE FUNCTION :schema.position_before(moment timestamptz) RETURNS bigint
  LANGUAGE plpgsql STABLE SET search_path = :schema, pg_catalog, pg_temp AS
$$
DECLARE
  low bigint := 0;
  high bigint;
  middle bigint;
  middle_at timestamptz;
BEGIN
  SELECT position INTO high FROM log_head ORDER BY position DESC LIMIT 1;
  WHILE low < high LOOP
    middle := (low + high + 1) / 2;
    SELECT recorded_at INTO STRICT middle_at FROM events WHERE position = middle;
    IF middle_at < moment THEN low := middle; ELSE high := middle - 1; END IF;
  END LOOP;
  RETURN low;
END
$$;
