-- What is wrong with the keys of a JSON object, or NULL: all of them must be known, so that none is misspelt unnoticed.
CREATE OR REPLACE FUNCTION :schema.staged_unknown_key(value jsonb, known text[]) RETURNS text
  LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog AS
$$
BEGIN
  IF jsonb_typeof(value) IS DISTINCT FROM 'object' THEN
    RETURN format('is %s, it must be an object', left(coalesce(value::text, 'NULL'), 60));
  END IF;
  RETURN (SELECT format('has the unknown key %s; known are %s', to_json(left(k.key, 60)), array_to_string(known, ', '))
            FROM jsonb_object_keys(value) k (key) WHERE k.key <> ALL (known) ORDER BY k.key LIMIT 1);
END
$$;
