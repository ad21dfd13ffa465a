-- Raises what refuse_condition found: APPEND_CONDITION_FAILED, POSITION_UNKNOWN or LOG_EPOCH_CHANGED.
CREATE OR REPLACE FUNCTION :schema.staged_refuse_condition(after bigint, after_epoch bigint, refusal jsonb) RETURNS void
  LANGUAGE plpgsql IMMUTABLE SET search_path = :schema, pg_catalog, pg_temp AS
$$
DECLARE
  place jsonb := jsonb_build_object('position', after::text, 'epoch', after_epoch::text);
BEGIN
  CASE refusal ->> 'verdict'
    WHEN 'C' THEN
      PERFORM staged_refuse(
        'APPEND_CONDITION_FAILED',
        CASE WHEN refusal ? 'condition_position'
          THEN format('The append condition does not hold: the event at position %s matches it', refusal ->> 'condition_position')
          ELSE 'The append condition does not hold: an event that this transaction has appended before matches it' END,
        jsonb_build_object('position', refusal -> 'condition_position'),
        'Read again what the condition is about and decide again, in a new transaction.');
    WHEN 'P' THEN
      PERFORM staged_refuse(
        'POSITION_UNKNOWN',
        format('Position %s of epoch %s is not of this log, whose last position is %s', after, after_epoch, refusal ->> 'head'),
        place || jsonb_build_object('head', refusal -> 'head'),
        'Take position and epoch from the same log as the append goes to.');
    WHEN 'E' THEN
      PERFORM staged_refuse(
        'LOG_EPOCH_CHANGED',
        format('Position %s of epoch %s is lost: the log, now in epoch %s, agrees with that epoch only up to position %s',
               after, after_epoch, refusal ->> 'current_epoch', refusal ->> 'last_common_position'),
        place || (refusal - 'verdict'),
        'Read again from the last common position, and undo what was concluded from later ones.');
  END CASE;
END
$$;
