-- Moves all slots of a group, takes them from whoever has them and forgets all about its streams. Waits a second for
-- consumers' own transactions that have acknowledged something, then fails with 55P03: what they have written must not be
-- there afterwards. False if there is no such group.
CREATE OR REPLACE FUNCTION :schema.group_reset(of_group text, new_position bigint, new_epoch bigint) RETURNS boolean
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = :schema, pg_catalog, pg_temp SET lock_timeout = '1s' AS
$$
BEGIN
  UPDATE consumer_groups g SET revision = g.revision + 1 WHERE g.name = of_group;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  PERFORM FROM group_slots s WHERE s.group_name = of_group ORDER BY s.slot FOR UPDATE;
  UPDATE group_slots s
     SET fence = s.fence + 1, position = new_position, epoch = new_epoch, member = NULL, wanted_since = NULL
   WHERE s.group_name = of_group;
  DELETE FROM group_streams t WHERE t.group_name = of_group;
  DELETE FROM group_acks a WHERE a.group_name = of_group;
  PERFORM group_notify(of_group);
  RETURN true;
END
$$;
