-- Public: says inside the consumer's own transaction that an event is done, and what came before it in its stream. True:
-- this transaction records it, so its effects take place exactly once. False: it was done already, the effects must not be
-- repeated. Raises LEASE_LOST if the member does not hold the stream's slot any more: roll back, another does it.
-- docs/sql.md has the whole story.
--
-- The lock on the slot keeps others from taking it until the transaction ends; it is weak enough for beats to go on
-- writing the slot's position meanwhile.
CREATE OR REPLACE FUNCTION :schema.ack("group" text, member text, "position" bigint) RETURNS boolean
  LANGUAGE plpgsql VOLATILE SECURITY DEFINER
  SET search_path = :schema, pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS
$$
#variable_conflict use_column
DECLARE
  event record;
  slots integer;
  slot_number integer;
  holder text;
  done bigint;
  parked bigint;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'Acks need the isolation level read committed, this transaction has %',
      current_setting('transaction_isolation')
      USING ERRCODE = '25001', HINT = 'Begin the transaction with BEGIN ISOLATION LEVEL READ COMMITTED.';
  END IF;
  PERFORM staged_invalid('group', CASE WHEN ack."group" IS NULL THEN 'is null' END);
  PERFORM staged_invalid('member', CASE WHEN ack.member IS NULL THEN 'is null' END);
  PERFORM staged_invalid('position', CASE WHEN ack."position" IS NULL THEN 'is null' END);
  SELECT g.slots INTO slots FROM consumer_groups g WHERE g.name = ack."group";
  IF slots IS NULL THEN
    PERFORM staged_refuse('GROUP_NOT_FOUND', format('Consumer group %s does not exist', ack."group"),
                          jsonb_build_object('group', ack."group"), 'Create it, or name the schema of another namespace.');
  END IF;
  SELECT e.aggregate_type, e.aggregate_id INTO event FROM events e WHERE e.position = ack."position";
  IF NOT FOUND THEN
    PERFORM staged_refuse('POSITION_UNKNOWN', format('There is no event at position %s', ack."position"),
                          jsonb_build_object('position', ack."position"::text, 'epoch', NULL, 'head',
                                             (SELECT h.position::text FROM log_head h ORDER BY h.position DESC LIMIT 1)),
                          'Give the position of an event that was delivered from this log.');
  END IF;
  slot_number := slot_of(event.aggregate_type, event.aggregate_id, slots);

  SELECT s.member INTO holder FROM group_slots s
   WHERE s.group_name = ack."group" AND s.slot = slot_number FOR KEY SHARE;
  IF holder IS DISTINCT FROM ack.member THEN
    PERFORM staged_refuse('LEASE_LOST',
                          format('Member %s does not hold the slot of stream %s %s any more', ack.member, event.aggregate_type,
                                 event.aggregate_id),
                          jsonb_build_object('holder', ack.member, 'fence', '0'),
                          'Roll back: the event is delivered to the member that holds it.');
  END IF;
  -- What follows sees all that was committed before the lock was had.
  SELECT s.position INTO done FROM group_slots s WHERE s.group_name = ack."group" AND s.slot = slot_number;
  SELECT t.position INTO parked FROM group_streams t
   WHERE t.group_name = ack."group" AND t.aggregate_type = event.aggregate_type AND t.aggregate_id = event.aggregate_id
     AND t.kind <> 'FAILING';
  IF ack."position" <= coalesce(parked - 1, done) THEN
    RETURN false;
  END IF;
  INSERT INTO group_acks AS a (group_name, aggregate_type, aggregate_id, slot, position)
  VALUES (ack."group", event.aggregate_type, event.aggregate_id, slot_number, ack."position")
    ON CONFLICT (group_name, aggregate_type, aggregate_id) DO UPDATE SET position = excluded.position
    WHERE a.position < excluded.position;
  RETURN FOUND;
END
$$;
