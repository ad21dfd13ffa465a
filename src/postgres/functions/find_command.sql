-- A command in the ledger: NULL if it is not there. With the key "reused" if it is there with another body than the one of the
-- hash; else what it came to the first time. Looked up under the log's lock the answer is final.
CREATE OR REPLACE FUNCTION :schema.find_command(id text, hash bytea) RETURNS jsonb
  LANGUAGE plpgsql VOLATILE SET search_path = :schema, pg_catalog, pg_temp AS
$$
DECLARE
  known commands%ROWTYPE;
BEGIN
  SELECT c.* INTO known FROM commands c WHERE c.command_id = id;
  IF known.command_id IS NULL THEN
    RETURN NULL;
  END IF;
  IF known.body_hash <> hash THEN
    RETURN jsonb_build_object('reused', true);
  END IF;
  RETURN jsonb_build_object(
    'command_type', known.command_type, 'body_hash', encode(known.body_hash, 'hex'),
    'first_position', known.first_position::text, 'last_position', known.last_position::text,
    'recorded_at', (extract(epoch FROM known.recorded_at) * 1000000)::bigint::text,
    'result', encode(known.result, 'hex'),
    'event_ids', (SELECT coalesce(jsonb_agg(e.event_id ORDER BY e.position), '[]') FROM events e
                   WHERE e.position BETWEEN known.first_position AND known.last_position),
    'versions', (SELECT coalesce(jsonb_agg(jsonb_build_array(l.aggregate_type, l.aggregate_id, l.version::text) ORDER BY l.at), '[]')
                   FROM (SELECT aggregate_type, aggregate_id, max(version) AS version, min(position) AS at FROM events
                          WHERE position BETWEEN known.first_position AND known.last_position
                          GROUP BY aggregate_type, aggregate_id) l));
END
$$;
