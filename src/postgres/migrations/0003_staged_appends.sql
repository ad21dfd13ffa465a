-- Appends inside the caller's own SQL transaction: they wait here, and become events when it commits. The rows are deleted
-- again in the same transaction, so nobody else ever sees one. UNLOGGED: what is worth keeping goes into the log.

CREATE UNLOGGED TABLE :schema.staged_appends (
  transaction      xid8     NOT NULL,
  place            integer  NOT NULL,
  aggregate_type   text     COLLATE "C" NOT NULL,
  aggregate_id     text     COLLATE "C" NOT NULL,
  expected         bigint   NOT NULL,
  events           integer  NOT NULL,
  last_version     bigint,
  condition_after  bigint   NOT NULL,
  condition_epoch  bigint   NOT NULL,
  condition_checked bigint  NOT NULL,
  item_types       text[]   COLLATE "C" NOT NULL,
  item_tags        text[]   COLLATE "C" NOT NULL,
  due              boolean  NOT NULL DEFAULT false,
  CONSTRAINT staged_appends_pkey PRIMARY KEY (transaction, place)
);
COMMENT ON TABLE :schema.staged_appends IS
  'Appends of open SQL transactions, which become events at COMMIT; a transaction sees its own only';
COMMENT ON COLUMN :schema.staged_appends.place IS 'The order within the transaction';
COMMENT ON COLUMN :schema.staged_appends.expected IS
  'The expected version: above 0 exact, 0 NO_STREAM, -1 STREAM_EXISTS, -2 ANY';
COMMENT ON COLUMN :schema.staged_appends.last_version IS
  'The version of its last event, where the caller was told; COMMIT fails if it turns out otherwise';
COMMENT ON COLUMN :schema.staged_appends.condition_after IS 'Above this position the condition counts; -1: no condition';
COMMENT ON COLUMN :schema.staged_appends.item_types IS 'The event types of each item of the condition, as array literals';
COMMENT ON COLUMN :schema.staged_appends.item_tags IS 'The tags of each item of the condition, as array literals';
COMMENT ON COLUMN :schema.staged_appends.due IS 'The transaction commits, and its other deferred constraints have been checked';

CREATE UNLOGGED TABLE :schema.staged_events (
  transaction    xid8    NOT NULL,
  append_place   integer NOT NULL,
  place          integer NOT NULL,
  event_id       uuid    NOT NULL,
  event_type     text    COLLATE "C" NOT NULL,
  data           bytea   NOT NULL,
  content_type   text    COLLATE "C" NOT NULL,
  metadata       jsonb   NOT NULL,
  tags           text[]  COLLATE "C" NOT NULL,
  schema_version integer NOT NULL,
  hash           bytea   NOT NULL,
  CONSTRAINT staged_events_pkey PRIMARY KEY (transaction, append_place, place)
);
COMMENT ON TABLE :schema.staged_events IS 'The events of staged_appends';
CREATE INDEX staged_events_event_id ON :schema.staged_events (event_id);

-- Their bodies are in files of these names. Here they are made so that the triggers can name them.
CREATE FUNCTION :schema.staged_due() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'The functions of this schema are not there yet'; END $$;
CREATE FUNCTION :schema.staged_commit() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'The functions of this schema are not there yet'; END $$;

-- Two steps: what the first one queues comes behind everything that the caller's transaction has deferred itself, such as
-- its foreign keys, so the lock of the log is the last that a COMMIT waits for.
CREATE CONSTRAINT TRIGGER staged_appends_due AFTER INSERT ON :schema.staged_appends
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION :schema.staged_due();
CREATE CONSTRAINT TRIGGER staged_appends_commit AFTER UPDATE OF due ON :schema.staged_appends
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION :schema.staged_commit();
