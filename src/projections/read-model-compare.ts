import type { SqlClient } from '../core/sql-client.js';
import { utf8Bytes } from '../core/validate.js';
import { quoted } from './read-model-names.js';

/** Rows of each side that are shown for a table that differs. */
const ROWS_SHOWN = 3;
/** Characters of each. */
const ROW_LENGTH = 200;
const REPORT_BYTES = 4_000;

/**
 * What differs between the tables of two schemas, for people: columns, numbers of rows, and some rows that only one side
 * has. Rows are compared as Postgres writes them, in any order; empty if nothing differs.
 */
export async function compareSchemas(client: SqlClient, live: string, built: string): Promise<string> {
  const liveTables = await tablesOf(client, live);
  const builtTables = await tablesOf(client, built);
  const lines: string[] = [];
  for (const table of [...new Set([...liveTables.keys(), ...builtTables.keys()])].sort()) {
    const before = liveTables.get(table);
    const after = builtTables.get(table);
    if (before === undefined) lines.push(`${table}: is new`);
    else if (after === undefined) lines.push(`${table}: is gone`);
    else lines.push(...(await compareTables(client, { table, live, built, before, after })));
  }
  return shortened(lines);
}

interface TwoTables {
  readonly table: string;
  readonly live: string;
  readonly built: string;
  /** Their columns. */
  readonly before: readonly string[];
  readonly after: readonly string[];
}

async function compareTables(client: SqlClient, tables: TwoTables): Promise<readonly string[]> {
  const { table, live, built, before, after } = tables;
  const common = before.filter((column) => after.includes(column));
  const columns = [
    ...before.filter((column) => !after.includes(column)).map((column) => `-${column}`),
    ...after.filter((column) => !before.includes(column)).map((column) => `+${column}`),
  ];
  const one = await digestOf(client, { schema: live, table, columns: common });
  const other = await digestOf(client, { schema: built, table, columns: common });
  const lines = columns.length > 0 ? [`${table}: columns ${columns.join(', ')}`] : [];
  if (one.rows === other.rows && one.digest === other.digest) return lines;
  lines.push(`${table}: ${one.rows} rows, ${other.rows} in the new one`);
  for (const [mark, from, without] of [
    ['-', live, built],
    ['+', built, live],
  ] as const)
    for (const row of await onlyIn(client, { table, columns: common, from, without }))
      lines.push(`  ${mark} ${row}`);
  return lines;
}

async function tablesOf(client: SqlClient, schema: string): Promise<Map<string, readonly string[]>> {
  const { rows } = await client.query(
    `SELECT c.relname::text AS "table", a.attname::text AS "column"
       FROM pg_class c
       LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1)
        AND c.relkind IN ('r', 'p') AND NOT c.relispartition
      ORDER BY 1, a.attnum`,
    [schema],
  );
  const tables = new Map<string, string[]>();
  for (const { table, column } of rows) {
    const columns = tables.get(String(table)) ?? [];
    if (typeof column === 'string') columns.push(column);
    tables.set(String(table), columns);
  }
  return tables;
}

/** Whatever the order of rows: the sum of their hashes. */
async function digestOf(
  client: SqlClient,
  {
    schema,
    table,
    columns,
  }: { readonly schema: string; readonly table: string; readonly columns: readonly string[] },
): Promise<{ readonly rows: string; readonly digest: string }> {
  const { rows } = await client.query(
    `SELECT count(*)::text AS rows, coalesce(sum(hashtextextended(${rowText(columns)}, 0)::numeric), 0)::text AS digest
       FROM ${quoted(schema)}.${quoted(table)}`,
  );
  return { rows: String(rows[0]?.['rows']), digest: String(rows[0]?.['digest']) };
}

async function onlyIn(
  client: SqlClient,
  about: {
    readonly table: string;
    readonly columns: readonly string[];
    readonly from: string;
    readonly without: string;
  },
): Promise<readonly string[]> {
  const { table, columns, from, without } = about;
  const rowsOf = (schema: string) =>
    `SELECT ${rowText(columns)} AS row FROM ${quoted(schema)}.${quoted(table)}`;
  const { rows } = await client.query(
    `SELECT left(row, ${ROW_LENGTH}) AS row FROM (${rowsOf(from)} EXCEPT ALL ${rowsOf(without)}) AS one_sided LIMIT ${ROWS_SHOWN}`,
  );
  return rows.map(({ row }) => String(row));
}

function rowText(columns: readonly string[]): string {
  return `ROW(${columns.map(quoted).join(', ')})::text`;
}

function shortened(lines: readonly string[]): string {
  const kept: string[] = [];
  let bytes = 0;
  for (const line of lines) {
    bytes += utf8Bytes(line) + 1;
    if (bytes > REPORT_BYTES) return [...kept, `… and ${lines.length - kept.length} more lines`].join('\n');
    kept.push(line);
  }
  return kept.join('\n');
}
