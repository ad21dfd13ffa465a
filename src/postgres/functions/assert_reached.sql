-- True if the log, as this server shows it in the snapshot of the statement, has come as far as the position, which was
-- read in that epoch (0: unknown). Else ZH101 with the last position here as DETAIL: later it may have. ZH102 if the
-- position is of a tail that was lost, with the last common position and the present epoch.
CREATE OR REPLACE FUNCTION :schema.assert_reached(wanted bigint, wanted_epoch bigint) RETURNS boolean
  LANGUAGE plpgsql STABLE SET search_path = :schema, pg_catalog, pg_temp AS
$$
DECLARE
  head log_head%ROWTYPE;
  kept bigint;
BEGIN
  SELECT * INTO head FROM log_head ORDER BY position DESC LIMIT 1;
  IF wanted_epoch > 0 THEN
    SELECT min(e.started_after_position) INTO kept FROM epochs e WHERE e.epoch > wanted_epoch;
    IF kept < wanted THEN
      RAISE EXCEPTION 'Position % of epoch % is lost', wanted, wanted_epoch
        USING ERRCODE = 'ZH102', DETAIL = kept || ' ' || head.epoch;
    END IF;
  END IF;
  IF head.position IS NULL OR head.position < wanted OR head.epoch < wanted_epoch THEN
    RAISE EXCEPTION 'Position % of epoch % is not here yet', wanted, wanted_epoch
      USING ERRCODE = 'ZH101', DETAIL = coalesce(head.position, 0);
  END IF;
  RETURN true;
END
$$;
