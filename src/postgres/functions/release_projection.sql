-- Gives a lease back; does nothing if it was lost. With `deleted`, and where that was wanted, the generation is forgotten, and
-- with the last one the projection.
CREATE OR REPLACE FUNCTION :schema.release_projection(of_name text, of_generation bigint, of_fence bigint, deleted boolean)
  RETURNS void LANGUAGE plpgsql VOLATILE SECURITY DEFINER
  SET search_path = :schema, pg_catalog, pg_temp SET lock_timeout = '5s' AS
$$
DECLARE
  wanted text;
  mine projection_generations%ROWTYPE;
  other projection_generations%ROWTYPE;
BEGIN
  SELECT p.wish INTO wanted FROM projections p WHERE p.name = of_name FOR UPDATE;
  SELECT l.* INTO mine FROM leased_projection(of_name, of_generation, of_fence) l;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  UPDATE projection_generations g SET runner = '', runner_id = '', leased_until = NULL
   WHERE g.name = of_name AND g.generation = of_generation;
  IF NOT deleted OR wanted <> 'DELETE' THEN
    RETURN;
  END IF;
  SELECT g.* INTO other FROM projection_generations g WHERE g.name = of_name AND g.generation <> of_generation;
  IF NOT FOUND THEN
    PERFORM forget_projection(of_name);
  ELSIF mine.live THEN
    PERFORM make_projection_live(of_name, other.generation, other.definition_version);
  ELSE
    DELETE FROM projection_aggregates a WHERE a.name = of_name AND a.generation = of_generation;
    DELETE FROM projection_generations g WHERE g.name = of_name AND g.generation = of_generation;
  END IF;
END
$$;
