-- What the service keeps of projections: what is wanted of them, who works on them, how far they are, and states.

CREATE TABLE :schema.projections (
  name            text        COLLATE "C" NOT NULL,
  kind            text        COLLATE "C" NOT NULL,
  wish            text        COLLATE "C" NOT NULL DEFAULT 'RUN',
  reset_wanted    bigint      NOT NULL DEFAULT 0,
  resumed         bigint      NOT NULL DEFAULT 0,
  delete_emitted  boolean     NOT NULL DEFAULT false,
  last_generation bigint      NOT NULL,
  created_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT projections_pkey PRIMARY KEY (name)
) WITH (fillfactor = 70);
COMMENT ON TABLE :schema.projections IS 'Projections, and what is wanted of their runners';
COMMENT ON COLUMN :schema.projections.wish IS 'RUN, PAUSE, STOP or DELETE';
COMMENT ON COLUMN :schema.projections.reset_wanted IS 'The number of the last reset that was asked for; rises with the time, in milliseconds';
COMMENT ON COLUMN :schema.projections.resumed IS 'How often it was resumed';
COMMENT ON COLUMN :schema.projections.delete_emitted IS 'With the reset, or the deletion, also the streams to which it emitted';
COMMENT ON COLUMN :schema.projections.last_generation IS 'The last number that was given to a generation; none is given twice';

CREATE TABLE :schema.projection_generations (
  name               text        COLLATE "C" NOT NULL,
  generation         bigint      NOT NULL,
  live               boolean     NOT NULL,
  definition_version integer     NOT NULL,
  position           bigint      NOT NULL DEFAULT 0,
  epoch              bigint      NOT NULL DEFAULT 0,
  state              bytea       NOT NULL DEFAULT '',
  content_type       text        COLLATE "C" NOT NULL DEFAULT '',
  runner             text        COLLATE "C" NOT NULL DEFAULT '',
  runner_id          text        COLLATE "C" NOT NULL DEFAULT '',
  fence              bigint      NOT NULL DEFAULT 0,
  leased_until       timestamptz,
  failure            jsonb,
  failed             boolean     NOT NULL DEFAULT false,
  reported_at        timestamptz,
  metrics            jsonb       NOT NULL DEFAULT '{}',
  comparison         text        COLLATE "C" NOT NULL DEFAULT '',
  reset_done         bigint      NOT NULL DEFAULT 0,
  swap               boolean     NOT NULL DEFAULT false,
  CONSTRAINT projection_generations_pkey PRIMARY KEY (name, generation)
) WITH (fillfactor = 50);
COMMENT ON TABLE :schema.projection_generations IS 'Runs of projections over the log: the one that readers see, and the one that is built beside it';
COMMENT ON COLUMN :schema.projection_generations.epoch IS 'In which the position was read; 0 if unknown';
COMMENT ON COLUMN :schema.projection_generations.runner_id IS 'Of who has the lease, or had it last; empty if it was given back';
COMMENT ON COLUMN :schema.projection_generations.fence IS 'Rises with each new holder, and with the time, in milliseconds';
COMMENT ON COLUMN :schema.projection_generations.failed IS 'It stands still because of the failure';
COMMENT ON COLUMN :schema.projection_generations.reset_done IS 'The number of the last reset that was carried out';
COMMENT ON COLUMN :schema.projection_generations.swap IS 'It takes the live one''s place as soon as it has caught up';
-- At most one of each.
CREATE UNIQUE INDEX projection_generations_live ON :schema.projection_generations (name) WHERE live;
CREATE UNIQUE INDEX projection_generations_building ON :schema.projection_generations (name) WHERE NOT live;

CREATE TABLE :schema.projection_aggregates (
  name            text        COLLATE "C" NOT NULL,
  generation      bigint      NOT NULL,
  aggregate_type  text        COLLATE "C" NOT NULL,
  aggregate_id    text        COLLATE "C" NOT NULL,
  version         bigint      NOT NULL,
  state           bytea       NOT NULL,
  failure         jsonb,
  failed_position bigint,
  retry_at        timestamptz,
  due             boolean     NOT NULL DEFAULT false,
  CONSTRAINT projection_aggregates_pkey PRIMARY KEY (name, generation, aggregate_type, aggregate_id)
) WITH (fillfactor = 80);
COMMENT ON TABLE :schema.projection_aggregates IS 'Of projections per aggregate: how far each aggregate has come, and its state';
COMMENT ON COLUMN :schema.projection_aggregates.failed_position IS 'Of the event that could not be handled';
COMMENT ON COLUMN :schema.projection_aggregates.retry_at IS 'When it is tried again; empty: not by itself';
COMMENT ON COLUMN :schema.projection_aggregates.due IS 'Somebody asked to have it tried again';
-- Few have failed, so these indexes are small, and those that go on well are updated without touching one.
CREATE INDEX projection_aggregates_failed ON :schema.projection_aggregates (name, generation, failed_position)
  WHERE failed_position IS NOT NULL;
CREATE INDEX projection_aggregates_retry ON :schema.projection_aggregates (name, generation, retry_at)
  WHERE retry_at IS NOT NULL;
CREATE INDEX projection_aggregates_due ON :schema.projection_aggregates (name, generation) WHERE due;
