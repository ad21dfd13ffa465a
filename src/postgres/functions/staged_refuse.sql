-- Raises what a caller of the public functions is told: the reason by an SQLSTATE whose digits are its number in
-- error_reason.proto, the facts as JSON in DETAIL under the keys that the same reason has over gRPC, the way out as HINT.
CREATE OR REPLACE FUNCTION :schema.staged_refuse(reason text, message text, facts jsonb, hint text) RETURNS void
  LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog AS
$$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = CASE reason
      WHEN 'WRONG_EXPECTED_VERSION' THEN 'ZH001' WHEN 'APPEND_CONDITION_FAILED' THEN 'ZH002'
      WHEN 'EVENT_ID_REUSED' THEN 'ZH003' WHEN 'STREAM_NOT_FOUND' THEN 'ZH005' WHEN 'STREAM_DELETED' THEN 'ZH006'
      WHEN 'INVALID_REQUEST' THEN 'ZH007' WHEN 'POSITION_UNKNOWN' THEN 'ZH009' WHEN 'LOG_EPOCH_CHANGED' THEN 'ZH010'
      WHEN 'GROUP_NOT_FOUND' THEN 'ZH024' WHEN 'LEASE_LOST' THEN 'ZH029' END,
    MESSAGE = message,
    DETAIL = (jsonb_build_object('reason', reason) || facts)::text,
    HINT = hint;
END
$$;
