-- What is wrong with a name, or NULL: 1 to 255 bytes, no control characters, and of types no $ in front. The same rules and
-- words as in core/validate.ts.
CREATE OR REPLACE FUNCTION :schema.staged_name_problem(value text, is_type boolean DEFAULT false) RETURNS text
  LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog AS
$$
BEGIN
  RETURN CASE
    WHEN value IS NULL THEN 'is missing'
    WHEN is_type AND starts_with(value, '$') THEN
      format('is %s: names with $ in front are reserved', to_json(left(value, 60)))
    WHEN value = '' THEN 'must not be empty'
    WHEN octet_length(value) > 255 THEN
      format('is %s…, %s bytes long, the limit is 255', to_json(left(value, 60)), octet_length(value))
    WHEN value ~ '[\u0001-\u001F\u007F-\u009F]' THEN
      format('is %s and holds the control character U+%s', to_json(left(value, 60)),
             lpad(upper(to_hex(ascii(substring(value FROM '[\u0001-\u001F\u007F-\u009F]')))), 4, '0'))
  END;
END
$$;
