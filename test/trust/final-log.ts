import pg from 'pg';
import type { EventLog } from '../../src/core/event-store.js';
import { eventsOf } from '../../src/core/load.js';
import type { DatabaseOptions } from '../../src/postgres/database.js';
import { type LoggedEvent, loggedEvent, type FinalLog } from './history.js';

const PAGE = 20_000;

interface EventRecord {
  readonly position: string;
  readonly aggregate_type: string;
  readonly aggregate_id: string;
  readonly version: string;
  readonly event_id: string;
  readonly event_type: string;
  readonly data: Buffer;
  readonly content_type: string;
  readonly metadata: Record<string, string>;
  readonly tags: string[];
  readonly schema_version: number;
  readonly micros: string;
  readonly ends_append: boolean;
}

/** The log as SQL tells it on a fresh connection, and as the store does. */
export async function readFinalLog(
  connection: DatabaseOptions['connection'],
  schema: string,
  store: EventLog,
): Promise<FinalLog> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    const { rows } = await client.query<{ position: string }>(`SELECT position FROM "${schema}".log_head`);
    const byLoad: LoggedEvent[] = [];
    for await (const event of eventsOf(store.load({}))) byLoad.push(loggedEvent(event));
    return { head: Number(rows[0]?.position), bySql: await readBySql(client, schema), byLoad };
  } finally {
    await client.end();
  }
}

/** The head, as a person would look it up. */
export async function readHead(connection: DatabaseOptions['connection'], schema: string): Promise<number> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    const { rows } = await client.query<{ position: string }>(`SELECT position FROM "${schema}".log_head`);
    return Number(rows[0]?.position);
  } finally {
    await client.end();
  }
}

async function readBySql(client: pg.Client, schema: string): Promise<readonly LoggedEvent[]> {
  const log: LoggedEvent[] = [];
  for (;;) {
    const { rows } = await client.query<EventRecord>(
      `SELECT *, (extract(epoch FROM recorded_at) * 1000000)::bigint AS micros FROM "${schema}".events
        WHERE position > $1 ORDER BY position LIMIT ${PAGE}`,
      [log.at(-1)?.position ?? 0],
    );
    for (const row of rows) log.push(fromRecord(row));
    if (rows.length < PAGE) return log;
  }
}

function fromRecord(row: EventRecord): LoggedEvent {
  return loggedEvent(
    {
      position: BigInt(row.position),
      stream: { aggregateType: row.aggregate_type, aggregateId: row.aggregate_id },
      version: BigInt(row.version),
      eventId: row.event_id,
      eventType: row.event_type,
      data: row.data,
      contentType: row.content_type,
      metadata: row.metadata,
      tags: row.tags,
      schemaVersion: row.schema_version,
      recordedAt: BigInt(row.micros),
    },
    row.ends_append,
  );
}
