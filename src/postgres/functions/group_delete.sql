-- Deletes a group with all that is known about it. Waits a second for consumers' own transactions that have
-- acknowledged something, then fails with 55P03: beats of the group wait meanwhile. False if there is no such group.
CREATE OR REPLACE FUNCTION :schema.group_delete(of_group text) RETURNS boolean
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = :schema, pg_catalog, pg_temp SET lock_timeout = '1s' AS
$$
BEGIN
  PERFORM FROM consumer_groups g WHERE g.name = of_group FOR NO KEY UPDATE;
  PERFORM FROM group_slots s WHERE s.group_name = of_group ORDER BY s.slot FOR UPDATE;
  DELETE FROM consumer_groups g WHERE g.name = of_group;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  PERFORM group_notify(of_group);
  RETURN true;
END
$$;
