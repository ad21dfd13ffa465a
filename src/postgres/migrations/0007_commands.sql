-- The ledger of commands, and snapshots of aggregates.

CREATE TABLE :schema.commands (
  command_id     text        COLLATE "C" NOT NULL,
  command_type   text        COLLATE "C" NOT NULL,
  body_hash      bytea       NOT NULL,
  result         bytea       NOT NULL,
  first_position bigint      NOT NULL,
  last_position  bigint      NOT NULL,
  recorded_at    timestamptz NOT NULL,
  CONSTRAINT commands_pkey PRIMARY KEY (command_id)
);
COMMENT ON TABLE :schema.commands IS 'The commands that were carried out, by which a repeated one is answered as the first time';
COMMENT ON COLUMN :schema.commands.body_hash IS 'SHA-256 of what was asked for';
COMMENT ON COLUMN :schema.commands.result IS 'What was answered; empty if one of its events was erased';
COMMENT ON COLUMN :schema.commands.first_position IS 'Of its first event; 0 if it had none';
-- To find, when an event is erased, the command whose result may tell of it.
CREATE INDEX commands_last_position ON :schema.commands (last_position) WHERE last_position > 0;

CREATE TABLE :schema.snapshots (
  aggregate_type text        COLLATE "C" NOT NULL,
  aggregate_id   text        COLLATE "C" NOT NULL,
  version        bigint      NOT NULL,
  data           bytea       NOT NULL,
  content_type   text        COLLATE "C" NOT NULL,
  schema_version integer     NOT NULL,
  taken_at       timestamptz NOT NULL,
  CONSTRAINT snapshots_pkey PRIMARY KEY (aggregate_type, aggregate_id, version)
);
COMMENT ON TABLE :schema.snapshots IS 'States of aggregates at a version; may be thrown away at any time';

-- Its parameters change.
DROP FUNCTION IF EXISTS :schema.append(
  text[], text[], integer[], integer[], bigint[], integer[], bigint[], bigint[], bigint[], integer[], text[], text[],
  integer[], uuid[], text[], bytea[], bytea[], text[], jsonb[], text[], integer[]);

-- A snapshot from before an erasure would bring back what was erased.
ALTER TABLE :schema.streams ADD COLUMN erased_version bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN :schema.streams.erased_version IS 'The version of the last erasure; 0 if there was none';
