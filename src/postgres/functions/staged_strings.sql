-- The texts of a JSON array of names; a missing one is empty. Refuses what is no array of names.
CREATE OR REPLACE FUNCTION :schema.staged_strings(field text, value jsonb) RETURNS text[]
  LANGUAGE plpgsql IMMUTABLE SET search_path = :schema, pg_catalog, pg_temp AS
$$
DECLARE
  strings text[] := '{}';
  element jsonb;
BEGIN
  IF value IS NULL THEN
    RETURN strings;
  END IF;
  IF jsonb_typeof(value) <> 'array' THEN
    PERFORM staged_invalid(field, format('is %s, it must be an array of strings', left(value::text, 60)));
  END IF;
  FOR element IN SELECT e.value FROM jsonb_array_elements(value) WITH ORDINALITY e (value, place) ORDER BY e.place LOOP
    PERFORM staged_invalid(
      format('%s[%s]', field, cardinality(strings)),
      CASE WHEN jsonb_typeof(element) <> 'string' THEN format('is %s, it must be a string', left(element::text, 60))
           ELSE staged_name_problem(element #>> '{}') END);
    strings := strings || (element #>> '{}');
  END LOOP;
  RETURN strings;
END
$$;
