-- Raises STREAM_DELETED.
CREATE OR REPLACE FUNCTION :schema.staged_refuse_deleted(aggregate_type text, aggregate_id text) RETURNS void
  LANGUAGE plpgsql IMMUTABLE SET search_path = :schema, pg_catalog, pg_temp AS
$$
BEGIN
  PERFORM staged_refuse('STREAM_DELETED', format('Stream %s %s is deleted', aggregate_type, aggregate_id),
                        jsonb_build_object('aggregate_type', aggregate_type, 'aggregate_id', aggregate_id),
                        'Restore it, or append with NO_STREAM to create it anew.');
END
$$;
