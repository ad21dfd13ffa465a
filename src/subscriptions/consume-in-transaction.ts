import type { Event } from '../core/event.js';
import { LeaseLostError } from '../core/follower-errors.js';
import { borrow, type SqlClient, type SqlPool } from '../core/sql-client.js';
import type { HandleDelivery, DeliveryContext } from './consume.js';

export interface InTransactionOptions<Client extends SqlClient> {
  /** Of the database in which the group is kept: the one that Headwater runs on. */
  readonly pool: SqlPool<Client>;
  /**
   * The namespace of the group.
   * @default "headwater"
   */
  readonly schema?: string;
  /** Does its work with the client, and neither commits nor rolls back. */
  readonly handle: (event: Event, client: Client, context: DeliveryContext) => void | Promise<void>;
}

const SCHEMA = /^[a-z][a-z0-9_]{0,47}$/;

/** The SQLSTATE with which `ack` says that another member has the event. */
const LEASE_LOST = 'ZH029';

/**
 * A handler whose effect takes place exactly once: the group's progress is written in the same transaction. If the effect is
 * there already, `ack` says so under a lock before anything is done, and the event is passed over; if another member has
 * the event by now, the handler fails with `LeaseLostError` and leaves it to that one. Only what is done through the client
 * is part of that.
 *
 * @example
 * consume(groups, { runtime, group: 'billing', handle: inTransaction({ pool, handle: async (event, client) => {
 *   await client.query('INSERT INTO invoices (order_id) VALUES ($1)', [event.stream.aggregateId]);
 * } }) });
 */
export function inTransaction<Client extends SqlClient>({
  pool,
  schema = 'headwater',
  handle,
}: InTransactionOptions<Client>): HandleDelivery {
  if (!SCHEMA.test(schema)) throw new TypeError(`${JSON.stringify(schema)} is no namespace`);
  const ack = `SELECT "${schema}".ack($1, $2, $3) AS is_new`;
  return async (event, context) => {
    const { client, giveBack } = await borrow(pool);
    let broken = true;
    try {
      await client.query('BEGIN');
      const { rows } = await client.query(ack, [context.group, context.memberId, String(event.position)]);
      const isNew = rows[0]?.['is_new'] === true;
      if (isNew) {
        await handle(event, client, context);
        // Too late: the event counts as failed, or is another's.
        context.signal.throwIfAborted();
      }
      const { command } = await client.query(isNew ? 'COMMIT' : 'ROLLBACK');
      broken = false;
      // Postgres answers a COMMIT so, without an error, where a statement has failed and the handler went on.
      if (isNew && command === 'ROLLBACK')
        throw new Error('The transaction was rolled back: one of its statements had failed');
    } catch (error) {
      if (broken)
        broken = await client.query('ROLLBACK').then(
          () => false,
          () => true,
        );
      if (error instanceof Error && 'code' in error && error.code === LEASE_LOST)
        throw new LeaseLostError(context.memberId);
      throw error;
    } finally {
      giveBack(broken);
    }
  };
}
