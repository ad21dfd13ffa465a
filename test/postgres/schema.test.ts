import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { openTestDatabase } from '../support/test-database.js';

const DUMP = path.resolve(import.meta.dirname, '../../src/postgres/schema.txt');

/** The catalogue as text: tables with columns and storage, constraints, indexes, triggers, views, functions. */
const CATALOGUE = `
  SELECT line FROM (
    SELECT 1 AS part, c.relname || '' AS name, a.attnum::integer AS place,
           format('column %s.%s %s%s%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
                  CASE WHEN l.collname = 'C' THEN ' COLLATE "C"' ELSE '' END, CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END) AS line
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
      LEFT JOIN pg_collation l ON l.oid = a.attcollation
     WHERE c.relnamespace = $1::text::regnamespace AND c.relkind IN ('r', 'v')
    UNION ALL
    SELECT 2, c.relname, 0, format('storage %s %s', c.relname, array_to_string(c.reloptions, ' '))
      FROM pg_class c WHERE c.relnamespace = $1::text::regnamespace AND c.reloptions IS NOT NULL
    UNION ALL
    SELECT 3, k.conname, 0, format('constraint %s on %s: %s', k.conname, k.conrelid::regclass, pg_get_constraintdef(k.oid))
      FROM pg_constraint k WHERE k.connamespace = $1::text::regnamespace AND k.contype <> 'n'
    UNION ALL
    SELECT 4, i.indexname, 0, i.indexdef FROM pg_indexes i WHERE i.schemaname = $1::text
    UNION ALL
    SELECT 5, t.tgname, 0, pg_get_triggerdef(t.oid)
      FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relnamespace = $1::text::regnamespace AND NOT t.tgisinternal
    UNION ALL
    SELECT 6, p.proname, 0, format('function %s(%s) returns %s %s%s settings %s', p.proname, pg_get_function_arguments(p.oid),
                  pg_get_function_result(p.oid), CASE p.provolatile WHEN 'v' THEN 'volatile' WHEN 's' THEN 'stable' ELSE 'immutable' END,
                  CASE WHEN p.prosecdef THEN ' security definer' ELSE '' END, array_to_string(p.proconfig, '; '))
      FROM pg_proc p WHERE p.pronamespace = $1::text::regnamespace
    UNION ALL
    SELECT 7, c.relname, 0, format('grants %s: %s', c.relname, array_to_string(ARRAY(
             SELECT format('%s %s', r.rolname, string_agg(g.privilege_type, ',' ORDER BY g.privilege_type))
               FROM aclexplode(c.relacl) g JOIN pg_roles r ON r.oid = g.grantee
              WHERE r.rolname IN ('headwater_reader', 'headwater_writer') GROUP BY r.rolname ORDER BY 1), ' | '))
      FROM pg_class c WHERE c.relnamespace = $1::text::regnamespace AND c.relkind IN ('r', 'v')
  ) all_lines ORDER BY part, name COLLATE "C", place, line COLLATE "C"`;

it('the schema after all migrations is the one that is committed in src/postgres/schema.txt', async () => {
  const test = await openTestDatabase();
  try {
    const rows = await test.database.query('read', CATALOGUE, [test.schema]);
    const text = rows.map(([line]) => `${line}\n`.replaceAll(test.schema, 'headwater')).join('');
    if (process.env['HEADWATER_UPDATE_SCHEMA']) writeFileSync(DUMP, text);
    expect(text).toBe(readFileSync(DUMP, 'utf8'));
  } finally {
    await test.close();
  }
});
