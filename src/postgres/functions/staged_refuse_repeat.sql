-- Raises EVENT_ID_REUSED unless what was found is the very same append.
CREATE OR REPLACE FUNCTION :schema.staged_refuse_repeat(known jsonb) RETURNS void
  LANGUAGE plpgsql IMMUTABLE SET search_path = :schema, pg_catalog, pg_temp AS
$$
BEGIN
  IF known ? 'reused' THEN
    PERFORM staged_refuse(
      'EVENT_ID_REUSED',
      format('Event id %s is in the log already%s, and this is not the same append: same ids, stream, order, types and data',
             known #>> '{reused,event_id}', ', at position ' || (known #>> '{reused,position}')),
      known -> 'reused', 'Use a new event id for a new event.');
  END IF;
END
$$;
