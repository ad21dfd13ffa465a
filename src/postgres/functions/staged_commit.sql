-- The transaction commits: turns a staged append into events, under the log's lock, by the same function as all other
-- appends. What it refuses makes COMMIT fail, and with it everything that the transaction did.
CREATE OR REPLACE FUNCTION :schema.staged_commit() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = :schema, pg_catalog, pg_temp SET enable_seqscan = off AS
$$
DECLARE
  decided record;
  detail jsonb;
  actual bigint;
BEGIN
  SELECT a.* INTO STRICT decided
    FROM (SELECT coalesce(array_agg(1 ORDER BY e.place), '{}') AS entries,
                 coalesce(array_agg(e.event_id ORDER BY e.place), '{}') AS ids,
                 coalesce(array_agg(e.event_type ORDER BY e.place), '{}') AS types,
                 coalesce(array_agg(e.data ORDER BY e.place), '{}') AS data,
                 coalesce(array_agg(e.hash ORDER BY e.place), '{}') AS hashes,
                 coalesce(array_agg(e.content_type ORDER BY e.place), '{}') AS content_types,
                 coalesce(array_agg(e.metadata ORDER BY e.place), '{}') AS metadata,
                 coalesce(array_agg(e.tags::text ORDER BY e.place), '{}') AS tags,
                 coalesce(array_agg(e.schema_version ORDER BY e.place), '{}') AS schema_versions
            FROM staged_events e WHERE e.transaction = NEW.transaction AND e.append_place = NEW.place) s,
         append(ARRAY[NEW.aggregate_type], ARRAY[NEW.aggregate_id], ARRAY[1], ARRAY[1], ARRAY[NEW.expected], ARRAY[NEW.events],
                ARRAY[NEW.condition_after], ARRAY[NEW.condition_epoch], ARRAY[NEW.condition_checked],
                array_fill(1, ARRAY[cardinality(NEW.item_types)]), NEW.item_types, NEW.item_tags,
                s.entries, s.ids, s.types, s.data, s.hashes, s.content_types, s.metadata, s.tags, s.schema_versions) a;
  detail := decided.details -> 0;
  CASE decided.verdicts
    WHEN 'A' THEN actual := decided.entry_versions[1];
    WHEN 'D' THEN actual := detail #>> '{versions,0,2}';
    WHEN 'R' THEN PERFORM staged_refuse_version(NEW.aggregate_type, NEW.aggregate_id, NEW.expected, decided.entry_versions[1]);
    WHEN 'G' THEN PERFORM staged_refuse_deleted(NEW.aggregate_type, NEW.aggregate_id);
    WHEN 'X' THEN PERFORM staged_refuse_repeat(detail);
    ELSE PERFORM staged_refuse_condition(NEW.condition_after, NEW.condition_epoch, detail);
  END CASE;
  -- The caller was told versions. NO_STREAM alone does not ensure them: the stream may have been created and deleted since.
  IF actual <> NEW.last_version THEN
    PERFORM staged_refuse_version(NEW.aggregate_type, NEW.aggregate_id, NEW.expected, actual - NEW.events);
  END IF;
  DELETE FROM staged_events e WHERE e.transaction = NEW.transaction AND e.append_place = NEW.place;
  DELETE FROM staged_appends a WHERE a.transaction = NEW.transaction AND a.place = NEW.place;
  RETURN NULL;
END
$$;
