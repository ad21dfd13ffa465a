-- Keeps a snapshot and throws away all but the newest three. What speaks against it: N the stream never existed, G it is
-- deleted, V it has not come to that version, or was created anew since, or was erased in since; else A.
CREATE OR REPLACE FUNCTION :schema.save_snapshot(
  of_type text, of_id text, at_version bigint, state bytea, state_content_type text, state_schema_version integer,
  OUT verdict text, OUT first_version bigint, OUT last_version bigint
)
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = :schema, pg_catalog, pg_temp SET lock_timeout = '5s' AS
$$
DECLARE
  stream streams%ROWTYPE;
BEGIN
  -- An erasure locks the row FOR UPDATE: so it waits for this, and this for it. Appends lock FOR NO KEY UPDATE, with which FOR SHARE
  -- would not go together: all that is appended would wait for this commit.
  SELECT s.* INTO stream FROM streams s WHERE s.aggregate_type = of_type AND s.aggregate_id = of_id FOR KEY SHARE;
  first_version := greatest(stream.hidden_before, stream.erased_version, 1);
  last_version := stream.version;
  verdict := CASE WHEN stream.version IS NULL THEN 'N' WHEN stream.deleted_at IS NOT NULL THEN 'G'
                  WHEN at_version > stream.version OR at_version < first_version THEN 'V' ELSE 'A' END;
  IF verdict <> 'A' THEN
    RETURN;
  END IF;
  INSERT INTO snapshots AS s VALUES (of_type, of_id, at_version, state, state_content_type, state_schema_version, clock_timestamp())
    ON CONFLICT (aggregate_type, aggregate_id, version) DO UPDATE
    SET data = excluded.data, content_type = excluded.content_type, schema_version = excluded.schema_version,
        taken_at = excluded.taken_at;
  DELETE FROM snapshots s
   WHERE s.aggregate_type = of_type AND s.aggregate_id = of_id
     AND s.version < (SELECT min(k.version)
                        FROM (SELECT n.version FROM snapshots n WHERE n.aggregate_type = of_type AND n.aggregate_id = of_id
                               ORDER BY n.version DESC LIMIT 3) k);
END
$$;
