-- Creates a group with its slots, all at one position. False if there is one of that name.
CREATE OR REPLACE FUNCTION :schema.group_create(
  new_name text, new_selection text, settings integer[], new_slots integer, start bigint, start_epoch bigint
) RETURNS boolean
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = :schema, pg_catalog, pg_temp SET lock_timeout = '5s' AS
$$
BEGIN
  INSERT INTO consumer_groups
  VALUES (new_name, new_selection, settings[1], settings[2], settings[3], settings[4], new_slots, 1, clock_timestamp())
    ON CONFLICT (name) DO NOTHING;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  INSERT INTO group_slots (group_name, slot, fence, position, epoch)
  SELECT new_name, n.slot, 0, start, start_epoch FROM generate_series(0, new_slots - 1) n (slot);
  RETURN true;
END
$$;
