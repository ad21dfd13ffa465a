-- A UUID of version 7, so that the index on event ids grows at its end. Postgres has a function of its own from 18 on.
CREATE OR REPLACE FUNCTION :schema.new_event_id() RETURNS uuid
  LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog AS
$$
BEGIN
  -- 48 bits of milliseconds over a random one, whose version, 4 or 0b0100, becomes 7 or 0b0111.
  RETURN encode(set_bit(set_bit(
    overlay(uuid_send(gen_random_uuid())
            PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6),
    52, 1), 53, 1), 'hex')::uuid;
END
$$;
