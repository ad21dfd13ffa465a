-- Keeps position and state, of the whole and of aggregates, and renews the lease: A. L: the lease is lost. B: the position is
-- further back than the one that is kept, without a reset.
CREATE OR REPLACE FUNCTION :schema.save_projection(
  of_name text, of_generation bigint, of_fence bigint, at_position bigint, at_epoch bigint, new_state bytea,
  new_content_type text, done_reset bigint, types text[], ids text[], versions bigint[], states bytea[], failures jsonb[],
  lease_ms integer,
  OUT verdict text, OUT kept bigint
)
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = :schema, pg_catalog, pg_temp SET lock_timeout = '5s' AS
$$
DECLARE
  mine projection_generations%ROWTYPE;
  wanted bigint;
BEGIN
  SELECT l.* INTO mine FROM leased_projection(of_name, of_generation, of_fence) l;
  IF NOT FOUND THEN
    verdict := 'L';
    RETURN;
  END IF;
  kept := mine.position;
  IF done_reset IS NULL AND at_position < mine.position THEN
    verdict := 'B';
    RETURN;
  END IF;
  IF done_reset IS NOT NULL THEN
    SELECT p.reset_wanted INTO wanted FROM projections p WHERE p.name = of_name;
    DELETE FROM projection_aggregates a WHERE a.name = of_name AND a.generation = of_generation;
    mine.state := '';
    -- A number that was never wanted would let later resets be taken for done.
    mine.reset_done := greatest(mine.reset_done, least(done_reset, wanted));
  END IF;
  UPDATE projection_generations g
     SET position = at_position, epoch = at_epoch, state = coalesce(new_state, mine.state), content_type = new_content_type,
         reset_done = mine.reset_done, reported_at = clock_timestamp(),
         leased_until = clock_timestamp() + lease_ms * interval '1 millisecond'
   WHERE g.name = of_name AND g.generation = of_generation;
  INSERT INTO projection_aggregates AS a
    (name, generation, aggregate_type, aggregate_id, version, state, failure, failed_position, retry_at)
    SELECT of_name, of_generation, n.type, n.id, n.version, n.state, nullif(n.failure, 'null'),
           (n.failure ->> 'position')::bigint,
           'epoch'::timestamptz + (n.failure ->> 'retryAt')::bigint * interval '1 microsecond'
      FROM unnest(types, ids, versions, states, failures) AS n (type, id, version, state, failure)
    ON CONFLICT (name, generation, aggregate_type, aggregate_id) DO UPDATE
    SET version = excluded.version, state = excluded.state, failure = excluded.failure,
        failed_position = excluded.failed_position, retry_at = excluded.retry_at, due = false;
  verdict := 'A';
END
$$;
