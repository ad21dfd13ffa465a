-- Whether an erasure of the stream, which is committed, has still to come to this version of it.
CREATE OR REPLACE FUNCTION :schema.is_erasing(of_type text, of_id text, version bigint) RETURNS boolean
  LANGUAGE plpgsql STABLE SET search_path = :schema, pg_catalog, pg_temp AS
$$
BEGIN
  PERFORM FROM streams s
    WHERE s.aggregate_type = of_type AND s.aggregate_id = of_id
      AND s.erase_from <= is_erasing.version AND is_erasing.version < s.erase_before;
  RETURN FOUND;
END
$$;
