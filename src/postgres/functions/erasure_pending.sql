-- Whether an erasure of any stream has still events to empty. By the index that only such streams are in.
CREATE OR REPLACE FUNCTION :schema.erasure_pending() RETURNS boolean
  LANGUAGE plpgsql STABLE SET search_path = :schema, pg_catalog, pg_temp AS
$$
BEGIN
  PERFORM FROM streams s WHERE s.erase_from < s.erase_before ORDER BY s.erase_before LIMIT 1;
  RETURN FOUND;
END
$$;
