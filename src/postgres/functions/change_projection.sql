-- What operators want of a projection: PAUSE, RESUME, STOP, RESET (`flag`: also delete what it emitted), REBUILD (`flag`: wait
-- with the swap), SWAP and DISCARD what is built. N: there is none. D: it is being deleted. B: one is being built already, or
-- none is. Else A.
CREATE OR REPLACE FUNCTION :schema.change_projection(of_name text, change text, flag boolean, OUT verdict text)
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = :schema, pg_catalog, pg_temp SET lock_timeout = '5s' AS
$$
DECLARE
  projection projections%ROWTYPE;
  live projection_generations%ROWTYPE;
  building projection_generations%ROWTYPE;
BEGIN
  SELECT p.* INTO projection FROM projections p WHERE p.name = of_name FOR UPDATE;
  verdict := CASE WHEN NOT FOUND THEN 'N' WHEN projection.wish = 'DELETE' THEN 'D' END;
  IF verdict IS NOT NULL THEN
    RETURN;
  END IF;
  SELECT g.* INTO live FROM projection_generations g WHERE g.name = of_name AND g.live FOR UPDATE;
  SELECT g.* INTO building FROM projection_generations g WHERE g.name = of_name AND NOT g.live FOR UPDATE;
  IF (change = 'REBUILD' AND building.name IS NOT NULL) OR (change IN ('SWAP', 'DISCARD') AND building.name IS NULL) THEN
    verdict := 'B';
    RETURN;
  END IF;
  verdict := 'A';
  CASE change
    WHEN 'PAUSE', 'STOP' THEN
      UPDATE projections p SET wish = change WHERE p.name = of_name;
    WHEN 'RESUME' THEN
      UPDATE projections p SET wish = 'RUN', resumed = p.resumed + 1 WHERE p.name = of_name;
      UPDATE projection_generations g SET failed = false WHERE g.name = of_name AND g.failed;
    WHEN 'RESET' THEN
      UPDATE projections p SET reset_wanted = higher_number(p.reset_wanted), delete_emitted = flag WHERE p.name = of_name;
      UPDATE projection_generations g SET failed = false WHERE g.name = of_name AND g.live AND g.failed;
    WHEN 'REBUILD' THEN
      UPDATE projections p SET last_generation = p.last_generation + 1 WHERE p.name = of_name;
      INSERT INTO projection_generations (name, generation, live, definition_version, swap)
        VALUES (of_name, projection.last_generation + 1, false, live.definition_version, NOT flag);
    WHEN 'SWAP' THEN
      UPDATE projection_generations g SET swap = true WHERE g.name = of_name AND NOT g.live;
    WHEN 'DISCARD' THEN
      DELETE FROM projection_aggregates a WHERE a.name = of_name AND a.generation = building.generation;
      DELETE FROM projection_generations g WHERE g.name = of_name AND NOT g.live;
  END CASE;
END
$$;
