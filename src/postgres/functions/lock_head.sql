-- Takes the lock that is the order of the log, and opens a new epoch if the server is another one, or on another
-- timeline, than the one that wrote the head: then a fail-over or a restore may have lost the log's tail.
--
-- The head is found by position, newest first, here and everywhere: its dead versions stand behind it in the index.
CREATE OR REPLACE FUNCTION :schema.lock_head(OUT head_position bigint, OUT head_recorded_at timestamptz, OUT head_epoch bigint)
  LANGUAGE plpgsql VOLATILE SET search_path = :schema, pg_catalog, pg_temp AS
$$
DECLARE
  head log_head%ROWTYPE;
  now_system_id bigint;
  now_timeline integer;
BEGIN
  SELECT * INTO STRICT head FROM log_head ORDER BY position DESC LIMIT 1 FOR UPDATE;
  SELECT system_identifier INTO now_system_id FROM pg_control_system();
  now_timeline := timeline();
  IF head.system_id <> now_system_id OR head.timeline <> now_timeline THEN
    head.epoch := head.epoch + 1;
    INSERT INTO epochs VALUES (head.epoch, head.position, now_system_id, now_timeline, clock_timestamp());
    UPDATE log_head SET epoch = head.epoch, system_id = now_system_id, timeline = now_timeline
     WHERE log_head.position = head.position;
  END IF;
  head_position := head.position;
  head_recorded_at := head.recorded_at;
  head_epoch := head.epoch;
END
$$;
