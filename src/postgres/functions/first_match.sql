-- The first position above `after` of an event that has one of the types and all of the tags; none of either does not
-- bind. NULL if there is none.
--
-- A leapfrog join: each tag, and the types together, has an index in the order of positions; whichever stands behind jumps
-- to where the others are. So its cost follows the rarest of them, not the log. (Veldhuizen, Leapfrog Triejoin, 2012.)
CREATE OR REPLACE FUNCTION :schema.first_match(types text[], tags text[], after bigint) RETURNS bigint
  LANGUAGE plpgsql STABLE SET search_path = :schema, pg_catalog, pg_temp
  SET enable_seqscan = off SET enable_bitmapscan = off SET plan_cache_mode = force_generic_plan AS
$$
DECLARE
  candidate bigint := after + 1;
  agreed integer := 0;
  lists integer := cardinality(tags) + 1;
  place integer := 0;
  found bigint;
  one bigint;
  type text;
  -- Asked for only when there is an event to ask about: most often there is none.
  some_erasing boolean;
BEGIN
  -- In turn, until all have agreed on the candidate.
  WHILE agreed < lists LOOP
    place := place % lists + 1;
    IF place < lists THEN
      SELECT t.position INTO found FROM event_tags t
       WHERE t.tag = tags[place] AND t.position >= candidate ORDER BY t.position LIMIT 1;
    ELSIF cardinality(types) = 0 THEN
      SELECT e.position INTO found FROM events e
       WHERE e.position >= candidate AND e.removed IS NULL ORDER BY e.position LIMIT 1;
    ELSE
      found := NULL;
      FOREACH type IN ARRAY types LOOP
        SELECT e.position INTO one FROM events e
         WHERE e.event_type = type AND e.position >= candidate AND e.removed IS NULL ORDER BY e.position LIMIT 1;
        found := least(found, one);
      END LOOP;
    END IF;
    IF found IS NULL THEN
      RETURN NULL;
    END IF;
    agreed := CASE WHEN found = candidate THEN agreed + 1 ELSE 1 END;
    candidate := found;
    -- An event that an erasure has yet to come to matches as little as one that it has emptied.
    IF agreed = lists THEN
      some_erasing := coalesce(some_erasing, erasure_pending());
      IF some_erasing AND EXISTS (
        SELECT FROM events e
         WHERE e.position = candidate AND left(e.event_type, 1) <> '$'
           AND is_erasing(e.aggregate_type, e.aggregate_id, e.version)) THEN
        candidate := candidate + 1;
        agreed := 0;
      END IF;
    END IF;
  END LOOP;
  RETURN candidate;
END
$$;
