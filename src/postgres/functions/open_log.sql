-- What a service calls when it connects: makes the head where there is none yet, and opens a new epoch where the server
-- has changed. Where it has not, nothing is locked: an append that waits for a standby holds the lock meanwhile.
CREATE OR REPLACE FUNCTION :schema.open_log(OUT head_position bigint, OUT head_epoch bigint)
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = :schema, pg_catalog, pg_temp SET enable_seqscan = off AS
$$
DECLARE
  now_system_id bigint;
BEGIN
  IF NOT EXISTS (SELECT FROM log_head) THEN
    LOCK TABLE log_head IN SHARE ROW EXCLUSIVE MODE;
    IF NOT EXISTS (SELECT FROM log_head) THEN
      SELECT system_identifier INTO now_system_id FROM pg_control_system();
      INSERT INTO epochs VALUES (1, 0, now_system_id, timeline(), clock_timestamp());
      INSERT INTO log_head VALUES (true, 0, clock_timestamp(), 1, now_system_id, timeline());
    END IF;
  END IF;
  SELECT h.position, h.epoch INTO head_position, head_epoch
    FROM (SELECT * FROM log_head ORDER BY position DESC LIMIT 1) h, pg_control_system() c
   WHERE h.system_id = c.system_identifier AND h.timeline = timeline();
  IF NOT FOUND THEN
    SELECT h.head_position, h.head_epoch INTO head_position, head_epoch FROM lock_head() h;
  END IF;
END
$$;
