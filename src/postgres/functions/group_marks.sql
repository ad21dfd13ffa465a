-- What is known about the streams of a slot: one mark of each, which says how far the stream is by its acks as well.
CREATE OR REPLACE FUNCTION :schema.group_marks(of_group text, of_slot integer, slot_position bigint)
  RETURNS TABLE (kind text, slot integer, aggregate_type text, aggregate_id text, "position" bigint, attempts integer)
  LANGUAGE sql STABLE SET search_path = :schema, pg_catalog, pg_temp AS
$$
  SELECT CASE WHEN t.kind = 'FAILING' AND a.position >= t.position OR t.kind IS NULL THEN 'ACKED' ELSE t.kind END,
         of_slot, coalesce(t.aggregate_type, a.aggregate_type), coalesce(t.aggregate_id, a.aggregate_id),
         CASE WHEN t.kind IS NULL OR t.kind = 'FAILING' AND a.position >= t.position THEN a.position
              ELSE greatest(t.position, a.position + 1) END,
         CASE WHEN t.kind IS NULL OR a.position >= t.position THEN 0 ELSE t.attempts END
    FROM (SELECT * FROM group_streams t WHERE t.group_name = of_group AND t.slot = of_slot) t
    FULL JOIN (SELECT * FROM group_acks a WHERE a.group_name = of_group AND a.slot = of_slot) a
      ON a.aggregate_type = t.aggregate_type AND a.aggregate_id = t.aggregate_id
   WHERE t.kind IS NOT NULL OR a.position > slot_position
$$;
