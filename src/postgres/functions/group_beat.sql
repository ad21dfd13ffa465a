-- The beat of an instance: renews the leases of its members, keeps what they say, shares out the slots of their groups and
-- tells each what it holds, a row a member in the order asked.
--
-- groups, members, leaving and revisions have an entry a member, whose number is its place in the others. known is an
-- object that has the fence of each slot that a member knows to hold under "place slot": a join of that many rows with those
-- that are held took 4.6 s for 6,400 once its plan was made for any number. Groups are locked in the order of their names.
-- slots is "slot fence position epoch wanted" of each, with commas in between.
CREATE OR REPLACE FUNCTION :schema.group_beat(
  groups text[], members text[], leaving boolean[], revisions bigint[], said jsonb, news jsonb, known jsonb,
  lease interval, release interval, max_parked integer
) RETURNS TABLE (ended text, slots text, marks jsonb, group_changed boolean, shared boolean)
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = :schema, pg_catalog, pg_temp SET lock_timeout = '5s' AS
$$
#variable_conflict use_column
DECLARE
  names text[];
  at timestamptz;
  alive integer[];
  changed text[];
  replaying text[];
BEGIN
  SELECT coalesce(array_agg(l.name), '{}') INTO names
    FROM (SELECT g.name FROM consumer_groups g WHERE g.name = ANY (groups) ORDER BY g.name FOR NO KEY UPDATE) l;
  at := clock_timestamp();
  UPDATE group_members m SET leased_until = at + lease
    FROM unnest(groups, members) b (name, id)
   WHERE m.group_name = b.name AND m.member_id = b.id AND m.leased_until > at;
  SELECT coalesce(array_agg(b.place), '{}') INTO alive
    FROM unnest(groups, members) WITH ORDINALITY b (name, id, place)
    JOIN group_members m ON m.group_name = b.name AND m.member_id = b.id AND m.leased_until > at;
  IF said <> '[]' OR news <> '[]' THEN
    PERFORM group_hear(groups, members, alive, said, news, at, max_parked);
  END IF;
  IF true = ANY (leaving) THEN
    DELETE FROM group_members m USING unnest(groups, members, leaving) b (name, id, leaves)
     WHERE b.leaves AND m.group_name = b.name AND m.member_id = b.id;
  END IF;
  changed := group_settle(names, at, release);
  SELECT array_agg(n.name) INTO replaying
    FROM unnest(names) n (name)
   WHERE EXISTS (SELECT FROM group_streams t WHERE t.group_name = n.name AND t.kind = 'REPLAYING');

  RETURN QUERY
  WITH asked AS (
    SELECT * FROM unnest(groups, members, leaving, revisions) WITH ORDINALITY b (name, id, leaves, revision, place)
  ), held AS (
    SELECT b.place, s.group_name, s.slot, s.fence, s.position, s.epoch, s.wanted_since IS NOT NULL AS wanted,
           coalesce(group_beat.known ->> concat_ws(' ', b.place, s.slot) = s.fence::text, false) AS is_known
      FROM asked b
      JOIN group_slots s ON s.group_name = b.name AND s.member = b.id
     WHERE b.place = ANY (alive) AND NOT b.leaves
  ), told AS (
    SELECT h.place, m.* FROM (SELECT * FROM held WHERE NOT is_known) h
     CROSS JOIN LATERAL group_marks(h.group_name, h.slot, h.position) m
    UNION ALL
    SELECT h.place, 'REPLAYING', h.slot, r.aggregate_type, r.aggregate_id, r.position, r.attempts
      FROM (SELECT * FROM held WHERE is_known AND group_name = ANY (replaying)) h
     CROSS JOIN LATERAL (SELECT t.* FROM group_streams t
                          WHERE t.group_name = h.group_name AND t.slot = h.slot AND t.kind = 'REPLAYING'
                          ORDER BY t.position LIMIT 100) r
  )
  SELECT CASE WHEN g.name IS NULL THEN 'GROUP_NOT_FOUND' WHEN b.place <> ALL (alive) THEN 'LEASE_LOST' END,
         h.slots, t.marks, coalesce(g.revision <> b.revision, false), coalesce(b.name = ANY (changed), false)
    FROM asked b
    LEFT JOIN consumer_groups g ON g.name = b.name AND g.name = ANY (names)
    LEFT JOIN (SELECT place, string_agg(
                        concat_ws(' ', slot, fence, position, coalesce(epoch::text, '-'), wanted::integer), ',' ORDER BY slot) AS slots
                 FROM held GROUP BY place) h ON h.place = b.place
    LEFT JOIN (SELECT place, jsonb_agg(jsonb_build_array(kind, slot, aggregate_type, aggregate_id, position::text, attempts)) AS marks
                 FROM told GROUP BY place) t ON t.place = b.place
   ORDER BY b.place;
END
$$;
