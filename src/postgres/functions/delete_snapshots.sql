-- Throws all snapshots of an aggregate away; gives how many there were.
CREATE OR REPLACE FUNCTION :schema.delete_snapshots(of_type text, of_id text) RETURNS bigint
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = :schema, pg_catalog, pg_temp AS
$$
DECLARE
  deleted bigint;
BEGIN
  DELETE FROM snapshots s WHERE s.aggregate_type = of_type AND s.aggregate_id = of_id;
  GET DIAGNOSTICS deleted = ROW_COUNT;
  RETURN deleted;
END
$$;
