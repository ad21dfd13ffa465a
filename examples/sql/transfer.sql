-- A row of one's own and the events that tell of it commit together, from psql. Needs a database with a log in the schema
-- "headwater", and the usual PGHOST, PGDATABASE …
--   psql -X -f examples/sql/transfers.sql -f examples/sql/transfer.sql
\set QUIET on
\pset format unaligned
\pset tuples_only on
\set VERBOSITY terse

-- Both accounts are created by this transfer. Versions are told at once, positions come with COMMIT.
BEGIN;
INSERT INTO transfers VALUES ('00000000-0000-7000-8000-000000000001', 'ada', 'bob', 10);
SELECT 'ada is at version ' || version FROM headwater.append('Account', 'ada', 'NO_STREAM',
  '[{"event_type": "Withdrawn", "data": {"amount": 10}, "tags": ["transfer:1"]}]');
SELECT 'bob is at version ' || version FROM headwater.append('Account', 'bob', 'NO_STREAM',
  '[{"event_type": "Deposited", "data": {"amount": 10}, "tags": ["transfer:1"]}]');
-- The transaction sees its own events already.
SELECT event_type || ' is pending: ' || (position IS NULL)::text FROM headwater.load('Account', 'ada');
COMMIT;
SELECT event_type || ' is pending: ' || (position IS NULL)::text FROM headwater.load('Account', 'ada');

-- A second one decides on version 1. Meanwhile, in another session, somebody else withdraws; it does not wait for us.
BEGIN;
INSERT INTO transfers VALUES ('00000000-0000-7000-8000-000000000002', 'ada', 'bob', 20);
SELECT 'ada would be at version ' || version FROM headwater.append('Account', 'ada', '1',
  '[{"event_type": "Withdrawn", "data": {"amount": 20}, "tags": ["transfer:2"]}]');
\! psql -X -q -o /dev/null -c "SELECT headwater.append('Account', 'ada', '1', '[{\"event_type\": \"Withdrawn\", \"data\": {\"amount\": 5}}]')"
COMMIT;
\echo COMMIT failed with :SQLSTATE
SELECT 'transfers: ' || count(*) FROM transfers;
SELECT 'ada is at version ' || max(version) FROM headwater.load('Account', 'ada');
