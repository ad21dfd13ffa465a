-- Takes the leases that are free of the generations that a runner can work on; makes the projection where it is not there, and
-- the next generation where the rule has a higher version.
--
-- K: it is of another kind. V: the live generation is of a later version. S: it is stopped. Else A, and what the runner has.
CREATE OR REPLACE FUNCTION :schema.acquire_projection(
  of_name text, of_kind text, of_version integer, of_runner text, of_runner_id text, own_live bigint, lease_ms integer,
  OUT verdict text, OUT fact text, OUT leases json
)
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = :schema, pg_catalog, pg_temp SET lock_timeout = '5s' AS
$$
DECLARE
  projection projections%ROWTYPE;
  live projection_generations%ROWTYPE;
  building projection_generations%ROWTYPE;
  now timestamptz;
BEGIN
  LOOP
    SELECT p.* INTO projection FROM projections p WHERE p.name = of_name FOR UPDATE;
    EXIT WHEN FOUND;
    INSERT INTO projections (name, kind, last_generation) VALUES (of_name, of_kind, greatest(1, own_live))
      ON CONFLICT (name) DO NOTHING;
    IF FOUND THEN
      INSERT INTO projection_generations (name, generation, live, definition_version)
        VALUES (of_name, greatest(1, own_live), true, of_version);
    END IF;
  END LOOP;
  IF projection.kind <> of_kind THEN
    verdict := 'K';
    fact := projection.kind;
    RETURN;
  END IF;
  SELECT g.* INTO live FROM projection_generations g WHERE g.name = of_name AND g.live FOR UPDATE;
  -- There it was swapped in, and we were not told.
  IF of_kind = 'READ_MODEL' AND own_live > live.generation THEN
    PERFORM make_projection_live(of_name, own_live, of_version);
    SELECT g.* INTO live FROM projection_generations g WHERE g.name = of_name AND g.live FOR UPDATE;
  END IF;
  SELECT g.* INTO building FROM projection_generations g WHERE g.name = of_name AND NOT g.live FOR UPDATE;
  IF projection.wish <> 'DELETE' THEN
    verdict := CASE WHEN of_version < live.definition_version THEN 'V' WHEN projection.wish = 'STOP' THEN 'S' END;
    fact := live.definition_version::text;
    IF verdict IS NOT NULL THEN
      RETURN;
    END IF;
    IF of_version > greatest(live.definition_version, building.definition_version) THEN
      DELETE FROM projection_aggregates a WHERE a.name = of_name AND a.generation = building.generation;
      DELETE FROM projection_generations g WHERE g.name = of_name AND g.generation = building.generation;
      UPDATE projections p SET last_generation = p.last_generation + 1 WHERE p.name = of_name
        RETURNING p.last_generation INTO projection.last_generation;
      INSERT INTO projection_generations (name, generation, live, definition_version, swap)
        VALUES (of_name, projection.last_generation, false, of_version, true);
    END IF;
  END IF;
  -- Behind all locks.
  now := clock_timestamp();
  WITH free AS (
    SELECT g.generation, g.leased_until > now AND g.runner_id = of_runner_id AS again
      FROM projection_generations g
     WHERE g.name = of_name AND (g.definition_version = of_version OR projection.wish = 'DELETE')
       AND (g.leased_until IS NULL OR g.leased_until <= now OR g.runner_id = of_runner_id)
  ), taken AS (
    UPDATE projection_generations g
       SET fence = CASE WHEN f.again THEN g.fence ELSE higher_number(g.fence) END,
           metrics = CASE WHEN f.again THEN g.metrics ELSE '{}' END,
           runner = of_runner, runner_id = of_runner_id, leased_until = now + lease_ms * interval '1 millisecond'
      FROM free f WHERE g.name = of_name AND g.generation = f.generation
    RETURNING g.generation, g.live, g.fence, g.position, g.epoch
  )
  SELECT 'A', json_agg(json_build_array(t.generation::text, t.live, t.fence::text, t.position::text, t.epoch::text)
                       ORDER BY NOT t.live)
    INTO verdict, leases FROM taken t;
END
$$;
