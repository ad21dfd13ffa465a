-- Decides a group of append requests, in order, under the lock of the log's head, and writes those that hold. One call,
-- one transaction, one round trip.
--
-- The lock comes first and the checks are later statements: this function is VOLATILE and the isolation is READ COMMITTED,
-- so each statement's snapshot begins after the lock, and sees all that was committed under it. One statement that
-- locked and checked would decide on rows as they were before it waited.
--
-- What comes in is flat: the distinct streams of the group; per request how many entries it has; per entry its stream
-- (index into the streams), expected version (above 0 exact, 0 NO_STREAM, -1 STREAM_EXISTS, -2 ANY) and how many events;
-- per event its columns. No two requests of a group may share an event id: the caller puts those into separate groups.
--
-- What comes out: a letter per request (A appended, R refused for an expected version, D repeated: done before,
-- X event id used for something else); per entry the stream's version, after the append or, if refused, as it is; the
-- head before the group; details of D and X.
--
-- The joins are told to walk indexes, since a plan kept from when the tables were small would read them whole.
CREATE OR REPLACE FUNCTION :schema.append(
  stream_aggregate_types text[], stream_aggregate_ids text[],
  request_entries integer[],
  entry_streams integer[], entry_expected bigint[], entry_events integer[],
  event_entries integer[], event_ids uuid[], event_types text[], event_data bytea[], event_hashes bytea[],
  event_content_types text[], event_metadata jsonb[], event_tags text[], event_schema_versions integer[],
  OUT verdicts text, OUT entry_versions bigint[], OUT head_before bigint, OUT recorded_at timestamptz, OUT epoch bigint,
  OUT repeats jsonb
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
  written bigint;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'Appends need the isolation level read committed, this transaction has %',
      current_setting('transaction_isolation') USING ERRCODE = '25001';
  END IF;

  SELECT head_position, greatest(head_recorded_at, clock_timestamp()), head_epoch
    INTO head_before, recorded_at, epoch FROM lock_head();

  SELECT array_agg(coalesce(s.version, 0) ORDER BY n.place) INTO stream_versions
    FROM unnest(stream_aggregate_types, stream_aggregate_ids) WITH ORDINALITY n (aggregate_type, aggregate_id, place)
    LEFT JOIN streams s ON s.aggregate_type = n.aggregate_type AND s.aggregate_id = n.aggregate_id;
  old_versions := stream_versions;

  SELECT EXISTS (SELECT FROM unnest(event_ids) n (id) JOIN events e ON e.event_id = n.id) INTO some_known;

  next_position := head_before + 1;
  verdicts := '';
  entry_versions := array_fill(0::bigint, ARRAY[cardinality(entry_streams)]);
  entry_first_event := array_fill(0, ARRAY[cardinality(entry_streams)]);
  entry_first_version := entry_versions;
  entry_first_position := entry_versions;
  entry_append_end := entry_versions;
  repeats := '[]';

  FOR request IN 1 .. cardinality(request_entries) LOOP
    entry_end := entry + request_entries[request];
    request_events := 0;
    FOR e IN entry + 1 .. entry_end LOOP
      request_events := request_events + entry_events[e];
    END LOOP;

    found := NULL;
    IF some_known AND request_events > 0 THEN
      found := find_repeat(
        event_ids[event + 1 : event + request_events],
        (SELECT array_agg(stream_aggregate_types[entry_streams[n.entry]] ORDER BY n.place)
           FROM unnest(event_entries[event + 1 : event + request_events]) WITH ORDINALITY n (entry, place)),
        (SELECT array_agg(stream_aggregate_ids[entry_streams[n.entry]] ORDER BY n.place)
           FROM unnest(event_entries[event + 1 : event + request_events]) WITH ORDINALITY n (entry, place)),
        event_types[event + 1 : event + request_events],
        event_hashes[event + 1 : event + request_events]);
    END IF;

    IF found IS NOT NULL THEN
      verdicts := verdicts || CASE WHEN found ? 'reused' THEN 'X' ELSE 'D' END;
      repeats := repeats || jsonb_build_array(found);
    ELSE
      holds := true;
      FOR e IN entry + 1 .. entry_end LOOP
        actual := stream_versions[entry_streams[e]];
        expected := entry_expected[e];
        entry_versions[e] := actual;
        IF NOT (CASE expected WHEN -2 THEN true WHEN -1 THEN actual > 0 ELSE actual = expected END) THEN
          holds := false;
        END IF;
      END LOOP;
      IF holds THEN
        verdicts := verdicts || 'A';
        append_end := next_position + request_events - 1;
        entry_event := event;
        FOR e IN entry + 1 .. entry_end LOOP
          IF entry_events[e] > 0 THEN
            stream := entry_streams[e];
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
      ELSE
        verdicts := verdicts || 'R';
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
    INSERT INTO streams (aggregate_type, aggregate_id, version, created_at, updated_at)
    SELECT n.aggregate_type, n.aggregate_id, n.version, append.recorded_at, append.recorded_at
      FROM unnest(stream_aggregate_types, stream_aggregate_ids, stream_versions, old_versions)
           n (aggregate_type, aggregate_id, version, old_version)
     WHERE n.old_version = 0 AND n.version > 0;

    UPDATE log_head SET position = next_position - 1, recorded_at = append.recorded_at;
  END IF;
END
$$;

-- Whether the events of a request, in order, are in the log already. NULL: none of the ids is. With the key "reused": some
-- are, but it is not the same append: same ids, streams, order, types, data (by hash) and extent. Else the original
-- result. Ids are looked up in the table under the lock, so the answer is final.
CREATE OR REPLACE FUNCTION :schema.find_repeat(
  ids uuid[], aggregate_types text[], aggregate_ids text[], types text[], hashes bytea[]
) RETURNS jsonb
  LANGUAGE plpgsql VOLATILE SET search_path = :schema, pg_catalog, pg_temp AS
$$
DECLARE
  known integer;
  same integer;
  first_known jsonb;
  first_position bigint;
  last_position bigint;
  whole boolean;
BEGIN
  WITH n AS (
    SELECT n.place, e.event_id, e.position, e.ends_append,
           e.position - n.place AS before,
           e.aggregate_type = n.aggregate_type AND e.aggregate_id = n.aggregate_id AND e.event_type = n.type
             AND e.hash = n.hash AS same
      FROM unnest(ids, aggregate_types, aggregate_ids, types, hashes)
           WITH ORDINALITY n (id, aggregate_type, aggregate_id, type, hash, place)
      JOIN events e ON e.event_id = n.id
  )
  SELECT count(*), count(*) FILTER (WHERE n.same AND n.before = (SELECT min(m.before) FROM n m)),
         (array_agg(jsonb_build_object('event_id', n.event_id, 'position', n.position::text) ORDER BY n.place))[1],
         min(n.position), max(n.position)
    INTO known, same, first_known, first_position, last_position
    FROM n;
  IF known = 0 THEN
    RETURN NULL;
  END IF;
  -- The same extent: the event before the first one, if any, ended another append, and the last one ended this.
  whole := same = cardinality(ids)
    AND coalesce((SELECT e.ends_append FROM events e WHERE e.position = first_position - 1), true)
    AND (SELECT e.ends_append FROM events e WHERE e.position = last_position)
    AND (SELECT count(*) FROM events e
          WHERE e.position >= first_position AND e.position < last_position AND e.ends_append) = 0;
  IF NOT whole THEN
    RETURN jsonb_build_object('reused', first_known);
  END IF;
  RETURN (
    SELECT jsonb_build_object(
             'first_position', first_position::text, 'last_position', last_position::text,
             'recorded_at', (extract(epoch FROM min(e.recorded_at)) * 1000000)::bigint::text,
             'versions', (SELECT jsonb_agg(jsonb_build_array(l.aggregate_type, l.aggregate_id, l.version::text) ORDER BY l.at)
                            FROM (SELECT aggregate_type, aggregate_id, max(version) AS version, min(position) AS at
                                    FROM events WHERE position BETWEEN first_position AND last_position
                                   GROUP BY aggregate_type, aggregate_id) l))
      FROM events e WHERE e.position BETWEEN first_position AND last_position
  );
END
$$;

-- Takes the lock that is the order of the log, and opens a new epoch if the server is another one, or on another
-- timeline, than the one that wrote the head: then a fail-over or a restore may have lost the log's tail.
CREATE OR REPLACE FUNCTION :schema.lock_head(OUT head_position bigint, OUT head_recorded_at timestamptz, OUT head_epoch bigint)
  LANGUAGE plpgsql VOLATILE SET search_path = :schema, pg_catalog, pg_temp AS
$$
DECLARE
  head log_head%ROWTYPE;
  now_system_id bigint;
  now_timeline integer;
BEGIN
  SELECT * INTO STRICT head FROM log_head FOR UPDATE;
  SELECT system_identifier INTO now_system_id FROM pg_control_system();
  now_timeline := timeline();
  IF head.system_id <> now_system_id OR head.timeline <> now_timeline THEN
    head.epoch := head.epoch + 1;
    INSERT INTO epochs VALUES (head.epoch, head.position, now_system_id, now_timeline, clock_timestamp());
    UPDATE log_head SET epoch = head.epoch, system_id = now_system_id, timeline = now_timeline;
  END IF;
  head_position := head.position;
  head_recorded_at := head.recorded_at;
  head_epoch := head.epoch;
END
$$;

-- What a service calls when it connects: makes the head where there is none yet, and opens a new epoch where the server
-- has changed.
CREATE OR REPLACE FUNCTION :schema.open_log(OUT head_position bigint, OUT head_epoch bigint)
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = :schema, pg_catalog, pg_temp AS
$$
DECLARE
  now_system_id bigint;
BEGIN
  IF NOT EXISTS (SELECT FROM log_head) THEN
    LOCK TABLE log_head IN SHARE ROW EXCLUSIVE MODE;
    IF NOT EXISTS (SELECT FROM log_head) THEN
      SELECT system_identifier INTO now_system_id FROM pg_control_system();
      INSERT INTO epochs VALUES (1, 0, now_system_id, timeline(), clock_timestamp());
      INSERT INTO log_head VALUES (true, 0, clock_timestamp(), 1, now_system_id, timeline());
    END IF;
  END IF;
  SELECT h.head_position, h.head_epoch INTO head_position, head_epoch FROM lock_head() h;
END
$$;

-- The position of the last event recorded before a time; 0 if there is none. Since positions are dense and
-- recorded_at never runs backwards along them, halving the log finds it without an index of its own.
CREATE OR REPLACE FUNCTION :schema.position_before(moment timestamptz) RETURNS bigint
  LANGUAGE plpgsql STABLE SET search_path = :schema, pg_catalog, pg_temp AS
$$
DECLARE
  low bigint := 0;
  high bigint;
  middle bigint;
  middle_at timestamptz;
BEGIN
  SELECT position INTO high FROM log_head;
  WHILE low < high LOOP
    middle := (low + high + 1) / 2;
    SELECT recorded_at INTO STRICT middle_at FROM events WHERE position = middle;
    IF middle_at < moment THEN low := middle; ELSE high := middle - 1; END IF;
  END LOOP;
  RETURN low;
END
$$;

-- The timeline that the server writes: it grows by one when a standby is promoted.
-- pg_control_checkpoint() would tell the old one until the first checkpoint after the promotion.
CREATE OR REPLACE FUNCTION :schema.timeline() RETURNS integer
  LANGUAGE sql VOLATILE SET search_path = pg_catalog AS
$$
  SELECT ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::integer
$$;

