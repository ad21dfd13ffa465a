-- Decides a group of append requests, in order, under the lock of the log's head, and writes those that hold. One call,
-- one transaction, one round trip.
--
-- The lock comes first and the checks are later statements: this function is VOLATILE and the isolation is READ COMMITTED,
-- so each statement's snapshot begins after the lock, and sees all that was committed under it. One statement that
-- locked and checked would decide on rows as they were before it waited.
--
-- What comes in is flat: the distinct streams of the group; per request how many entries it has, and of its condition the
-- position above which events count (-1: no condition), the epoch in which that was read (0: unknown) and up to where it
-- was found to hold already; per entry its stream (index into the streams), expected version (above 0 exact, 0 NO_STREAM,
-- -1 STREAM_EXISTS, -2 ANY) and how many events; per item of a condition its request, types and tags; per event its
-- columns. The caller puts into separate groups requests that share an event id, and a condition together with events
-- before it in the group that may match it: conditions are checked against the table.
--
-- Per request, too, the command that it is the outcome of; an empty id: of none.
--
-- What comes out: a letter per request: M the command was carried out before, K its id was used for another one,
-- A appended, D repeated (done before), X event id used for something else, G a
-- stream is deleted, R refused for an expected version, P the condition's position is not of this log, E it is of a tail
-- that was lost, C refused for its condition; per entry the stream's version, after the append or, if refused, as it is;
-- the head before the group; for each letter but A and R an entry in details; the entries whose expected version failed.
--
-- The joins are told to walk indexes, since a plan kept from when the tables were small would read them whole.
CREATE OR REPLACE FUNCTION :schema.append(
  stream_aggregate_types text[], stream_aggregate_ids text[],
  request_entries integer[],
  entry_streams integer[], entry_expected bigint[], entry_events integer[],
  condition_afters bigint[], condition_epochs bigint[], condition_checked bigint[],
  item_requests integer[], item_types text[], item_tags text[],
  event_entries integer[], event_ids uuid[], event_types text[], event_data bytea[], event_hashes bytea[],
  event_content_types text[], event_metadata jsonb[], event_tags text[], event_schema_versions integer[],
  command_ids text[] DEFAULT NULL, command_types text[] DEFAULT NULL, command_hashes bytea[] DEFAULT NULL,
  command_results bytea[] DEFAULT NULL,
  OUT verdicts text, OUT entry_versions bigint[], OUT head_before bigint, OUT recorded_at timestamptz, OUT epoch bigint,
  OUT details jsonb, OUT failed_entries integer[]
)
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER
  SET search_path = :schema, pg_catalog, pg_temp
  SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
  SET plan_cache_mode = force_generic_plan
  SET lock_timeout = '10s'
  AS
$$
#variable_conflict use_column

DECLARE
  stream_versions bigint[];
  stream_deleted boolean[];
  stream_created_anew boolean[];
  old_versions bigint[];
  entry_first_event integer[];
  entry_first_version bigint[];
  entry_first_position bigint[];
  entry_append_end bigint[];
  some_known boolean;
  found jsonb;
  next_position bigint;
  append_end bigint;
  entry integer := 0;
  entry_end integer;
  event integer := 0;
  entry_event integer;
  request_events integer;
  stream integer;
  actual bigint;
  expected bigint;
  holds boolean;
  gone integer;
  refusal jsonb;
  verdict text;
  repeated boolean := false;
  item integer := 0;
  first_item integer;
  some_deleted boolean;
  some_conditions boolean := item_requests <> '{}';
  some_commands boolean := command_ids IS NOT NULL;
  commanded boolean;
  written bigint;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'Appends need the isolation level read committed, this transaction has %',
      current_setting('transaction_isolation') USING ERRCODE = '25001';
  END IF;

  SELECT head_position, greatest(head_recorded_at, clock_timestamp()), head_epoch
    INTO head_before, recorded_at, epoch FROM lock_head();

  SELECT array_agg(coalesce(s.version, 0) ORDER BY n.place), array_agg(s.deleted_at IS NOT NULL ORDER BY n.place)
    INTO stream_versions, stream_deleted
    FROM unnest(stream_aggregate_types, stream_aggregate_ids) WITH ORDINALITY n (aggregate_type, aggregate_id, place)
    LEFT JOIN streams s ON s.aggregate_type = n.aggregate_type AND s.aggregate_id = n.aggregate_id;
  old_versions := stream_versions;
  some_deleted := true = ANY (stream_deleted);
  IF some_deleted THEN
    stream_created_anew := array_fill(false, ARRAY[cardinality(stream_versions)]);
  END IF;

  SELECT EXISTS (SELECT FROM unnest(event_ids) n (id) JOIN events e ON e.event_id = n.id) INTO some_known;

  next_position := head_before + 1;
  verdicts := '';
  entry_versions := array_fill(0::bigint, ARRAY[cardinality(entry_streams)]);
  entry_first_event := array_fill(0, ARRAY[cardinality(entry_streams)]);
  entry_first_version := entry_versions;
  entry_first_position := entry_versions;
  entry_append_end := entry_versions;
  details := '[]';
  failed_entries := '{}';

  FOR request IN 1 .. cardinality(request_entries) LOOP
    entry_end := entry + request_entries[request];
    request_events := 0;
    FOR e IN entry + 1 .. entry_end LOOP
      request_events := request_events + entry_events[e];
    END LOOP;

    commanded := some_commands AND command_ids[request] <> '';
    found := NULL;
    IF commanded THEN
      found := find_command(command_ids[request], command_hashes[request]);
    END IF;
    IF found IS NOT NULL THEN
      verdict := CASE WHEN found ? 'reused' THEN 'K' ELSE 'M' END;
    ELSIF some_known AND request_events > 0 THEN
      found := find_repeat(
        event_ids[event + 1 : event + request_events],
        (SELECT array_agg(stream_aggregate_types[entry_streams[n.entry]] ORDER BY n.place)
           FROM unnest(event_entries[event + 1 : event + request_events]) WITH ORDINALITY n (entry, place)),
        (SELECT array_agg(stream_aggregate_ids[entry_streams[n.entry]] ORDER BY n.place)
           FROM unnest(event_entries[event + 1 : event + request_events]) WITH ORDINALITY n (entry, place)),
        event_types[event + 1 : event + request_events],
        event_hashes[event + 1 : event + request_events]);
      verdict := CASE WHEN found ? 'reused' THEN 'X' ELSE 'D' END;
    END IF;

    IF found IS NOT NULL THEN
      verdicts := verdicts || verdict;
      details := details || jsonb_build_array(found);
      repeated := true;
      WHILE item_requests[item + 1] = request LOOP
        item := item + 1;
      END LOOP;
    ELSE
      holds := true;
      FOR e IN entry + 1 .. entry_end LOOP
        stream := entry_streams[e];
        actual := stream_versions[stream];
        expected := entry_expected[e];
        entry_versions[e] := actual;
        IF some_deleted AND stream_deleted[stream] THEN
          -- To expect nothing is right of it; any other expectation meets a deleted stream.
          IF expected <> 0 THEN
            gone := coalesce(gone, stream);
          END IF;
        ELSIF NOT (CASE expected WHEN -2 THEN true WHEN -1 THEN actual > 0 ELSE actual = expected END) THEN
          holds := false;
          failed_entries := failed_entries || e;
        END IF;
      END LOOP;
      IF some_conditions AND condition_afters[request] >= 0 THEN
        first_item := item + 1;
        WHILE item_requests[item + 1] = request LOOP
          item := item + 1;
        END LOOP;
        IF holds AND gone IS NULL THEN
          refusal := refuse_condition(
            condition_afters[request], condition_epochs[request], condition_checked[request], head_before, epoch,
            item_types[first_item : item], item_tags[first_item : item]);
        END IF;
      END IF;
      IF gone IS NOT NULL THEN
        verdicts := verdicts || 'G';
        details := details || jsonb_build_array(jsonb_build_object(
          'deleted', jsonb_build_array(stream_aggregate_types[gone], stream_aggregate_ids[gone])));
        gone := NULL;
      ELSIF NOT holds THEN
        verdicts := verdicts || 'R';
      ELSIF refusal IS NOT NULL THEN
        verdicts := verdicts || (refusal ->> 'verdict');
        details := details || jsonb_build_array(refusal);
        refusal := NULL;
      ELSE
        verdicts := verdicts || 'A';
        append_end := next_position + request_events - 1;
        IF commanded THEN
          INSERT INTO commands VALUES (command_ids[request], command_types[request], command_hashes[request], command_results[request],
            CASE WHEN request_events > 0 THEN next_position ELSE 0 END, CASE WHEN request_events > 0 THEN append_end ELSE 0 END,
            append.recorded_at);
        END IF;
        entry_event := event;
        FOR e IN entry + 1 .. entry_end LOOP
          IF entry_events[e] > 0 THEN
            stream := entry_streams[e];
            IF some_deleted AND stream_deleted[stream] THEN
              stream_deleted[stream] := false;
              stream_created_anew[stream] := true;
            END IF;
            entry_first_event[e] := entry_event + 1;
            entry_first_version[e] := stream_versions[stream] + 1;
            entry_first_position[e] := next_position;
            entry_append_end[e] := append_end;
            next_position := next_position + entry_events[e];
            stream_versions[stream] := stream_versions[stream] + entry_events[e];
            entry_versions[e] := stream_versions[stream];
          END IF;
          entry_event := entry_event + entry_events[e];
        END LOOP;
      END IF;
    END IF;
    entry := entry_end;
    event := event + request_events;
  END LOOP;

  written := next_position - head_before - 1;
  IF written > 0 THEN
    INSERT INTO events (position, aggregate_type, aggregate_id, version, event_id, event_type, data, content_type,
                        metadata, tags, schema_version, recorded_at, hash, ends_append)
    SELECT entry_first_position[n.entry] + n.place - entry_first_event[n.entry],
           stream_aggregate_types[entry_streams[n.entry]], stream_aggregate_ids[entry_streams[n.entry]],
           entry_first_version[n.entry] + n.place - entry_first_event[n.entry],
           n.id, n.type, n.data, n.content_type, n.metadata, n.tags::text[], n.schema_version,
           append.recorded_at, n.hash,
           entry_first_position[n.entry] + n.place - entry_first_event[n.entry] = entry_append_end[n.entry]
      FROM unnest(event_entries, event_ids, event_types, event_data, event_hashes, event_content_types, event_metadata,
                  event_tags, event_schema_versions)
           WITH ORDINALITY n (entry, id, type, data, hash, content_type, metadata, tags, schema_version, place)
     WHERE entry_first_position[n.entry] > 0;
    GET DIAGNOSTICS actual = ROW_COUNT;
    IF actual <> written THEN
      RAISE EXCEPTION 'Wrote % events instead of %', actual, written USING ERRCODE = 'XX000';
    END IF;

    INSERT INTO event_tags (tag, position)
    SELECT t.tag, entry_first_position[n.entry] + n.place - entry_first_event[n.entry]
      FROM unnest(event_entries, event_tags) WITH ORDINALITY n (entry, tags, place), unnest(n.tags::text[]) t (tag)
     WHERE n.tags <> '{}' AND entry_first_position[n.entry] > 0;

    UPDATE streams s SET version = n.version, updated_at = append.recorded_at
      FROM unnest(stream_aggregate_types, stream_aggregate_ids, stream_versions, old_versions)
           n (aggregate_type, aggregate_id, version, old_version)
     WHERE n.old_version > 0 AND n.version > n.old_version
       AND s.aggregate_type = n.aggregate_type AND s.aggregate_id = n.aggregate_id;
    IF some_deleted AND true = ANY (stream_created_anew) THEN
      -- What it shows begins behind what was there; what was truncated or is to be erased stays so.
      UPDATE streams s SET created_at = append.recorded_at, deleted_at = NULL, hidden_before = n.old_version + 1
        FROM unnest(stream_aggregate_types, stream_aggregate_ids, old_versions, stream_created_anew)
             n (aggregate_type, aggregate_id, old_version, anew)
       WHERE n.anew AND s.aggregate_type = n.aggregate_type AND s.aggregate_id = n.aggregate_id;
    END IF;
    INSERT INTO streams (aggregate_type, aggregate_id, version, created_at, updated_at)
    SELECT n.aggregate_type, n.aggregate_id, n.version, append.recorded_at, append.recorded_at
      FROM unnest(stream_aggregate_types, stream_aggregate_ids, stream_versions, old_versions)
           n (aggregate_type, aggregate_id, version, old_version)
     WHERE n.old_version = 0 AND n.version > 0;

    UPDATE log_head SET position = next_position - 1, recorded_at = append.recorded_at WHERE log_head.position = head_before;
  ELSIF repeated THEN
    -- So that this commit, too, waits for the standbys: the first one may have been cut off from them before they had it, and
    -- a repeat must not promise more than there is.
    UPDATE log_head SET recorded_at = log_head.recorded_at WHERE log_head.position = head_before;
  END IF;
END
$$;
