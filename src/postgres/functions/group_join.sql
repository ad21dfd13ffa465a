-- Adds a member and shares out the slots anew. A repeated call renews its lease. False if there is no such group.
CREATE OR REPLACE FUNCTION :schema.group_join(
  of_group text, new_member text, new_name text, lease interval, release interval
) RETURNS boolean
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = :schema, pg_catalog, pg_temp SET lock_timeout = '5s' AS
$$
BEGIN
  PERFORM FROM consumer_groups g WHERE g.name = of_group FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO group_members AS m VALUES (of_group, new_member, new_name, clock_timestamp(), clock_timestamp() + lease)
    ON CONFLICT (group_name, member_id) DO UPDATE SET leased_until = excluded.leased_until;
  PERFORM group_settle(ARRAY[of_group], clock_timestamp(), release);
  RETURN true;
END
$$;
