-- Wakes instances that have members of the group. In the transaction itself, since this is rare.
CREATE OR REPLACE FUNCTION :schema.group_notify(of_group text) RETURNS void
  LANGUAGE sql VOLATILE SET search_path = :schema, pg_catalog, pg_temp AS
$$
  SELECT pg_notify('hw_groups_' || current_schema(), of_group)
$$;
