-- What https://docs.eventide-project.org/user-guide/message-db/ says that Message DB does, as far as it is measured: its table
-- and indexes (anatomy.html), and write_message, get_stream_messages and get_category_messages (server-functions.html) with
-- what they need. Written from those pages, not from its code, and in the way that is fastest here: static SQL, one look into
-- an index for the version. Left out is what is off unless asked for: conditions in SQL, correlation, consumer groups, debugging.
CREATE SCHEMA message_store;

CREATE TABLE message_store.messages (
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  stream_name varchar NOT NULL,
  type varchar NOT NULL,
  position bigint NOT NULL,
  global_position bigserial PRIMARY KEY,
  data jsonb,
  metadata jsonb,
  time timestamp NOT NULL DEFAULT (now() AT TIME ZONE 'utc')
);

-- 'account' of 'account-123'.
CREATE FUNCTION message_store.category(stream_name varchar) RETURNS varchar
  LANGUAGE sql IMMUTABLE AS $$ SELECT split_part(stream_name, '-', 1)::varchar $$;

CREATE UNIQUE INDEX messages_id ON message_store.messages (id);
CREATE UNIQUE INDEX messages_stream ON message_store.messages (stream_name, position);
CREATE INDEX messages_category ON message_store.messages (
  message_store.category(stream_name),
  global_position,
  message_store.category(metadata ->> 'correlationStreamName')
);

CREATE FUNCTION message_store.hash_64(value varchar) RETURNS bigint
  LANGUAGE sql IMMUTABLE AS $$ SELECT ('x' || left(md5(value), 16))::bit(64)::bigint $$;

-- Until the transaction ends, nobody else writes to the stream's category.
CREATE FUNCTION message_store.acquire_lock(stream_name varchar) RETURNS bigint
  LANGUAGE plpgsql AS $$
DECLARE
  lock_id bigint := message_store.hash_64(message_store.category(stream_name));
BEGIN
  PERFORM pg_advisory_xact_lock(lock_id);
  RETURN lock_id;
END
$$;

-- The highest position in the stream; NULL if there is none.
CREATE FUNCTION message_store.stream_version(stream_name varchar) RETURNS bigint
  LANGUAGE sql STABLE AS $$
  SELECT max(position) FROM message_store.messages WHERE messages.stream_name = stream_version.stream_name
$$;

-- Answers the position. The version of a stream without messages is -1.
CREATE FUNCTION message_store.write_message(
  id varchar,
  stream_name varchar,
  type varchar,
  data jsonb,
  metadata jsonb DEFAULT NULL,
  expected_version bigint DEFAULT NULL
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  current_version bigint;
BEGIN
  PERFORM message_store.acquire_lock(stream_name);
  -- Not by stream_version: that would be one more call.
  SELECT max(messages.position) INTO current_version
    FROM message_store.messages WHERE messages.stream_name = write_message.stream_name;
  current_version := coalesce(current_version, -1);
  IF expected_version IS NOT NULL AND expected_version <> current_version THEN
    RAISE EXCEPTION 'Wrong expected version: % (Stream: %, Stream Version: %)',
      expected_version, stream_name, current_version;
  END IF;
  INSERT INTO message_store.messages (id, stream_name, type, position, data, metadata)
    VALUES (write_message.id::uuid, stream_name, type, current_version + 1, data, metadata);
  RETURN current_version + 1;
END
$$;

CREATE FUNCTION message_store.get_stream_messages(
  stream_name varchar,
  "position" bigint DEFAULT 0,
  batch_size bigint DEFAULT 1000
) RETURNS SETOF message_store.messages LANGUAGE sql STABLE AS $$
  SELECT * FROM message_store.messages
   WHERE messages.stream_name = get_stream_messages.stream_name
     AND messages.position >= get_stream_messages.position
   ORDER BY messages.position
   LIMIT batch_size
$$;

CREATE FUNCTION message_store.get_category_messages(
  category_name varchar,
  "position" bigint DEFAULT 1,
  batch_size bigint DEFAULT 1000
) RETURNS SETOF message_store.messages LANGUAGE sql STABLE AS $$
  SELECT * FROM message_store.messages
   WHERE message_store.category(messages.stream_name) = category_name
     AND messages.global_position >= get_category_messages.position
   ORDER BY messages.global_position
   LIMIT batch_size
$$;
