-- Whether an append condition fails, and why; NULL if it holds. Called under the log's lock. `checked` is the position up
-- to which it was found to hold before, in the epoch `after_epoch` or a later one, so that what is looked through under
-- the lock is short. What was found in a tail that was lost since then does not count.
CREATE OR REPLACE FUNCTION :schema.refuse_condition(
  after bigint, after_epoch bigint, checked bigint, head bigint, head_epoch bigint, item_types text[], item_tags text[]
) RETURNS jsonb
  LANGUAGE plpgsql VOLATILE SET search_path = :schema, pg_catalog, pg_temp AS
$$
DECLARE
  kept bigint;
  first bigint;
  matching bigint;
BEGIN
  -- The head's epoch is the newest.
  IF after_epoch > 0 AND after_epoch <> head_epoch THEN
    IF NOT EXISTS (SELECT FROM epochs e WHERE e.epoch = after_epoch) THEN
      RETURN jsonb_build_object('verdict', 'P', 'head', head::text);
    END IF;
    SELECT min(e.started_after_position) INTO kept FROM epochs e WHERE e.epoch > after_epoch;
    IF kept < after THEN
      RETURN jsonb_build_object('verdict', 'E', 'last_common_position', kept::text, 'current_epoch', head_epoch::text);
    END IF;
    checked := least(checked, kept);
  END IF;
  IF after > head THEN
    RETURN jsonb_build_object('verdict', 'P', 'head', head::text);
  END IF;
  FOR item IN 1 .. cardinality(item_types) LOOP
    matching := first_match(item_types[item]::text[], item_tags[item]::text[], greatest(after, checked));
    first := least(first, matching);
  END LOOP;
  IF first IS NOT NULL THEN
    RETURN jsonb_build_object('verdict', 'C', 'condition_position', first::text);
  END IF;
  RETURN NULL;
END
$$;
