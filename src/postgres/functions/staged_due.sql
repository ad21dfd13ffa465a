-- The transaction commits: queues the append behind all that is deferred besides, so that the log's lock is taken last.
CREATE OR REPLACE FUNCTION :schema.staged_due() RETURNS trigger
  LANGUAGE plpgsql SECURITY DEFINER SET search_path = :schema, pg_catalog, pg_temp SET enable_seqscan = off AS
$$
BEGIN
  UPDATE staged_appends a SET due = true WHERE a.transaction = NEW.transaction AND a.place = NEW.place;
  RETURN NULL;
END
$$;
