-- The next streams, behind the one given, that the sweep has to look at: those with a retention, and those of which
-- something is still to be emptied.
CREATE OR REPLACE FUNCTION :schema.streams_to_sweep(behind_type text, behind_id text, most integer)
  RETURNS TABLE (aggregate_type text, aggregate_id text)
  LANGUAGE sql STABLE SECURITY DEFINER SET search_path = :schema, pg_catalog, pg_temp SET enable_seqscan = off AS
$$
  SELECT s.aggregate_type, s.aggregate_id FROM streams s
   WHERE (s.max_age IS NOT NULL OR s.max_count IS NOT NULL OR s.swept_before < s.truncated_before OR s.erase_from < s.erase_before)
     AND (s.aggregate_type, s.aggregate_id) > (behind_type, behind_id)
   ORDER BY s.aggregate_type, s.aggregate_id
   LIMIT most
$$;
