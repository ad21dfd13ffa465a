-- The highest of some versions of a stream, from low to high, whose position is not above a given one; low - 1 if there is
-- none. Positions rise along versions, so halving finds it; most often it is one of the ends.
CREATE OR REPLACE FUNCTION :schema.version_at(
  stream_type text, stream_id text, low bigint, high bigint, at_position bigint
) RETURNS bigint
  LANGUAGE plpgsql STABLE SET search_path = :schema, pg_catalog, pg_temp AS
$$
DECLARE
  below bigint := low - 1;
  above bigint := high;
  middle bigint := high;
  middle_position bigint;
BEGIN
  WHILE below < above LOOP
    SELECT e.position INTO STRICT middle_position FROM events e
     WHERE e.aggregate_type = stream_type AND e.aggregate_id = stream_id AND e.version = middle;
    IF middle_position <= at_position THEN below := middle; ELSE above := middle - 1; END IF;
    middle := CASE WHEN above = high - 1 AND below = low - 1 THEN low ELSE (below + above + 1) / 2 END;
  END LOOP;
  RETURN below;
END
$$;
