-- An append condition: the position and epoch above which it counts, and of each item the types and the tags as array
-- literals. Without a condition the position is -1. Refuses it by the rules of core/validate-append.ts.
CREATE OR REPLACE FUNCTION :schema.staged_parse_condition(
  given jsonb, OUT after_position bigint, OUT after_epoch bigint, OUT item_types text[], OUT item_tags text[]
)
  LANGUAGE plpgsql IMMUTABLE SET search_path = :schema, pg_catalog, pg_temp AS
$$
DECLARE
  item jsonb;
  field text;
  strings text[];
  names integer := 0;
BEGIN
  after_position := -1;
  after_epoch := 0;
  item_types := '{}';
  item_tags := '{}';
  IF given IS NULL OR given = 'null' THEN
    RETURN;
  END IF;
  PERFORM staged_invalid('condition', staged_unknown_key(given, ARRAY['items', 'after']));
  IF jsonb_typeof(given -> 'items') IS DISTINCT FROM 'array' THEN
    PERFORM staged_invalid('condition.items', format('is %s, it must be an array of objects',
                                                     left(coalesce(given -> 'items', 'null')::text, 60)));
  END IF;
  IF jsonb_array_length(given -> 'items') NOT BETWEEN 1 AND 100 THEN
    PERFORM staged_invalid('condition.items', format('has %s items, it must have from 1 to 100',
                                                     jsonb_array_length(given -> 'items')));
  END IF;
  FOR item IN SELECT i.value FROM jsonb_array_elements(given -> 'items') WITH ORDINALITY i (value, place) ORDER BY i.place LOOP
    field := format('condition.items[%s]', cardinality(item_types));
    PERFORM staged_invalid(field, staged_unknown_key(item, ARRAY['event_types', 'tags']));
    strings := staged_strings(field || '.event_types', item -> 'event_types');
    names := names + cardinality(strings);
    item_types := item_types || strings::text;
    strings := staged_strings(field || '.tags', item -> 'tags');
    names := names + cardinality(strings);
    item_tags := item_tags || strings::text;
  END LOOP;
  IF names > 1000 THEN
    PERFORM staged_invalid('condition.items', format('has %s event types and tags in all, the limit is 1000', names));
  END IF;

  after_position := 0;
  IF given ? 'after' THEN
    PERFORM staged_invalid('condition.after', staged_unknown_key(given -> 'after', ARRAY['position', 'epoch']));
    -- As JSON numbers or as strings, since many clients round numbers as large as these may be.
    PERFORM staged_invalid('condition.after.' || a.key, format('is %s, it must be from 0 to 9223372036854775807', left(a.value, 60)))
       FROM jsonb_each_text(given -> 'after') a
      WHERE a.value IS NULL OR a.value !~ '^[0-9]{1,19}$' OR a.value::numeric > 9223372036854775807;
    after_position := coalesce(given #>> '{after,position}', '0');
    after_epoch := coalesce(given #>> '{after,epoch}', '0');
  END IF;
END
$$;
