-- Public: appends to a stream inside the caller's own transaction. The events are staged now and get their positions when
-- the transaction commits; what can be known to be wrong is refused at once, the rest by COMMIT. docs/sql.md has the
-- whole story.
--
-- Takes no lock that anybody waits for, so a transaction may stay open as long as it likes. The checks here are advice: the
-- function that COMMIT calls makes them all again, under the log's lock.
CREATE OR REPLACE FUNCTION :schema.append(
  aggregate_type text, aggregate_id text, expected_version text, events jsonb, condition jsonb DEFAULT NULL
) RETURNS TABLE (event_id uuid, version bigint, deduplicated boolean)
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER
  SET search_path = :schema, pg_catalog, pg_temp
  SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off
  AS
$$
#variable_conflict use_column
DECLARE
  expected bigint;
  asked record;
  ids uuid[];
  types text[];
  data bytea[];
  hashes bytea[];
  content_types text[];
  metadata jsonb[];
  tags text[];
  schema_versions integer[];
  found jsonb;
  stream record;
  head log_head%ROWTYPE;
  refusal jsonb;
  base bigint;
  next_place integer;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'Appends need the isolation level read committed, this transaction has %',
      current_setting('transaction_isolation')
      USING ERRCODE = '25001', HINT = 'Begin the transaction with BEGIN ISOLATION LEVEL READ COMMITTED.';
  END IF;
  PERFORM staged_invalid('aggregate_type', staged_name_problem(aggregate_type, true));
  PERFORM staged_invalid('aggregate_id', staged_name_problem(aggregate_id));
  expected := staged_expected(expected_version);
  SELECT * INTO asked FROM staged_parse_condition(condition);
  SELECT coalesce(array_agg(e.id), '{}'), coalesce(array_agg(e.type), '{}'), coalesce(array_agg(e.data), '{}'),
         coalesce(array_agg(sha256(e.data)), '{}'), coalesce(array_agg(e.content_type), '{}'),
         coalesce(array_agg(e.metadata), '{}'), coalesce(array_agg(e.tags), '{}'), coalesce(array_agg(e.schema_version), '{}')
    INTO ids, types, data, hashes, content_types, metadata, tags, schema_versions
    FROM staged_parse_events(append.events) e;
  PERFORM staged_invalid('events', format('has the event_id %s twice', i.id))
     FROM unnest(ids) i (id) GROUP BY i.id HAVING count(*) > 1;

  found := find_repeat(ids, array_fill(append.aggregate_type, ARRAY[cardinality(ids)]),
                       array_fill(append.aggregate_id, ARRAY[cardinality(ids)]), types, hashes);
  IF found IS NOT NULL THEN
    PERFORM staged_refuse_repeat(found);
    -- So that this commit, too, waits for the standbys: the first one may have been cut off from them before they had it.
    PERFORM pg_logical_emit_message(true, 'headwater', '');
    RETURN QUERY SELECT e.event_id, e.version, true
                   FROM unnest(ids) WITH ORDINALITY n (id, place) CROSS JOIN LATERAL
                        (SELECT o.event_id, o.version FROM events o WHERE o.event_id = n.id LIMIT 1) e
                  ORDER BY n.place;
    RETURN;
  END IF;
  IF staged_repeats(append.aggregate_type, append.aggregate_id, ids, types, hashes) THEN
    RETURN QUERY SELECT e.event_id, a.last_version - a.events + e.place, true
                   FROM staged_events e JOIN staged_appends a ON a.transaction = e.transaction AND a.place = e.append_place
                  WHERE e.transaction = pg_current_xact_id() AND e.event_id = ANY (ids) ORDER BY e.place;
    RETURN;
  END IF;

  SELECT * INTO stream FROM staged_stream(append.aggregate_type, append.aggregate_id);
  IF stream.deleted AND expected <> 0 THEN
    PERFORM staged_refuse_deleted(append.aggregate_type, append.aggregate_id);
  END IF;
  IF NOT (CASE expected WHEN -2 THEN true WHEN -1 THEN stream.version > 0 WHEN 0 THEN stream.version = 0 OR stream.deleted
          ELSE stream.version = expected END) THEN
    PERFORM staged_refuse_version(append.aggregate_type, append.aggregate_id, expected, stream.version);
  END IF;
  IF asked.after_position >= 0 THEN
    SELECT * INTO STRICT head FROM log_head ORDER BY position DESC LIMIT 1;
    refusal := coalesce(
      refuse_condition(asked.after_position, asked.after_epoch, 0, head.position, head.epoch, asked.item_types, asked.item_tags),
      (SELECT jsonb_build_object('verdict', 'C') FROM unnest(asked.item_types, asked.item_tags) i (types, tags)
        WHERE EXISTS (SELECT FROM staged_events e
                       WHERE e.transaction = pg_current_xact_id() AND e.tags @> i.tags::text[]
                         AND (i.types = '{}' OR e.event_type = ANY (i.types::text[])))
        LIMIT 1));
    IF refusal IS NOT NULL THEN
      PERFORM staged_refuse_condition(asked.after_position, asked.after_epoch, refusal);
    END IF;
  END IF;

  -- The versions are certain where what is before them is: the caller expects it, or was told it already.
  base := CASE WHEN stream.certain OR expected > 0 OR (expected = 0 AND cardinality(ids) > 0) THEN stream.version END;
  SELECT coalesce(max(a.place), 0) + 1 INTO next_place FROM staged_appends a WHERE a.transaction = pg_current_xact_id();
  -- Wakes whoever follows the log when this has committed. And the server refuses to PREPARE a transaction that has
  -- notified, which here is as necessary: prepared, it would keep the log's lock until somebody comes back to it.
  PERFORM pg_notify('headwater_' || current_schema(), '');
  INSERT INTO staged_events (transaction, append_place, place, event_id, event_type, data, content_type, metadata, tags,
                             schema_version, hash)
  SELECT pg_current_xact_id(), next_place, n.place, n.id, n.type, n.data, n.content_type, n.metadata, n.tags::text[],
         n.schema_version, n.hash
    FROM unnest(ids, types, data, content_types, metadata, tags, schema_versions, hashes)
         WITH ORDINALITY n (id, type, data, content_type, metadata, tags, schema_version, hash, place);
  INSERT INTO staged_appends (transaction, place, aggregate_type, aggregate_id, expected, events, last_version,
                              condition_after, condition_epoch, condition_checked, item_types, item_tags)
  VALUES (pg_current_xact_id(), next_place, append.aggregate_type, append.aggregate_id, expected, cardinality(ids),
          base + cardinality(ids), asked.after_position, asked.after_epoch, coalesce(head.position, 0),
          asked.item_types, asked.item_tags);
  RETURN QUERY SELECT n.id, base + n.place, false FROM unnest(ids) WITH ORDINALITY n (id, place) ORDER BY n.place;
END
$$;
