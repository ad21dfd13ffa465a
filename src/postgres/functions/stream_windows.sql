-- What of some streams to read next, when they are merged in log order: of each the versions from the first to the last
-- that lie above one position and up to another, but no stream's more than `most`. So that none is read ahead of the
-- others, the range of positions ends (read backwards: begins) where the first stream has given its most: `after_position`
-- and `up_to_position` tell which range it is. A row a stream, in their order; last below first says that it has nothing
-- there, and first is then where it would go on.
CREATE OR REPLACE FUNCTION :schema.stream_windows(
  stream_types text[], stream_ids text[], first_versions bigint[], last_versions bigint[],
  after bigint, until bigint, most bigint, backwards boolean
) RETURNS TABLE (first_version bigint, last_version bigint, after_position bigint, up_to_position bigint)
  LANGUAGE plpgsql STABLE SET search_path = :schema, pg_catalog, pg_temp AS
$$
#variable_conflict use_variable
DECLARE
  edge bigint;
BEGIN
  after_position := after;
  up_to_position := until;
  FOR place IN 1..cardinality(stream_types) LOOP
    first_versions[place] := 1 + version_at(
      stream_types[place], stream_ids[place], first_versions[place], last_versions[place], after);
    last_versions[place] := version_at(
      stream_types[place], stream_ids[place], first_versions[place], last_versions[place], until);
    IF last_versions[place] - first_versions[place] >= most THEN
      SELECT e.position INTO STRICT edge FROM events e
       WHERE e.aggregate_type = stream_types[place] AND e.aggregate_id = stream_ids[place]
         AND e.version = CASE WHEN backwards THEN last_versions[place] - most + 1
                              ELSE first_versions[place] + most - 1 END;
      IF backwards THEN
        after_position := greatest(after_position, edge - 1);
      ELSE
        up_to_position := least(up_to_position, edge);
      END IF;
    END IF;
  END LOOP;
  FOR place IN 1..cardinality(stream_types) LOOP
    first_version := first_versions[place];
    last_version := last_versions[place];
    IF backwards THEN
      first_version := 1 + version_at(stream_types[place], stream_ids[place],
        greatest(first_version, last_version - most + 1), last_version, after_position);
    ELSE
      last_version := version_at(stream_types[place], stream_ids[place],
        first_version, least(last_version, first_version + most - 1), up_to_position);
    END IF;
    RETURN NEXT;
  END LOOP;
END
$$;
