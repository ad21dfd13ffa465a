-- The events of a call as rows, in order, with tags as an array literal. Refuses them by the rules and limits of
-- core/validate-append.ts; those are the defaults there, and fixed here.
CREATE OR REPLACE FUNCTION :schema.staged_parse_events(given jsonb)
  RETURNS TABLE (id uuid, type text, data bytea, content_type text, metadata jsonb, tags text, schema_version integer)
  LANGUAGE plpgsql VOLATILE SET search_path = :schema, pg_catalog, pg_temp AS
$$
DECLARE
  event jsonb;
  field text;
  number text;
  strings text[];
  count integer := 0;
  metadata_bytes bigint;
  bytes bigint := 0;
BEGIN
  IF jsonb_typeof(given) IS DISTINCT FROM 'array' THEN
    PERFORM staged_invalid('events', format('is %s, it must be an array of objects', left(coalesce(given::text, 'NULL'), 60)));
  END IF;
  IF jsonb_array_length(given) > 1000 THEN
    PERFORM staged_invalid('events', format('has %s events, the limit of one append is 1000', jsonb_array_length(given)));
  END IF;
  FOR event IN SELECT e.value FROM jsonb_array_elements(given) WITH ORDINALITY e (value, place) ORDER BY e.place LOOP
    field := format('events[%s]', count);
    count := count + 1;
    PERFORM staged_invalid(field, staged_unknown_key(event, ARRAY['event_id', 'event_type', 'data', 'data_base64',
      'content_type', 'metadata', 'tags', 'schema_version']));

    PERFORM staged_invalid(field || '.' || f.name, format('is %s, it must be a string', left((event -> f.name)::text, 60)))
       FROM unnest(ARRAY['event_id', 'event_type', 'data_base64', 'content_type']) f (name)
      WHERE event ? f.name AND jsonb_typeof(event -> f.name) <> 'string';
    PERFORM staged_invalid(field || '.event_type', staged_name_problem(event ->> 'event_type', true));
    type := event ->> 'event_type';

    IF event ? 'event_id' THEN
      IF event ->> 'event_id' !~* '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' THEN
        PERFORM staged_invalid(field || '.event_id',
                               format('is %s, which is not a UUID', to_json(left(event ->> 'event_id', 60))));
      END IF;
      id := event ->> 'event_id';
    ELSE
      id := new_event_id();
    END IF;

    IF (event ? 'data') = (event ? 'data_base64') THEN
      PERFORM staged_invalid(field, 'must have either data or data_base64');
    ELSIF event ? 'data' THEN
      data := convert_to((event -> 'data')::text, 'UTF8');
      content_type := 'application/json';
    ELSE
      number := translate(event ->> 'data_base64', E' \t\r\n', '');
      IF length(number) % 4 <> 0 OR number !~ '^[A-Za-z0-9+/]*={0,2}$' THEN
        PERFORM staged_invalid(field || '.data_base64', format('is %s, which is not base64', to_json(left(number, 60))));
      END IF;
      data := decode(number, 'base64');
      content_type := 'application/octet-stream';
    END IF;
    IF octet_length(data) > 1048576 THEN
      PERFORM staged_invalid(field || '.data', format('is %s bytes long, the limit is 1048576', octet_length(data)));
    END IF;
    IF event ? 'content_type' THEN
      content_type := event ->> 'content_type';
      PERFORM staged_invalid(field || '.content_type', staged_name_problem(content_type));
    END IF;

    metadata := coalesce(event -> 'metadata', '{}');
    IF jsonb_typeof(metadata) <> 'object' THEN
      PERFORM staged_invalid(field || '.metadata', format('is %s, it must be an object', left(metadata::text, 60)));
    END IF;
    PERFORM staged_invalid(
              format('%s.metadata[%s]', field, to_json(left(m.key, 60))),
              CASE WHEN staged_name_problem(m.key) IS NOT NULL THEN 'the key ' || staged_name_problem(m.key)
                   WHEN jsonb_typeof(m.value) <> 'string' THEN
                     format('is %s, it must be a string; write numbers and booleans as text', left(m.value::text, 60)) END)
       FROM jsonb_each(metadata) m;
    SELECT coalesce(sum(octet_length(m.key) + octet_length(m.value)), 0) INTO metadata_bytes FROM jsonb_each_text(metadata) m;
    IF metadata_bytes > 65536 THEN
      PERFORM staged_invalid(field || '.metadata', format('is %s bytes long, the limit is 65536', metadata_bytes));
    END IF;

    strings := staged_strings(field || '.tags', event -> 'tags');
    IF cardinality(strings) > 64 THEN
      PERFORM staged_invalid(field || '.tags', format('has %s tags, the limit is 64', cardinality(strings)));
    END IF;
    IF cardinality(strings) > (SELECT count(DISTINCT t.tag) FROM unnest(strings) t (tag)) THEN
      PERFORM staged_invalid(field || '.tags', format('is %s, which has a tag twice', left((event -> 'tags')::text, 60)));
    END IF;
    tags := strings::text;

    number := coalesce(event -> 'schema_version', '1')::text;
    IF number !~ '^[1-9][0-9]{0,9}$' OR number::bigint > 2147483647 THEN
      PERFORM staged_invalid(field || '.schema_version',
                             format('is %s, it must be a number from 1 to 2147483647', left(number, 60)));
    END IF;
    schema_version := number;

    bytes := bytes + octet_length(data) + octet_length(type) + metadata_bytes
             + (SELECT coalesce(sum(octet_length(t.tag)), 0) FROM unnest(strings) t (tag));
    RETURN NEXT;
  END LOOP;
  IF bytes > 4194304 THEN
    PERFORM staged_invalid('events', format('is %s bytes in all, the limit of one append is 4194304', bytes));
  END IF;
END
$$;
