-- Empties what a stream no longer keeps, at most so many versions at a time. Gives how many events were emptied, and whether
-- there is more to do at once.
--
-- It takes no lock beforehand: what it empties is hidden already, and an append to the stream must not wait for it longer
-- than for the last update.
CREATE OR REPLACE FUNCTION :schema.sweep_stream(
  of_type text, of_id text, most bigint, OUT emptied bigint, OUT more boolean
)
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = :schema, pg_catalog, pg_temp SET enable_seqscan = off SET lock_timeout = '10s' AS
$$
DECLARE
  stream streams%ROWTYPE;
  at timestamptz := clock_timestamp();
  head_at timestamptz;
  kept bigint;
  bound bigint;
  erased_to bigint;
  swept_to bigint;
BEGIN
  emptied := 0;
  more := false;
  SELECT s.* INTO stream FROM streams s WHERE s.aggregate_type = of_type AND s.aggregate_id = of_id;
  IF stream.version IS NULL THEN
    RETURN;
  END IF;
  -- Ages are not to be trusted while the newest event's time is ahead of the clock.
  SELECT h.recorded_at INTO head_at FROM log_head h ORDER BY h.position DESC LIMIT 1;
  kept := first_kept(of_type, of_id, stream.version, stream.truncated_before, stream.max_count,
                     CASE WHEN head_at > at + interval '5 seconds' THEN NULL ELSE stream.max_age END,
                     stream.system_versions, at);

  erased_to := least(stream.erase_before, stream.erase_from + most);
  IF stream.erase_from < erased_to THEN
    emptied := empty_events(of_type, of_id, stream.erase_from, erased_to - 1, 'ERASED');
  END IF;

  swept_to := stream.swept_before;
  WHILE swept_to < kept AND swept_to - stream.swept_before < most LOOP
    bound := least(kept, stream.swept_before + most);
    IF swept_to < stream.truncated_before THEN
      bound := least(bound, stream.truncated_before);
      emptied := emptied + empty_events(of_type, of_id, swept_to, bound - 1, 'TRUNCATED');
    ELSE
      emptied := emptied + empty_events(of_type, of_id, swept_to, bound - 1, 'EXPIRED');
    END IF;
    swept_to := bound;
  END LOOP;

  more := erased_to < stream.erase_before OR swept_to < kept;
  IF stream.erase_from < erased_to OR stream.swept_before < swept_to THEN
    UPDATE streams s
       SET erase_from = greatest(s.erase_from, erased_to),
           swept_before = greatest(s.swept_before, swept_to),
           -- What was emptied for its age or number stays hidden, also when more is kept later.
           truncated_before = greatest(s.truncated_before, swept_to)
     WHERE s.aggregate_type = of_type AND s.aggregate_id = of_id;
  END IF;
END
$$;
