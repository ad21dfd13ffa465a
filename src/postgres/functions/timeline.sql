-- The timeline that the server writes: it grows by one when a standby is promoted.
-- pg_control_checkpoint() would tell the old one until the first checkpoint after the promotion.
CREATE OR REPLACE FUNCTION :schema.timeline() RETURNS integer
  LANGUAGE sql VOLATILE SET search_path = pg_catalog AS
$$
  SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer
$$;
