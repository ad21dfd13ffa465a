import pg from 'pg';
import type { DatabaseOptions } from '../../src/postgres/database.js';
import { type CommandClient, dataOf } from './command-clients.js';
import type { CommandOutcome, LedgerRow, LoggedAccountEvent, ServedAccount } from './command-history.js';

interface EventRecord {
  readonly position: string;
  readonly aggregate_id: string;
  readonly version: string;
  readonly event_id: string;
  readonly event_type: string;
  readonly data: Buffer;
  readonly metadata: Record<string, string>;
}

interface LedgerRecord {
  readonly command_id: string;
  readonly command_type: string;
  readonly first_position: string;
  readonly last_position: string;
}

/** The log and the ledger as SQL tells them on a fresh connection, and the accounts as the services do, in turn. */
export async function readCommandOutcome(
  connection: DatabaseOptions['connection'],
  schema: string,
  clients: readonly CommandClient[],
): Promise<CommandOutcome> {
  const client = new pg.Client(connection);
  await client.connect();
  try {
    const events = await client.query<EventRecord>(`SELECT * FROM "${schema}".events ORDER BY position`);
    const ledger = await client.query<LedgerRecord>(`SELECT * FROM "${schema}".commands`);
    const log = events.rows.map(loggedAccountEvent);
    const ids = [...new Set(log.map(({ account }) => account))];
    const accounts = new Map<string, ServedAccount>();
    for (const [index, id] of ids.entries()) {
      const served = await clients[index % clients.length]?.account(id);
      if (served) accounts.set(id, served);
    }
    return { log, ledger: ledger.rows.map(ledgerRow), accounts };
  } finally {
    await client.end();
  }
}

function loggedAccountEvent(row: EventRecord): LoggedAccountEvent {
  const { amount = 0, commandId = '' } = dataOf(row.data);
  return {
    position: Number(row.position),
    account: row.aggregate_id,
    version: Number(row.version),
    eventId: row.event_id,
    eventType: row.event_type,
    amount,
    commandId,
    causationId: row.metadata['causation_id'] ?? '',
  };
}

function ledgerRow(row: LedgerRecord): LedgerRow {
  return {
    commandId: row.command_id,
    commandType: row.command_type,
    first: Number(row.first_position),
    last: Number(row.last_position),
  };
}
