-- An expected version as the store has it: above 0 exact, 0 NO_STREAM, -1 STREAM_EXISTS, -2 ANY. Refuses all else, unset too.
CREATE OR REPLACE FUNCTION :schema.staged_expected(expected_version text) RETURNS bigint
  LANGUAGE plpgsql IMMUTABLE SET search_path = :schema, pg_catalog, pg_temp AS
$$
BEGIN
  CASE
    WHEN expected_version = 'NO_STREAM' THEN RETURN 0;
    WHEN expected_version = 'STREAM_EXISTS' THEN RETURN -1;
    WHEN expected_version = 'ANY' THEN RETURN -2;
    WHEN expected_version ~ '^[1-9][0-9]{0,18}$' AND expected_version::numeric <= 9223372036854775807 THEN
      RETURN expected_version::bigint;
    ELSE
      PERFORM staged_invalid('expected_version', format(
        'is %s, it must be a version of at least 1, NO_STREAM, STREAM_EXISTS or ANY',
        coalesce(to_json(left(expected_version, 60))::text, 'NULL')));
  END CASE;
END
$$;
