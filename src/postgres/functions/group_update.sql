-- Changes what is not null. False if there is no such group.
CREATE OR REPLACE FUNCTION :schema.group_update(of_group text, new_selection text, settings integer[]) RETURNS boolean
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = :schema, pg_catalog, pg_temp SET lock_timeout = '5s' AS
$$
BEGIN
  UPDATE consumer_groups g
     SET selection = coalesce(new_selection, g.selection), revision = g.revision + 1,
         ack_timeout_ms = coalesce(settings[1], g.ack_timeout_ms), max_attempts = coalesce(settings[2], g.max_attempts),
         retry_delay_ms = coalesce(settings[3], g.retry_delay_ms),
         max_retry_delay_ms = coalesce(settings[4], g.max_retry_delay_ms)
   WHERE g.name = of_group;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  PERFORM group_notify(of_group);
  RETURN true;
END
$$;
