// Invoices are written once for each order, however often an event is delivered: the row and the group's progress commit
// together. Needs a running service, and the database on which it runs.
import pg from 'pg';
import { type Connection, type Consumer, consume, inTransaction, systemRuntime } from '../src/index.js';

export function startBilling(
  connection: Connection,
  pool: pg.Pool,
  { group, meanwhile }: { readonly group: string; readonly meanwhile?: () => Promise<void> },
): Consumer {
  return consume(connection.consumerGroups, {
    runtime: systemRuntime,
    group,
    create: { selection: { filters: [{ eventTypes: ['OrderPlaced'] }] }, settings: { retryDelayMs: 10 } },
    handle: inTransaction({
      pool,
      handle: async (event, client) => {
        await client.query('INSERT INTO invoices (order_id) VALUES ($1)', [event.stream.aggregateId]);
        await meanwhile?.();
      },
    }),
  });
}
