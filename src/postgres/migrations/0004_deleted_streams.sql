-- For the list of deleted streams: few of many. Without it a page walks all streams, 0.6 µs each.
CREATE INDEX streams_deleted ON :schema.streams (aggregate_type, aggregate_id) WHERE deleted_at IS NOT NULL;
