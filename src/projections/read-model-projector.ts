import { type EventTypeRegistry, type PayloadTypes } from '../core/event-types.js';
import type { EventSelection } from '../core/selection.js';
import { borrow, type SqlClient, type SqlPool } from '../core/sql-client.js';
import type { SubscribeStart } from '../core/subscribe.js';
import type { ProjectionWork } from './projection-work.js';
import {
  type ContextExtension,
  type EventHandlers,
  type HandlerContext,
  selectionOf,
} from './projector-handlers.js';
import { Checkpoints } from './read-model-checkpoints.js';
import { openReadModel } from './read-model-open.js';
import { validateSchemas } from './read-model-names.js';

/** A read model: tables in the caller's own Postgres that follow the log. */
export interface ReadModelDefinition<
  Types extends PayloadTypes,
  More extends object,
  Client extends SqlClient,
> {
  /** 1 to 255 bytes, no control characters, no `$` in front; one projection of that name runs at a time. */
  readonly name: string;
  /**
   * Raise it when tables or handlers change: the next start builds the tables anew beside those that are read, and swaps.
   * @default 1
   */
  readonly version?: number;
  /**
   * Which events: of the whole log, one stream, several or some types of aggregates, and filters.
   * @default the whole log; without `*` and `events` only the types that have handlers
   */
  readonly from?: EventSelection;
  /** @default before the first event */
  readonly start?: SubscribeStart;
  /** Decodes the events, which without it are as stored. Without a handler an event of an unknown type passes by. */
  readonly events?: EventTypeRegistry<Types>;
  /**
   * A schema of the projection's own, at most 40 bytes; nothing else may be in it. Then SQL names tables without it, a
   * rebuild fills a schema beside it and swaps them, and resetting and deleting need no code. Without it the projection
   * cannot be rebuilt, only reset.
   */
  readonly schema?: string;
  /**
   * Schemas in which names are looked for behind the projection's own, those of extensions for example.
   * @default []
   */
  readonly searchPath?: readonly string[];
  /** Makes the tables; called once for each generation, in a transaction, and again after a reset. */
  readonly init: (client: Client) => Promise<unknown>;
  /**
   * Whether the tables are there although they were never made by `init`, because a migration made them.
   * @default they are not
   */
  readonly isInitialized?: (client: Client) => Promise<boolean>;
  /**
   * Empties the tables. Needed without `schema`.
   * @default the schema is dropped, and made again by `init`
   */
  readonly reset?: (client: Client) => Promise<unknown>;
  /**
   * Deletes the tables.
   * @default the schema is dropped; without one nothing is
   */
  readonly delete?: (client: Client) => Promise<unknown>;
  /**
   * What an event does to the tables, by its type; `*` for all others. Runs in the transaction that keeps the position: do
   * not commit it, and do with other systems only what may be done twice. What throws is an event that could not be handled.
   */
  readonly on: EventHandlers<Client, Types, unknown, [HandlerContext & More]>;
  /** More in the handlers' context, such as `emit`. */
  readonly extension?: ContextExtension<More>;
}

export interface ReadModelOptions {
  /**
   * The schema with the checkpoints of all read models; it is made if it is not there.
   * @default "headwater_projections"
   */
  readonly checkpointSchema?: string;
  /**
   * Milliseconds that one statement may take.
   * @default 30000
   */
  readonly statementTimeoutMs?: number;
  /**
   * Milliseconds that it may wait for a lock.
   * @default 5000
   */
  readonly lockTimeoutMs?: number;
  /**
   * Milliseconds that one statement of a comparison may take, in which the live tables stand still.
   * @default 60000
   */
  readonly compareTimeoutMs?: number;
}

export interface ReadModel<Client extends SqlClient = SqlClient> {
  readonly name: string;
  /**
   * What `runProjection` runs, with connections of the database that has the tables: one at a time for each generation, two
   * in a swap, and none while nothing happens. Set `query_timeout` and `keepAlive` of the pool: a server that is gone does
   * not answer.
   */
  work(pool: SqlPool<Client>, options?: ReadModelOptions): ProjectionWork;
}

/**
 * Defines a read model. What handlers write and the position commit in one transaction, so each event has its effect exactly
 * once, whatever crashes when.
 *
 * @example
 * const balances = defineReadModel({
 *   name: 'balances',
 *   schema: 'accounts',
 *   events: accountEvents,
 *   init: (client) => client.query('CREATE TABLE balance (account text PRIMARY KEY, cents bigint NOT NULL)'),
 *   on: {
 *     Deposited: (client, { stream, payload }) =>
 *       client.query('UPDATE balance SET cents = cents + $2 WHERE account = $1', [stream.aggregateId, payload.amount]),
 *   },
 * });
 */
export function defineReadModel<
  Types extends PayloadTypes = Record<never, never>,
  More extends object = object,
  Client extends SqlClient = SqlClient,
>(definition: ReadModelDefinition<Types, More, Client>): ReadModel<Client> {
  const { name, version = 1, start, schema } = definition;
  validateSchemas({ schema }, 'schema');
  return {
    name,
    work: (pool, options = {}) => {
      const {
        checkpointSchema = 'headwater_projections',
        statementTimeoutMs = 30_000,
        lockTimeoutMs = 5_000,
        compareTimeoutMs = 60_000,
      } = options;
      validateSchemas({ checkpointSchema }, 'schema');
      const checkpoints = new Checkpoints(checkpointSchema, name);
      const timeouts = { statementTimeoutMs, lockTimeoutMs, compareTimeoutMs };
      return {
        name,
        kind: 'READ_MODEL',
        definitionVersion: version,
        selection: selectionOf(definition),
        ...(start ? { start } : {}),
        liveGeneration: async () => {
          const { client, giveBack } = await borrow(pool);
          let failed = true;
          try {
            const live = await checkpoints.liveGeneration(client);
            failed = false;
            return live;
          } finally {
            giveBack(failed);
          }
        },
        open: (lease, signal) => openReadModel({ pool, checkpoints, definition, timeouts, lease }, signal),
      };
    },
  };
}
