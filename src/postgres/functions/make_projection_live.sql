-- Has a generation take the live one's place; makes it where the service does not know it. The caller has the projection's row
-- locked.
CREATE OR REPLACE FUNCTION :schema.make_projection_live(of_name text, of_generation bigint, of_version integer)
  RETURNS void LANGUAGE plpgsql VOLATILE SET search_path = :schema, pg_catalog, pg_temp AS
$$
BEGIN
  DELETE FROM projection_generations g WHERE g.name = of_name AND g.generation <> of_generation;
  DELETE FROM projection_aggregates a WHERE a.name = of_name AND a.generation <> of_generation;
  INSERT INTO projection_generations AS g (name, generation, live, definition_version)
    VALUES (of_name, of_generation, true, of_version)
    ON CONFLICT (name, generation) DO UPDATE SET live = true, swap = false;
  -- It was built from the beginning: what a reset is for is done.
  UPDATE projection_generations g SET reset_done = p.reset_wanted
    FROM projections p WHERE p.name = of_name AND g.name = of_name AND g.generation = of_generation;
  UPDATE projections p SET last_generation = greatest(p.last_generation, of_generation) WHERE p.name = of_name;
END
$$;
