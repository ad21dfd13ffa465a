-- Consumer groups: what they have done, who holds which of their slots, and which streams are parked.

CREATE TABLE :schema.consumer_groups (
  name               text        COLLATE "C" NOT NULL,
  selection          text        NOT NULL,
  ack_timeout_ms     integer     NOT NULL,
  max_attempts       integer     NOT NULL,
  retry_delay_ms     integer     NOT NULL,
  max_retry_delay_ms integer     NOT NULL,
  slots              integer     NOT NULL CHECK (slots >= 1),
  revision           bigint      NOT NULL,
  created_at         timestamptz NOT NULL,
  CONSTRAINT consumer_groups_pkey PRIMARY KEY (name)
);
COMMENT ON TABLE :schema.consumer_groups IS 'Named subscriptions that competing consumers share';
COMMENT ON COLUMN :schema.consumer_groups.selection IS 'Scope and filters as JSON; text, so that the same selection is the same value';
COMMENT ON COLUMN :schema.consumer_groups.slots IS 'Into how many the streams are shared out';
COMMENT ON COLUMN :schema.consumer_groups.revision IS 'Higher with each change and each reset';

-- Both are updated all the time and have no index but their key's, so that updates stay on their page.
CREATE TABLE :schema.group_slots (
  group_name   text    COLLATE "C" NOT NULL,
  slot         integer NOT NULL,
  fence        bigint  NOT NULL,
  position     bigint  NOT NULL,
  epoch        bigint,
  member       text    COLLATE "C",
  wanted_since timestamptz,
  CONSTRAINT group_slots_pkey PRIMARY KEY (group_name, slot),
  CONSTRAINT group_slots_group_fkey FOREIGN KEY (group_name) REFERENCES :schema.consumer_groups ON DELETE CASCADE
) WITH (fillfactor = 50);
COMMENT ON TABLE :schema.group_slots IS 'How far each slot of a group is, and which member holds it';
COMMENT ON COLUMN :schema.group_slots.fence IS 'Higher each time that the slot changes hands: what is written for it under an older one is refused';
COMMENT ON COLUMN :schema.group_slots.position IS 'All events of its streams up to here are done, or parked';
COMMENT ON COLUMN :schema.group_slots.member IS 'Who holds it; null: nobody';
COMMENT ON COLUMN :schema.group_slots.wanted_since IS 'Since when another member is to have it; -infinity: it was released';

CREATE TABLE :schema.group_members (
  group_name   text        COLLATE "C" NOT NULL,
  member_id    text        COLLATE "C" NOT NULL,
  name         text        NOT NULL,
  joined_at    timestamptz NOT NULL,
  leased_until timestamptz NOT NULL,
  CONSTRAINT group_members_pkey PRIMARY KEY (group_name, member_id),
  CONSTRAINT group_members_group_fkey FOREIGN KEY (group_name) REFERENCES :schema.consumer_groups ON DELETE CASCADE
) WITH (fillfactor = 50);
COMMENT ON TABLE :schema.group_members IS 'Consumers that are connected, to whichever instance of the service';
COMMENT ON COLUMN :schema.group_members.leased_until IS 'When it counts as gone, by the clock of the database';

CREATE TABLE :schema.group_streams (
  group_name     text    COLLATE "C" NOT NULL,
  aggregate_type text    COLLATE "C" NOT NULL,
  aggregate_id   text    COLLATE "C" NOT NULL,
  slot           integer NOT NULL,
  kind           text    COLLATE "C" NOT NULL CHECK (kind IN ('FAILING', 'PARKED', 'REPLAYING')),
  position       bigint  NOT NULL,
  attempts       integer NOT NULL,
  version        bigint,
  event_type     text    COLLATE "C",
  event_id       uuid,
  reason         text,
  parked_at      timestamptz,
  CONSTRAINT group_streams_pkey PRIMARY KEY (group_name, aggregate_type, aggregate_id),
  CONSTRAINT group_streams_slot_fkey FOREIGN KEY (group_name, slot) REFERENCES :schema.group_slots ON DELETE CASCADE
);
COMMENT ON TABLE :schema.group_streams IS 'Streams of a group about which more is known than the position of their slot';
COMMENT ON COLUMN :schema.group_streams.kind IS 'FAILING: an event is tried again; PARKED: the stream is held back; REPLAYING: it is to be tried again';
COMMENT ON COLUMN :schema.group_streams.position IS 'The first event of the stream that is not done';
COMMENT ON COLUMN :schema.group_streams.attempts IS 'How often that was tried';
COMMENT ON COLUMN :schema.group_streams.parked_at IS 'When it was parked, with version, type and id of the event and the reason; null if FAILING';
CREATE INDEX group_streams_slot ON :schema.group_streams (group_name, slot);
CREATE INDEX group_streams_parked ON :schema.group_streams (group_name, position, aggregate_type, aggregate_id)
  WHERE kind <> 'FAILING';
CREATE INDEX group_streams_replaying ON :schema.group_streams (group_name, slot, position) WHERE kind = 'REPLAYING';

-- Apart from group_streams: consumers write it in transactions of their own, which nobody may have to wait for.
CREATE TABLE :schema.group_acks (
  group_name     text    COLLATE "C" NOT NULL,
  aggregate_type text    COLLATE "C" NOT NULL,
  aggregate_id   text    COLLATE "C" NOT NULL,
  slot           integer NOT NULL,
  position       bigint  NOT NULL,
  CONSTRAINT group_acks_pkey PRIMARY KEY (group_name, aggregate_type, aggregate_id),
  CONSTRAINT group_acks_slot_fkey FOREIGN KEY (group_name, slot) REFERENCES :schema.group_slots ON DELETE CASCADE
) WITH (fillfactor = 70);
COMMENT ON TABLE :schema.group_acks IS 'How far streams are done by the function ack, until the position of their slot says it';
CREATE INDEX group_acks_slot ON :schema.group_acks (group_name, slot);
