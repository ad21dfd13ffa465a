import type { PayloadTypes } from '../core/event-types.js';
import { LeaseLostError, ProjectionConflictError } from '../core/follower-errors.js';
import type { ProjectionLease } from '../core/projections.js';
import type { SqlClient, SqlPool } from '../core/sql-client.js';
import { type Checkpoint, checkFence, type Checkpoints } from './read-model-checkpoints.js';
import { ReadModelGeneration } from './read-model-generation.js';
import { quoted, schemaOf } from './read-model-names.js';
import type { ReadModelDefinition } from './read-model-projector.js';
import { inTransaction, sqlstateOf } from './read-model-transaction.js';

export interface ReadModelParts<Types extends PayloadTypes, More extends object, Client extends SqlClient> {
  readonly pool: SqlPool<Client>;
  readonly checkpoints: Checkpoints;
  readonly definition: ReadModelDefinition<Types, More, Client>;
  readonly timeouts: {
    readonly statementTimeoutMs: number;
    readonly lockTimeoutMs: number;
    readonly compareTimeoutMs: number;
  };
  readonly lease: ProjectionLease;
}

/** Makes a generation's tables with its checkpoint, in one transaction, unless they are there. */
export async function openReadModel<
  Types extends PayloadTypes,
  More extends object,
  Client extends SqlClient,
>(
  parts: ReadModelParts<Types, More, Client>,
  signal: AbortSignal,
): Promise<ReadModelGeneration<Types, More, Client>> {
  const { pool, checkpoints, definition, timeouts, lease } = parts;
  const extension = await definition.extension?.open(lease, signal);
  await inTransaction(pool, { ...timeouts, signal }, (client) => checkpoints.create(client));
  const checkpoint = await inTransaction(pool, { ...timeouts, signal }, async (client) => {
    const found = await foundOrMade(parts, client, await checkpoints.lockAll(client));
    if (!found.initialized) await makeTables(client, definition, found);
    await checkpoints.initialized(client, lease);
    return found;
  });
  const generation = new ReadModelGeneration({ ...parts, extension }, checkpoint.position);
  await generation.dropRetired(signal);
  return generation;
}

async function foundOrMade<Types extends PayloadTypes, More extends object, Client extends SqlClient>(
  { checkpoints, definition, lease }: ReadModelParts<Types, More, Client>,
  client: Client,
  all: readonly Checkpoint[],
): Promise<Checkpoint> {
  const { name, schema, version = 1 } = definition;
  const own = all.find(({ generation }) => generation === lease.generation);
  const live = all.find((one) => one.live);
  if (schema === undefined && !lease.live && !own?.live)
    throw new ProjectionConflictError(
      name,
      `Read model ${name} has no schema of its own, so generation ${lease.generation} cannot be built beside the live ` +
        'one: discard the rebuild and reset the projection, or define it with a schema',
    );
  if (own) {
    if (lease.live && !own.live) throw new LeaseLostError(name, lease.fence);
    return checkFence(own, lease);
  }
  if (lease.live && live) {
    // Here a later one is live, which the service learns when it is asked again; or this is a copy from before the last
    // swap, whose tables go by the new number and catch up.
    checkFence(live, lease);
    if (live.generation > lease.generation) throw new LeaseLostError(name, lease.fence);
    await checkpoints.renumber(client, live.generation, lease.generation);
    return { ...live, generation: lease.generation };
  }
  await checkpoints.insert(client, lease, version);
  return {
    generation: lease.generation,
    live: lease.live,
    position: undefined,
    fence: lease.fence,
    resetNumber: 0n,
    initialized: false,
  };
}

/** Makes the tables of a generation in the schema in which they belong. */
export async function makeTables<Types extends PayloadTypes, More extends object, Client extends SqlClient>(
  client: Client,
  definition: ReadModelDefinition<Types, More, Client>,
  { generation, live }: Pick<Checkpoint, 'generation' | 'live'>,
): Promise<void> {
  const { name, schema, init, isInitialized } = definition;
  const there =
    schema !== undefined && (await makeSchema(client, live ? schema : schemaOf(schema, generation)));
  await useSchema(client, definition, { generation, live });
  if (isInitialized && (await isInitialized(client))) return;
  // It would be dropped with the projection, whatever is in it.
  if (there)
    throw new ProjectionConflictError(
      name,
      `Schema ${schema} of read model ${name} exists, and is not the projection's: drop it, or take another name`,
    );
  await init(client);
}

/** Whether it was there. */
async function makeSchema(client: SqlClient, schema: string): Promise<boolean> {
  const { rows } = await client.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [schema]);
  if (rows.length > 0) return true;
  try {
    await client.query(`CREATE SCHEMA ${quoted(schema)}`);
  } catch (error) {
    if (sqlstateOf(error) !== '42501') throw error;
    throw new ProjectionConflictError(schema, `Schema ${schema} cannot be created: ${String(error)}`);
  }
  return false;
}

/** Has SQL name the generation's tables without their schema, until the transaction ends. */
export async function useSchema<Types extends PayloadTypes, More extends object, Client extends SqlClient>(
  client: Client,
  { schema, searchPath = [] }: ReadModelDefinition<Types, More, Client>,
  { generation, live }: Pick<Checkpoint, 'generation' | 'live'>,
): Promise<void> {
  if (schema === undefined) return;
  const path = [live ? schema : schemaOf(schema, generation), ...searchPath].map(quoted).join(', ');
  await client.query(`SELECT set_config('search_path', $1, true)`, [path]);
}
