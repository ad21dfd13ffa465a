-- A stream as this transaction sees it: the version of its last event, its own pending ones included, whether it is
-- deleted, how many events are pending, and whether the version is certain should the transaction commit.
CREATE OR REPLACE FUNCTION :schema.staged_stream(
  of_type text, of_id text, OUT version bigint, OUT deleted boolean, OUT pending bigint, OUT certain boolean
)
  LANGUAGE plpgsql STABLE SET search_path = :schema, pg_catalog, pg_temp AS
$$
#variable_conflict use_column
DECLARE
  told bigint;
BEGIN
  SELECT s.version, s.deleted_at IS NOT NULL INTO version, deleted
    FROM streams s WHERE s.aggregate_type = of_type AND s.aggregate_id = of_id;
  SELECT coalesce(sum(a.events), 0), (array_agg(a.last_version ORDER BY a.place DESC))[1] INTO pending, told
    FROM staged_appends a
   WHERE a.transaction = pg_current_xact_id() AND a.aggregate_type = of_type AND a.aggregate_id = of_id;
  version := coalesce(told, coalesce(version, 0) + pending);
  certain := told IS NOT NULL;
  -- The first of the pending ones expects NO_STREAM and creates it anew; if it does not, COMMIT will fail.
  deleted := coalesce(deleted, false) AND NOT EXISTS (
    SELECT FROM staged_appends a
     WHERE a.transaction = pg_current_xact_id() AND a.aggregate_type = of_type AND a.aggregate_id = of_id
       AND a.expected = 0 AND a.events > 0);
END
$$;
