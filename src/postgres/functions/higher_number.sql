-- A number above another that also rises with the time: what has seen one knows a later one even after the row that
-- counted was made anew, or a fail-over threw it back.
CREATE OR REPLACE FUNCTION :schema.higher_number(than bigint)
  RETURNS bigint LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS
$$
  SELECT greatest(than + 1, floor(date_part('epoch', clock_timestamp()) * 1000)::bigint)
$$;
