-- Types are looked for by their indexes, whatever statistics say. Where all events that there are had one type, the planner,
-- which does not know for which it will be asked, walked the whole log by position to find the first of another one.
ALTER TABLE :schema.events ALTER COLUMN event_type SET (n_distinct = 200);
ALTER TABLE :schema.events ALTER COLUMN aggregate_type SET (n_distinct = 200);
