-- Raises INVALID_REQUEST for a field, if there is a problem with it.
CREATE OR REPLACE FUNCTION :schema.staged_invalid(field text, problem text) RETURNS void
  LANGUAGE plpgsql IMMUTABLE SET search_path = :schema, pg_catalog, pg_temp AS
$$
BEGIN
  IF problem IS NOT NULL THEN
    PERFORM staged_refuse('INVALID_REQUEST', format('%s: %s', field, problem),
                          jsonb_build_object('field', field, 'description', problem),
                          'Correct the call; sent again as it is, it is refused again.');
  END IF;
END
$$;
