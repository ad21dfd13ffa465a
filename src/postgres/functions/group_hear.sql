-- Keeps what members say about slots that they hold under the fence that they name. The groups must be locked; places are
-- those of `groups` and `members`, and `alive` those of them that are members still.
CREATE OR REPLACE FUNCTION :schema.group_hear(
  groups text[], members text[], alive integer[], said jsonb, news jsonb, at timestamptz, max_parked integer
) RETURNS void
  LANGUAGE plpgsql VOLATILE SET search_path = :schema, pg_catalog, pg_temp AS
$$
DECLARE
  one record;
  counted text;
  room integer;
  parked integer;
  refused_groups text[] := '{}';
  refused_slots integer[] := '{}';
BEGIN
  FOR one IN
    WITH lives AS MATERIALIZED (
      SELECT e.epoch, e.started_after_position FROM epochs e
      UNION ALL
      -- The one that the next append will open.
      SELECT h.epoch + 1, h.position FROM (SELECT * FROM log_head h ORDER BY h.position DESC LIMIT 1) h
       WHERE h.timeline <> timeline() OR h.system_id <> (SELECT c.system_identifier FROM pg_control_system() c)
    )
    SELECT s.group_name, n.*,
           n.kind IN ('PARKED', 'REPLAYED')
           AND n.position - (n.kind = 'REPLAYED')::integer > (
                 SELECT min(l.started_after_position) FROM lives l WHERE l.epoch > n.epoch) AS is_lost
      FROM ROWS FROM (jsonb_to_recordset(news) AS (
             place integer, slot integer, fence bigint, epoch bigint, kind text, aggregate_type text, aggregate_id text,
             position bigint, attempts integer, version bigint, event_type text, event_id uuid, reason text)) WITH ORDINALITY n
      JOIN group_slots s ON s.group_name = groups[n.place] AND s.slot = n.slot AND s.member = members[n.place] AND s.fence = n.fence
     WHERE n.place = ANY (alive) ORDER BY n.ordinality
  LOOP
    -- It is about an event that a fail-over lost, and would hold back, or count as done, what stands there now.
    IF one.is_lost THEN
      refused_groups := refused_groups || one.group_name;
      refused_slots := refused_slots || one.slot;
      CONTINUE;
    END IF;
    IF one.kind = 'PARKED' AND counted IS DISTINCT FROM one.group_name THEN
      counted := one.group_name;
      SELECT max_parked - count(*) INTO room
        FROM (SELECT FROM group_streams t WHERE t.group_name = counted AND t.kind <> 'FAILING' LIMIT max_parked) p;
    END IF;
    parked := group_keep_news(
      one.group_name, one.slot, one.aggregate_type, one.aggregate_id, one.kind, one.position, one.attempts, one.version,
      one.event_type, one.event_id, one.reason, at, room);
    room := room - coalesce(parked, 0);
    IF parked IS NULL THEN
      refused_groups := refused_groups || one.group_name;
      refused_slots := refused_slots || one.slot;
    END IF;
  END LOOP;
  -- Their positions must not pass what was not kept, so who holds them is made to begin anew there.
  UPDATE group_slots s SET fence = s.fence + 1
   WHERE (s.group_name, s.slot) IN (SELECT * FROM unnest(refused_groups, refused_slots));

  WITH moved AS (
    UPDATE group_slots s
       SET position = greatest(n.position, s.position),
           epoch = CASE WHEN n.position > s.position THEN n.epoch WHEN n.position = s.position THEN greatest(n.epoch, s.epoch)
                        ELSE s.epoch END,
           wanted_since = CASE WHEN n.release THEN '-infinity' ELSE s.wanted_since END
      FROM jsonb_to_recordset(said) n (
             place integer, slot integer, fence bigint, position bigint, epoch bigint, release boolean)
     WHERE n.place = ANY (alive) AND s.group_name = groups[n.place] AND s.slot = n.slot
       AND s.member = members[n.place] AND s.fence = n.fence
       AND (n.release OR n.position > s.position OR n.position = s.position AND n.epoch > coalesce(s.epoch, 0))
    RETURNING s.group_name, s.slot, s.position
  ), handled AS (
    DELETE FROM group_streams t USING moved m
     WHERE t.group_name = m.group_name AND t.slot = m.slot AND t.kind = 'FAILING' AND t.position <= m.position
  ), passed AS (
    -- Not what an open transaction of a consumer writes: nobody waits for that. Nor more than a beat has time for: what is
    -- left says nothing that the position does not.
    SELECT a.group_name, a.aggregate_type, a.aggregate_id
      FROM group_acks a JOIN moved m ON m.group_name = a.group_name AND m.slot = a.slot
     WHERE a.position <= m.position
       AND NOT EXISTS (SELECT FROM group_streams t
                        WHERE t.group_name = a.group_name AND t.aggregate_type = a.aggregate_type
                          AND t.aggregate_id = a.aggregate_id AND t.kind <> 'FAILING')
     LIMIT 10000
       FOR UPDATE OF a SKIP LOCKED
  )
  DELETE FROM group_acks a USING passed p
   WHERE a.group_name = p.group_name AND a.aggregate_type = p.aggregate_type AND a.aggregate_id = p.aggregate_id;
END
$$;
