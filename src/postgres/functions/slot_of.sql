-- Which slot of a group a stream is in: FNV-1a of 32 bits over the UTF-8 of its type, a zero byte and its id, as
-- subscriptions/groups/slot-of.ts has it.
CREATE OR REPLACE FUNCTION :schema.slot_of(aggregate_type text, aggregate_id text, slots integer) RETURNS integer
  LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS
$$
DECLARE
  bytes bytea := convert_to(aggregate_type, 'UTF8') || '\x00' || convert_to(aggregate_id, 'UTF8');
  hash bigint := 2166136261;
BEGIN
  FOR place IN 0 .. length(bytes) - 1 LOOP
    hash := ((hash # get_byte(bytes, place)) * 16777619) & 4294967295;
  END LOOP;
  RETURN hash % slots;
END
$$;
