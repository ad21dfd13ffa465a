-- The log: one row an event, in one order.

CREATE TABLE :schema.events (
  position       bigint      NOT NULL,
  aggregate_type text        COLLATE "C" NOT NULL,
  aggregate_id   text        COLLATE "C" NOT NULL,
  version        bigint      NOT NULL CHECK (version >= 1),
  event_id       uuid        NOT NULL,
  event_type     text        COLLATE "C" NOT NULL,
  data           bytea       NOT NULL,
  content_type   text        COLLATE "C" NOT NULL,
  metadata       jsonb       NOT NULL,
  tags           text[]      COLLATE "C" NOT NULL,
  schema_version integer     NOT NULL,
  recorded_at    timestamptz NOT NULL,
  hash           bytea       NOT NULL,
  ends_append    boolean     NOT NULL,
  CONSTRAINT events_pkey PRIMARY KEY (position),
  CONSTRAINT events_stream_version_key UNIQUE (aggregate_type, aggregate_id, version),
  CONSTRAINT events_event_id_key UNIQUE (event_id)
);
COMMENT ON TABLE :schema.events IS 'The log: an event a row, in commit order; nothing is updated or deleted';
COMMENT ON COLUMN :schema.events.position IS 'Place in the log: 1, 2, 3 … in commit order, without gaps';
COMMENT ON COLUMN :schema.events.version IS 'Place in the stream: 1, 2, 3 … without gaps';
COMMENT ON COLUMN :schema.events.data IS 'The payload, byte for byte as it was appended';
COMMENT ON COLUMN :schema.events.hash IS 'SHA-256 of the payload as it was received, by which a repeated append is known';
COMMENT ON COLUMN :schema.events.ends_append IS 'Whether the event is the last of its append: what follows was appended separately';

-- Rows never change, so they can be frozen early and in small portions.
ALTER TABLE :schema.events SET (
  autovacuum_vacuum_insert_scale_factor = 0.05,
  autovacuum_freeze_min_age = 1000000,
  toast.autovacuum_freeze_min_age = 1000000
);

CREATE INDEX events_aggregate_type_position ON :schema.events (aggregate_type, position);
CREATE INDEX events_event_type_position ON :schema.events (event_type, position);

CREATE TABLE :schema.event_tags (
  tag      text   COLLATE "C" NOT NULL,
  position bigint NOT NULL,
  CONSTRAINT event_tags_pkey PRIMARY KEY (tag, position)
);
COMMENT ON TABLE :schema.event_tags IS 'The tags of the events once more, to find events by tag';

CREATE TABLE :schema.streams (
  aggregate_type text        COLLATE "C" NOT NULL,
  aggregate_id   text        COLLATE "C" NOT NULL,
  version        bigint      NOT NULL CHECK (version >= 1),
  created_at     timestamptz NOT NULL,
  updated_at     timestamptz NOT NULL,
  CONSTRAINT streams_pkey PRIMARY KEY (aggregate_type, aggregate_id)
) WITH (fillfactor = 70);
COMMENT ON TABLE :schema.streams IS 'The version of each stream''s last event';

CREATE TABLE :schema.epochs (
  epoch                  bigint      NOT NULL,
  started_after_position bigint      NOT NULL,
  system_id              bigint      NOT NULL,
  timeline               integer     NOT NULL,
  started_at             timestamptz NOT NULL,
  CONSTRAINT epochs_pkey PRIMARY KEY (epoch)
);
COMMENT ON TABLE :schema.epochs IS
  'The lives of the log: a new one begins when the server''s identity or timeline shows a fail-over or a restore';

CREATE TABLE :schema.log_head (
  one         boolean     NOT NULL DEFAULT true CHECK (one),
  position    bigint      NOT NULL,
  recorded_at timestamptz NOT NULL,
  epoch       bigint      NOT NULL,
  system_id   bigint      NOT NULL,
  timeline    integer     NOT NULL,
  CONSTRAINT log_head_pkey PRIMARY KEY (one)
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);
COMMENT ON TABLE :schema.log_head IS 'One row: the last event''s position and time; its row lock is the order of the log';

CREATE FUNCTION :schema.refuse_change() RETURNS trigger
  LANGUAGE plpgsql SET search_path = pg_catalog AS
$$
BEGIN
  RAISE EXCEPTION 'Events are append-only: % on % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = '55000';
END
$$;

CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON :schema.events
  FOR EACH ROW EXECUTE FUNCTION :schema.refuse_change();
CREATE TRIGGER events_no_truncate BEFORE TRUNCATE ON :schema.events
  FOR EACH STATEMENT EXECUTE FUNCTION :schema.refuse_change();
CREATE TRIGGER event_tags_append_only BEFORE UPDATE OR DELETE ON :schema.event_tags
  FOR EACH ROW EXECUTE FUNCTION :schema.refuse_change();
CREATE TRIGGER event_tags_no_truncate BEFORE TRUNCATE ON :schema.event_tags
  FOR EACH STATEMENT EXECUTE FUNCTION :schema.refuse_change();

-- Data and metadata as a person reads them; data that is not JSON shows as null.
CREATE FUNCTION :schema.json_or_null(data bytea, content_type text) RETURNS jsonb
  LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog AS
$$
BEGIN
  IF content_type !~* '^application/([a-z0-9.+-]+\+)?json *(;|$)' THEN
    RETURN NULL;
  END IF;
  RETURN convert_from(data, 'UTF8')::jsonb;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
  RETURN NULL;
END
$$;

CREATE VIEW :schema.events_json WITH (security_invoker = true) AS
  SELECT position, aggregate_type, aggregate_id, version, event_id, event_type,
         :schema.json_or_null(data, content_type) AS data, content_type, metadata, tags, schema_version, recorded_at
    FROM :schema.events;
COMMENT ON VIEW :schema.events_json IS 'The log with JSON payloads readable';
