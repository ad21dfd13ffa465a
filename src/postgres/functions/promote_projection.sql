-- Has the generation that was built take the live one's place: A, also if it has it already. L: the lease is lost. B: it is
-- behind the live one, so that readers would see it go back; one with tables of its own was swapped there before.
CREATE OR REPLACE FUNCTION :schema.promote_projection(of_name text, of_generation bigint, of_fence bigint, OUT verdict text)
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = :schema, pg_catalog, pg_temp SET lock_timeout = '5s' AS
$$
DECLARE
  of_kind text;
  mine projection_generations%ROWTYPE;
  others bigint;
BEGIN
  SELECT p.kind INTO of_kind FROM projections p WHERE p.name = of_name FOR UPDATE;
  SELECT l.* INTO mine FROM leased_projection(of_name, of_generation, of_fence) l;
  IF NOT FOUND THEN
    verdict := 'L';
    RETURN;
  END IF;
  verdict := 'A';
  IF mine.live THEN
    RETURN;
  END IF;
  SELECT g.position INTO others FROM projection_generations g WHERE g.name = of_name AND g.live FOR UPDATE;
  IF of_kind <> 'READ_MODEL' AND mine.position < others THEN
    verdict := 'B';
    RETURN;
  END IF;
  PERFORM make_projection_live(of_name, of_generation, mine.definition_version);
END
$$;
