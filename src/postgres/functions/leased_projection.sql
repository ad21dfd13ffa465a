-- Locks a generation for who has its lease; no row if another has it, or it was given back, or is gone. A lease that ran out
-- lasts on for as long as nobody else takes it.
CREATE OR REPLACE FUNCTION :schema.leased_projection(of_name text, of_generation bigint, of_fence bigint)
  RETURNS SETOF :schema.projection_generations LANGUAGE sql VOLATILE SET search_path = :schema, pg_catalog, pg_temp AS
$$
  SELECT l.* FROM (
    SELECT g.* FROM projection_generations g WHERE g.name = of_name AND g.generation = of_generation FOR UPDATE
  ) l WHERE l.fence = of_fence AND l.runner_id <> ''
$$;
