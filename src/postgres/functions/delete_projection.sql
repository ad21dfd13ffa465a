-- Deletes a projection: A, or W where a runner has to delete tables, or what it emitted, first. N: there is none.
CREATE OR REPLACE FUNCTION :schema.delete_projection(of_name text, forget boolean, emitted boolean, OUT verdict text)
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = :schema, pg_catalog, pg_temp SET lock_timeout = '5s' AS
$$
DECLARE
  of_kind text;
BEGIN
  SELECT p.kind INTO of_kind FROM projections p WHERE p.name = of_name FOR UPDATE;
  IF NOT FOUND THEN
    verdict := 'N';
  ELSIF forget OR (of_kind <> 'READ_MODEL' AND NOT emitted) THEN
    PERFORM forget_projection(of_name);
    verdict := 'A';
  ELSE
    UPDATE projections p SET wish = 'DELETE', delete_emitted = emitted WHERE p.name = of_name;
    verdict := 'W';
  END IF;
END
$$;
