-- Only a result that was kept can be emptied, and commands whose answer can be told from their events keep none: those need no
-- entry here. In the order of positions, as before.
DROP INDEX :schema.commands_last_position;
CREATE INDEX commands_last_position ON :schema.commands (last_position) WHERE last_position > 0 AND result <> '';
COMMENT ON COLUMN :schema.commands.result IS
  'What its events do not tell of the answer; empty: nothing, or one of them was erased';
