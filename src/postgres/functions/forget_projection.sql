-- Deletes all that is kept of a projection, whose row the caller has locked.
CREATE OR REPLACE FUNCTION :schema.forget_projection(of_name text)
  RETURNS void LANGUAGE sql VOLATILE SET search_path = :schema, pg_catalog, pg_temp AS
$$
  DELETE FROM projection_generations WHERE name = of_name;
  DELETE FROM projection_aggregates WHERE name = of_name;
  DELETE FROM projections WHERE name = of_name;
$$;
