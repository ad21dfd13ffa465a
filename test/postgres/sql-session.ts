import pg from 'pg';
import { inject } from 'vitest';
import type { DatabaseOptions } from '../../src/postgres/database.js';

/** An event as `append` in SQL takes it. */
export interface SqlEvent {
  readonly event_type: string;
  readonly data?: unknown;
  readonly [field: string]: unknown;
}

/** A column of a row, as its text. */
type Row = (string | null)[];

/** A connection such as a team's own program has: it may stay in a transaction for as long as it likes. */
export interface SqlSession {
  /** Its process on the server. */
  readonly pid: number;
  /** `$schema` in the text stands for the schema. */
  query(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Appends and gives a row an event: id, version, whether it was there already. */
  append(
    stream: readonly [type: string, id: string],
    expected: string | null,
    events: readonly SqlEvent[],
    condition?: object,
  ): Promise<Row[]>;
  /** Version, type and position of each event that `load` shows. */
  load(stream: readonly [type: string, id: string], from?: number): Promise<Row[]>;
  close(): Promise<void>;
}

export async function openSqlSession(
  schema: string,
  connection: DatabaseOptions['connection'] = inject('connection'),
): Promise<SqlSession> {
  const client = new pg.Client({
    ...connection,
    application_name: 'a team',
    types: { getTypeParser: () => (value: string | Buffer) => value },
  });
  // Some tests kill it; who waits for an answer is told by that.
  client.on('error', () => undefined);
  await client.connect();
  const query = async (text: string, values: readonly unknown[] = []) =>
    (
      await client.query<Row>({
        text: text.replaceAll('$schema', `"${schema}"`),
        values: [...values],
        rowMode: 'array',
      })
    ).rows;
  const [[pid] = []] = await query('SELECT pg_backend_pid()');
  return {
    pid: Number(pid),
    query,
    append: ([type, id], expected, events, condition) =>
      query('SELECT * FROM $schema.append($1, $2, $3, $4, $5)', [
        type,
        id,
        expected,
        JSON.stringify(events),
        condition === undefined ? null : JSON.stringify(condition),
      ]),
    load: ([type, id], from = 1) =>
      query('SELECT version, event_type, position FROM $schema.load($1, $2, $3)', [type, id, from]),
    close: () => client.end(),
  };
}

/** What the database says about a refusal. */
export interface SqlRefusal {
  readonly code: string | undefined;
  readonly message: string;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly hint: string | undefined;
}

/** What a statement is refused with; fails if it is not. */
export async function refusal(statement: Promise<unknown>): Promise<SqlRefusal> {
  try {
    await statement;
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error;
    const { code, message, detail, hint } = error;
    return {
      code,
      message,
      detail: detail?.startsWith('{') ? (JSON.parse(detail) as Record<string, unknown>) : {},
      hint,
    };
  }
  throw new Error('The statement was not refused');
}
