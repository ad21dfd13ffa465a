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
-- Per request, too, the command that it is the outcome of; an empty id: of none. Tags, conditions and commands may be NULL as a
-- whole where no request has any.
--
-- What comes out: a letter per request: M the command was carried out before, K its id was used for another one,
-- A appended, D repeated (done before), X event id used for something else, G a
-- stream is deleted, R refused for an expected version, P the condition's position is not of this log, E it is of a tail
-- that was lost, C refused for its condition; per entry the stream's version, after the append or, if refused, as it is;
-- the head before the group; for each letter but A and R an entry in details; the entries whose expected version failed.
--
-- Most groups are plain: each request appends to one stream, none has a condition, and no id is known already. For them
-- deciding is a loop of a few cheap steps, about 1 µs a request instead of 3; all else goes the long way. What is written is
-- written once at the end, by one statement a table, and not at all where there is nothing: each statement costs as much as
-- ten rows. (`bench/append-function.ts`)
--
-- Plans are kept, also from when the tables were small and to read them whole was cheapest. So rows are looked for one by one,
-- each by a key, and never by a join, which then walked a whole index for each group: 70 µs a request more for every thousand
-- events, until the next ANALYZE.
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
  entries integer := cardinality(entry_streams);
  stream_versions bigint[];
  stream_rows tid[];
  old_versions bigint[];
  stream_deleted boolean[];
  stream_created_anew boolean[];
  -- Of an entry that is written, what is to be added to the place of an event in the group to have its position, and its
  -- version; and the place of the last event of its append: -1 if it is refused.
  entry_position_shift bigint[];
  entry_version_shift bigint[];
  entry_append_end integer[];
  -- Of a command that is to be kept: -1 if it is not.
  command_first bigint[];
  command_last bigint[];
  some_deleted boolean;
  some_known boolean;
  some_known_commands boolean;
  some_conditions boolean := coalesce(item_requests <> '{}', false);
  some_commands boolean := command_ids IS NOT NULL;
  found jsonb;
  written integer := 0;
  -- Streams that get their first event, and those that get further ones.
  created integer := 0;
  continued integer := 0;
  entry integer := 0;
  entry_end integer;
  event integer := 0;
  event_end integer;
  entry_event integer;
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
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'Appends need the isolation level read committed, this transaction has %',
      current_setting('transaction_isolation') USING ERRCODE = '25001';
  END IF;

  SELECT head_position, greatest(head_recorded_at, clock_timestamp()), head_epoch
    INTO head_before, recorded_at, epoch FROM lock_head();

  SELECT array_agg(n.version), array_agg(n.row), array_agg(n.deleted), bool_or(n.deleted),
         EXISTS (SELECT FROM events e WHERE e.event_id = ANY (event_ids)),
         EXISTS (SELECT FROM commands c WHERE c.command_id = ANY (command_ids))
    INTO stream_versions, stream_rows, stream_deleted, some_deleted, some_known, some_known_commands
    FROM (SELECT coalesce(s.version, 0) AS version, s.row, s.deleted_at IS NOT NULL AS deleted
            FROM unnest(stream_aggregate_types, stream_aggregate_ids) WITH ORDINALITY k (aggregate_type, aggregate_id, place)
            LEFT JOIN LATERAL (SELECT o.version, o.ctid AS row, o.deleted_at FROM streams o
                                WHERE o.aggregate_type = k.aggregate_type AND o.aggregate_id = k.aggregate_id LIMIT 1) s ON true
           ORDER BY k.place) n;
  old_versions := stream_versions;

  entry_versions := array_fill(0::bigint, ARRAY[entries]);
  entry_position_shift := entry_versions;
  entry_version_shift := entry_versions;
  entry_append_end := array_fill(-1, ARRAY[entries]);
  details := '[]';
  failed_entries := '{}';
  IF some_commands THEN
    command_first := array_fill(-1::bigint, ARRAY[cardinality(request_entries)]);
    command_last := command_first;
  END IF;

  IF 1 = ALL (request_entries) AND NOT (some_known OR some_known_commands OR some_deleted OR some_conditions) THEN
    verdicts := repeat('A', entries);
    FOR e IN 1 .. entries LOOP
      stream := entry_streams[e];
      actual := stream_versions[stream];
      expected := entry_expected[e];
      event_end := event + entry_events[e];
      IF expected <> actual AND (expected >= 0 OR (expected = -1 AND actual = 0)) THEN
        verdicts := overlay(verdicts PLACING 'R' FROM e FOR 1);
        failed_entries := failed_entries || e;
        entry_versions[e] := actual;
      ELSE
        entry_position_shift[e] := head_before + written - event;
        entry_version_shift[e] := actual - event;
        entry_append_end[e] := event_end;
        IF actual = old_versions[stream] AND event_end > event THEN
          IF actual > 0 THEN
            continued := continued + 1;
          ELSE
            created := created + 1;
          END IF;
        END IF;
        written := written + entry_events[e];
        actual := actual + entry_events[e];
        stream_versions[stream] := actual;
        entry_versions[e] := actual;
      END IF;
      event := event_end;
    END LOOP;
    IF some_commands THEN
      FOR e IN 1 .. entries LOOP
        IF entry_append_end[e] >= 0 THEN
          actual := CASE WHEN entry_events[e] > 0 THEN entry_position_shift[e] + entry_append_end[e] ELSE 0 END;
          command_first[e] := CASE WHEN actual > 0 THEN actual - entry_events[e] + 1 ELSE 0 END;
          command_last[e] := actual;
        END IF;
      END LOOP;
    END IF;
  ELSE
    verdicts := '';
    IF some_deleted THEN
      stream_created_anew := array_fill(false, ARRAY[cardinality(stream_versions)]);
    END IF;
    FOR request IN 1 .. cardinality(request_entries) LOOP
      entry_end := entry + request_entries[request];
      event_end := event;
      FOR e IN entry + 1 .. entry_end LOOP
        event_end := event_end + entry_events[e];
      END LOOP;

      found := NULL;
      IF some_known_commands AND command_ids[request] <> '' THEN
        found := find_command(command_ids[request], command_hashes[request]);
      END IF;
      IF found IS NOT NULL THEN
        verdict := CASE WHEN found ? 'reused' THEN 'K' ELSE 'M' END;
      ELSIF some_known AND event_end > event THEN
        found := find_repeat(
          event_ids[event + 1 : event_end],
          (SELECT array_agg(stream_aggregate_types[entry_streams[n.entry]] ORDER BY n.place)
             FROM unnest(event_entries[event + 1 : event_end]) WITH ORDINALITY n (entry, place)),
          (SELECT array_agg(stream_aggregate_ids[entry_streams[n.entry]] ORDER BY n.place)
             FROM unnest(event_entries[event + 1 : event_end]) WITH ORDINALITY n (entry, place)),
          event_types[event + 1 : event_end],
          event_hashes[event + 1 : event_end]);
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
          ELSIF expected <> actual AND (expected >= 0 OR (expected = -1 AND actual = 0)) THEN
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
          IF some_commands THEN
            command_first[request] := CASE WHEN event_end > event THEN head_before + written + 1 ELSE 0 END;
            command_last[request] := CASE WHEN event_end > event THEN head_before + written + event_end - event ELSE 0 END;
          END IF;
          entry_event := event;
          FOR e IN entry + 1 .. entry_end LOOP
            IF entry_events[e] > 0 THEN
              stream := entry_streams[e];
              IF some_deleted AND stream_deleted[stream] THEN
                stream_deleted[stream] := false;
                stream_created_anew[stream] := true;
              END IF;
              actual := stream_versions[stream];
              IF actual = old_versions[stream] THEN
                IF actual > 0 THEN
                  continued := continued + 1;
                ELSE
                  created := created + 1;
                END IF;
              END IF;
              entry_position_shift[e] := head_before + written - event;
              entry_version_shift[e] := actual - entry_event;
              entry_append_end[e] := event_end;
              entry_event := entry_event + entry_events[e];
              stream_versions[stream] := stream_versions[stream] + entry_events[e];
              entry_versions[e] := stream_versions[stream];
            END IF;
          END LOOP;
          written := written + event_end - event;
        END IF;
      END IF;
      entry := entry_end;
      event := event_end;
    END LOOP;
  END IF;

  IF some_commands THEN
    INSERT INTO commands (command_id, command_type, body_hash, result, first_position, last_position, recorded_at)
    SELECT n.id, n.type, n.hash, n.result, n.first, n.last, append.recorded_at
      FROM (SELECT unnest(command_ids) AS id, unnest(command_types) AS type, unnest(command_hashes) AS hash,
                   unnest(command_results) AS result, unnest(command_first) AS first, unnest(command_last) AS last) n
     WHERE n.id <> '' AND n.last >= 0;
  END IF;

  IF written > 0 THEN
    -- Several calls of unnest side by side: as one, in FROM, it would keep each array once more before the first row.
    INSERT INTO events (position, aggregate_type, aggregate_id, version, event_id, event_type, data, content_type,
                        metadata, tags, schema_version, recorded_at, hash, ends_append)
    SELECT n.place + entry_position_shift[n.entry],
           stream_aggregate_types[entry_streams[n.entry]], stream_aggregate_ids[entry_streams[n.entry]],
           n.place + entry_version_shift[n.entry],
           n.id, n.type, n.data, n.content_type, n.metadata,
           CASE WHEN n.tags <> '{}' THEN n.tags::text[] ELSE '{}' END, n.schema_version,
           append.recorded_at, n.hash,
           n.place = entry_append_end[n.entry]
      FROM (SELECT generate_series(1, cardinality(event_ids)) AS place, unnest(event_entries) AS entry,
                   unnest(event_ids) AS id, unnest(event_types) AS type, unnest(event_data) AS data,
                   unnest(event_hashes) AS hash, unnest(event_content_types) AS content_type,
                   unnest(event_metadata) AS metadata, unnest(event_tags) AS tags,
                   unnest(event_schema_versions) AS schema_version) n
     WHERE entry_append_end[n.entry] > 0;
    GET DIAGNOSTICS actual = ROW_COUNT;
    IF actual <> written THEN
      RAISE EXCEPTION 'Wrote % events instead of %', actual, written USING ERRCODE = 'XX000';
    END IF;

    IF event_tags IS NOT NULL THEN
      INSERT INTO event_tags (tag, position)
      SELECT t.tag, n.place + entry_position_shift[n.entry]
        FROM unnest(event_entries, event_tags) WITH ORDINALITY n (entry, tags, place), unnest(n.tags::text[]) t (tag)
       WHERE n.tags <> '{}' AND entry_append_end[n.entry] > 0;
    END IF;

    IF continued > 0 THEN
      -- By where the rows were found, which saves a third. What else writes to them without the lock, as the sweep does, may
      -- have moved some since: these are looked for once more.
      UPDATE streams s SET version = n.version, updated_at = append.recorded_at
        FROM (SELECT unnest(stream_rows) AS row, unnest(stream_versions) AS version, unnest(old_versions) AS old_version) n
       WHERE n.old_version > 0 AND n.version > n.old_version AND s.ctid = n.row AND s.version = n.old_version;
      GET DIAGNOSTICS actual = ROW_COUNT;
      IF actual < continued THEN
        UPDATE streams s SET version = n.version, updated_at = append.recorded_at
          FROM (SELECT unnest(stream_aggregate_types) AS aggregate_type, unnest(stream_aggregate_ids) AS aggregate_id,
                       unnest(stream_versions) AS version, unnest(old_versions) AS old_version) n
         WHERE n.old_version > 0 AND n.version > n.old_version
           AND s.aggregate_type = n.aggregate_type AND s.aggregate_id = n.aggregate_id AND s.version = n.old_version;
        GET DIAGNOSTICS event = ROW_COUNT;
        actual := actual + event;
      END IF;
      IF actual <> continued THEN
        RAISE EXCEPTION 'Continued % streams instead of %', actual, continued USING ERRCODE = 'XX000';
      END IF;
    END IF;
    IF some_deleted AND true = ANY (stream_created_anew) THEN
      -- What it shows begins behind what was there; what was truncated or is to be erased stays so.
      UPDATE streams s SET created_at = append.recorded_at, deleted_at = NULL, hidden_before = n.old_version + 1
        FROM unnest(stream_aggregate_types, stream_aggregate_ids, old_versions, stream_created_anew)
             n (aggregate_type, aggregate_id, old_version, anew)
       WHERE n.anew AND s.aggregate_type = n.aggregate_type AND s.aggregate_id = n.aggregate_id;
    END IF;
    IF created > 0 THEN
      INSERT INTO streams (aggregate_type, aggregate_id, version, created_at, updated_at)
      SELECT n.aggregate_type, n.aggregate_id, n.version, append.recorded_at, append.recorded_at
        FROM (SELECT unnest(stream_aggregate_types) AS aggregate_type, unnest(stream_aggregate_ids) AS aggregate_id,
                     unnest(stream_versions) AS version, unnest(old_versions) AS old_version) n
       WHERE n.old_version = 0 AND n.version > 0;
    END IF;

    UPDATE log_head SET position = head_before + written, recorded_at = append.recorded_at WHERE log_head.position = head_before;
  ELSIF repeated THEN
    -- So that this commit, too, waits for the standbys: the first one may have been cut off from them before they had it, and
    -- a repeat must not promise more than there is.
    UPDATE log_head SET recorded_at = log_head.recorded_at WHERE log_head.position = head_before;
  END IF;
END
$$;
