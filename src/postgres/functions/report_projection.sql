-- Keeps what a runner reports, renews its lease, and tells what it is to do; L if the lease is lost.
CREATE OR REPLACE FUNCTION :schema.report_projection(
  of_name text, of_generation bigint, of_fence bigint, at_position bigint, at_epoch bigint, new_failure jsonb,
  new_failed boolean, new_metrics jsonb, new_comparison text, done_reset bigint, lease_ms integer,
  OUT verdict text, OUT wish text, OUT reset_wanted bigint, OUT resumed bigint, OUT delete_emitted boolean, OUT swap boolean,
  OUT aggregates_changed boolean, OUT acquire boolean
)
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = :schema, pg_catalog, pg_temp SET lock_timeout = '5s' AS
$$
#variable_conflict use_column
DECLARE
  mine projection_generations%ROWTYPE;
  projection projections%ROWTYPE;
  begun_anew boolean;
  reported boolean;
  now timestamptz;
BEGIN
  -- What a crash takes of a report comes again with the next one, and a lease that was not renewed only runs out sooner: it
  -- is not worth a wait for the disk, or for a standby. Acquiring, saving and promoting wait.
  PERFORM set_config('synchronous_commit', 'off', true);
  SELECT l.* INTO mine FROM leased_projection(of_name, of_generation, of_fence) l;
  IF NOT FOUND THEN
    verdict := 'L';
    RETURN;
  END IF;
  SELECT p.* INTO projection FROM projections p WHERE p.name = of_name;
  now := clock_timestamp();
  done_reset := greatest(mine.reset_done, least(done_reset, projection.reset_wanted));
  begun_anew := done_reset > mine.reset_done;
  reported := at_position IS NOT NULL;
  IF projection.kind IN ('STATE', 'AGGREGATES') THEN
    -- Only a save moves it: it would be ahead of the state.
    at_position := NULL;
    at_epoch := NULL;
  END IF;
  IF begun_anew THEN
    DELETE FROM projection_aggregates a WHERE a.name = of_name AND a.generation = of_generation;
  END IF;
  UPDATE projection_generations g
     SET leased_until = now + lease_ms * interval '1 millisecond',
         -- One that is further back came late.
         position = CASE WHEN begun_anew THEN coalesce(at_position, 0) ELSE greatest(g.position, at_position) END,
         epoch = CASE WHEN begun_anew OR at_position >= g.position THEN coalesce(at_epoch, 0) ELSE g.epoch END,
         state = CASE WHEN begun_anew THEN '' ELSE g.state END,
         content_type = CASE WHEN begun_anew THEN '' ELSE g.content_type END,
         reported_at = CASE WHEN reported THEN now ELSE g.reported_at END,
         failure = new_failure, failed = new_failed,
         metrics = coalesce(new_metrics, g.metrics), comparison = coalesce(new_comparison, g.comparison),
         reset_done = done_reset
   WHERE g.name = of_name AND g.generation = of_generation;
  SELECT 'A', projection.wish, projection.resumed, projection.delete_emitted,
         CASE WHEN mine.live AND projection.reset_wanted > done_reset THEN projection.reset_wanted ELSE 0 END,
         mine.swap AND NOT mine.live,
         EXISTS (SELECT FROM projection_aggregates a WHERE a.name = of_name AND a.generation = of_generation AND a.due),
         EXISTS (SELECT FROM projection_generations o
                  WHERE o.name = of_name AND o.generation <> of_generation
                    AND (o.leased_until IS NULL OR o.leased_until <= now)
                    AND (o.definition_version = mine.definition_version OR projection.wish = 'DELETE'))
    INTO verdict, wish, resumed, delete_emitted, reset_wanted, swap, aggregates_changed, acquire;
END
$$;
