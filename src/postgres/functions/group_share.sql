-- Shares out the slots of a group evenly: says which of those that are held another is to have, and gives away those that
-- nobody holds, to who has the fewest. What remains after even division goes to those that have most already, so that
-- nothing moves that need not. Tells whether anything changed.
CREATE OR REPLACE FUNCTION :schema.group_share(of_group text, at timestamptz) RETURNS boolean
  LANGUAGE sql VOLATILE SET search_path = :schema, pg_catalog, pg_temp AS
$$
  WITH members AS (
    SELECT m.member_id, m.joined_at, count(s.slot) AS held, count(s.slot) - count(s.wanted_since) AS kept
      FROM group_members m LEFT JOIN group_slots s ON s.group_name = m.group_name AND s.member = m.member_id
     WHERE m.group_name = of_group GROUP BY m.member_id, m.joined_at
  ), ranked AS (
    SELECT m.member_id, m.held, count(*) OVER () AS members,
           row_number() OVER (ORDER BY m.kept DESC, m.joined_at, m.member_id) AS rank
      FROM members m
  ), shares AS (
    SELECT r.member_id, r.held, r.rank, g.slots / r.members + (r.rank <= g.slots % r.members)::integer AS quota
      FROM ranked r CROSS JOIN consumer_groups g WHERE g.name = of_group
  ), placed AS (
    SELECT s.slot, h.quota >= row_number() OVER (PARTITION BY s.member ORDER BY s.wanted_since IS NOT NULL, s.slot) AS stays
      FROM group_slots s JOIN shares h ON h.member_id = s.member WHERE s.group_name = of_group
  ), wanted AS (
    UPDATE group_slots s SET wanted_since = CASE WHEN p.stays THEN NULL ELSE at END
      FROM placed p
     WHERE s.group_name = of_group AND s.slot = p.slot AND p.stays <> (s.wanted_since IS NULL)
    RETURNING s.slot
  ), free AS (
    SELECT s.slot, row_number() OVER (ORDER BY s.slot) AS turn
      FROM group_slots s WHERE s.group_name = of_group AND s.member IS NULL
  ), seats AS (
    SELECT h.member_id, row_number() OVER (ORDER BY n.seat, h.rank) AS turn
      FROM shares h CROSS JOIN generate_series(h.held + 1, h.quota) n (seat)
  ), given AS (
    UPDATE group_slots s SET member = t.member_id, fence = s.fence + 1, wanted_since = NULL
      FROM free f JOIN seats t ON t.turn = f.turn
     WHERE s.group_name = of_group AND s.slot = f.slot
    RETURNING s.slot
  )
  SELECT EXISTS (SELECT FROM wanted) OR EXISTS (SELECT FROM given)
$$;
