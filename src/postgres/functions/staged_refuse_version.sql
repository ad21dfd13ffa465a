-- Raises WRONG_EXPECTED_VERSION.
CREATE OR REPLACE FUNCTION :schema.staged_refuse_version(
  aggregate_type text, aggregate_id text, expected bigint, actual bigint
) RETURNS void
  LANGUAGE plpgsql IMMUTABLE SET search_path = :schema, pg_catalog, pg_temp AS
$$
DECLARE
  name text := CASE expected WHEN 0 THEN 'NO_STREAM' WHEN -1 THEN 'STREAM_EXISTS' WHEN -2 THEN 'ANY' ELSE expected::text END;
BEGIN
  PERFORM staged_refuse(
    'WRONG_EXPECTED_VERSION',
    format('Stream %s %s is at version %s, expected %s', aggregate_type, aggregate_id, actual, name),
    jsonb_build_object('aggregate_type', aggregate_type, 'aggregate_id', aggregate_id, 'expected', name, 'actual', actual::text),
    'Read the stream and decide again, in a new transaction.');
END
$$;
