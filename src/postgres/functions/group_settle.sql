-- Takes slots away from members that are gone and from those that keep what was wanted for too long, and shares out what is
-- not shared out evenly. The groups must be locked. Gives those in which something changed.
CREATE OR REPLACE FUNCTION :schema.group_settle(names text[], at timestamptz, release interval) RETURNS text[]
  LANGUAGE plpgsql VOLATILE SET search_path = :schema, pg_catalog, pg_temp AS
$$
DECLARE
  changed text[] := '{}';
  one text;
BEGIN
  DELETE FROM group_members m WHERE m.group_name = ANY (names) AND m.leased_until <= at;
  -- What a consumer's open transaction has acknowledged something of stays where it is: it ends first, and nobody waits for
  -- it. It is taken at a later beat.
  WITH taken AS (
    SELECT s.group_name, s.slot FROM group_slots s
     WHERE s.group_name = ANY (names) AND s.member IS NOT NULL
       AND (s.wanted_since <= at - release
            OR NOT EXISTS (SELECT FROM group_members m WHERE m.group_name = s.group_name AND m.member_id = s.member))
       FOR UPDATE OF s SKIP LOCKED
  )
  UPDATE group_slots s SET member = NULL, wanted_since = NULL
    FROM taken t WHERE s.group_name = t.group_name AND s.slot = t.slot;
  FOR one IN
    SELECT h.group_name
      FROM (SELECT m.group_name, m.member_id, count(s.slot) AS held, count(s.wanted_since) AS wanted
              FROM group_members m
              LEFT JOIN group_slots s ON s.group_name = m.group_name AND s.member = m.member_id
             WHERE m.group_name = ANY (names) GROUP BY m.group_name, m.member_id) h
      JOIN consumer_groups g ON g.name = h.group_name
     GROUP BY h.group_name, g.slots
    HAVING max(h.held - h.wanted) - min(h.held - h.wanted) > 1 OR sum(h.wanted) > 0 OR sum(h.held) < g.slots
  LOOP
    IF group_share(one, at) THEN
      changed := changed || one;
      PERFORM group_notify(one);
    END IF;
  END LOOP;
  RETURN changed;
END
$$;
