import { LeaseLostError } from '../core/follower-errors.js';
import type { ProjectionLease } from '../core/projections.js';
import type { SqlClient } from '../core/sql-client.js';
import type { LogPosition } from '../core/subscribe.js';
import { quoted } from './read-model-names.js';
import { sqlstateOf } from './read-model-transaction.js';

/** What stands in the checkpoint of one generation. */
export interface Checkpoint {
  readonly generation: bigint;
  readonly live: boolean;
  /** `undefined`: nothing is in it yet. */
  readonly position: LogPosition | undefined;
  readonly fence: bigint;
  readonly resetNumber: bigint;
  readonly initialized: boolean;
}

const COLUMNS =
  'generation::text, live::text, position::text, epoch::text, fence::text, reset_number::text, initialized::text';

/** The checkpoints of one projection, in the database of its tables: the only statements about them. */
export class Checkpoints {
  readonly #schema: string;
  readonly #table: string;
  readonly #name: string;

  constructor(schema: string, name: string) {
    this.#schema = schema;
    this.#table = `${quoted(schema)}.checkpoints`;
    this.#name = name;
  }

  /** Makes the table if it is not there; several may do so at the same time. */
  async create(client: SqlClient): Promise<void> {
    const { rows } = await client.query('SELECT to_regclass($1) IS NOT NULL AS there', [this.#table]);
    if (String(rows[0]?.['there']) === 'true') return;
    // IF NOT EXISTS alone fails when two make it at once.
    await client.query(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, [this.#table]);
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${quoted(this.#schema)}`);
    await client.query(
      `CREATE TABLE IF NOT EXISTS ${this.#table} (
         name text COLLATE "C" NOT NULL,
         generation bigint NOT NULL,
         live boolean NOT NULL,
         definition_version integer NOT NULL,
         position bigint,
         epoch bigint,
         fence bigint NOT NULL,
         reset_number bigint NOT NULL DEFAULT 0,
         initialized boolean NOT NULL DEFAULT false,
         updated_at timestamptz NOT NULL DEFAULT now(),
         PRIMARY KEY (name, generation)
       )`,
    );
    await client.query(`CREATE UNIQUE INDEX IF NOT EXISTS one_is_live ON ${this.#table} (name) WHERE live`);
  }

  /** The generation that readers see; `undefined` also if there is no table yet. */
  async liveGeneration(client: SqlClient): Promise<bigint | undefined> {
    try {
      const { rows } = await client.query(
        `SELECT generation::text FROM ${this.#table} WHERE name = $1 AND live`,
        [this.#name],
      );
      return rows[0] && BigInt(String(rows[0]['generation']));
    } catch (error) {
      const state = sqlstateOf(error);
      if (state === '42P01' || state === '3F000') return undefined;
      throw error;
    }
  }

  /** All generations, locked until the transaction ends. */
  async lockAll(client: SqlClient): Promise<readonly Checkpoint[]> {
    const { rows } = await client.query(
      `SELECT ${COLUMNS} FROM ${this.#table} WHERE name = $1 ORDER BY generation FOR UPDATE`,
      [this.#name],
    );
    return rows.map(fromRow);
  }

  /** The generation that readers see, locked: nobody goes on with it until the transaction ends. */
  async lockLive(client: SqlClient): Promise<Checkpoint | undefined> {
    const { rows } = await client.query(
      `SELECT ${COLUMNS} FROM ${this.#table} WHERE name = $1 AND live FOR UPDATE`,
      [this.#name],
    );
    return rows.map(fromRow)[0];
  }

  /** One generation, locked. Throws `LeaseLostError` if it is gone, or another runner was here later. */
  async lock(client: SqlClient, lease: ProjectionLease): Promise<Checkpoint> {
    const { rows } = await client.query(
      `SELECT ${COLUMNS} FROM ${this.#table} WHERE name = $1 AND generation = $2::bigint FOR UPDATE`,
      [this.#name, String(lease.generation)],
    );
    const [found] = rows.map(fromRow);
    return checkFence(found, lease);
  }

  async insert(
    client: SqlClient,
    { generation, live, fence }: ProjectionLease,
    version: number,
  ): Promise<void> {
    await client.query(
      `INSERT INTO ${this.#table} (name, generation, live, definition_version, fence)
       VALUES ($1, $2::bigint, $3::boolean, $4::integer, $5::bigint)`,
      [this.#name, String(generation), String(live), String(version), String(fence)],
    );
  }

  /** The generation goes by another number from now on. */
  async renumber(client: SqlClient, from: bigint, to: bigint): Promise<void> {
    await client.query(
      `UPDATE ${this.#table} SET generation = $3::bigint WHERE name = $1 AND generation = $2::bigint`,
      [this.#name, String(from), String(to)],
    );
  }

  /** Its tables are there, and this runner is the last that had it. */
  async initialized(client: SqlClient, { generation, fence }: ProjectionLease): Promise<void> {
    await client.query(
      `UPDATE ${this.#table} SET initialized = true, fence = $3::bigint, updated_at = now()
        WHERE name = $1 AND generation = $2::bigint`,
      [this.#name, String(generation), String(fence)],
    );
  }

  async move(client: SqlClient, { generation, fence }: ProjectionLease, to: LogPosition): Promise<void> {
    await client.query(
      `UPDATE ${this.#table}
          SET position = $3::bigint, epoch = $4::bigint, fence = $5::bigint, updated_at = now()
        WHERE name = $1 AND generation = $2::bigint`,
      [
        this.#name,
        String(generation),
        String(to.position),
        to.epoch === undefined ? null : String(to.epoch),
        String(fence),
      ],
    );
  }

  async reset(client: SqlClient, generation: bigint, resetNumber: bigint): Promise<void> {
    await client.query(
      `UPDATE ${this.#table} SET position = NULL, epoch = NULL, reset_number = $3::bigint, updated_at = now()
        WHERE name = $1 AND generation = $2::bigint`,
      [this.#name, String(generation), String(resetNumber)],
    );
  }

  async setLive(client: SqlClient, generation: bigint, live: boolean): Promise<void> {
    await client.query(
      `UPDATE ${this.#table} SET live = $3::boolean, updated_at = now() WHERE name = $1 AND generation = $2::bigint`,
      [this.#name, String(generation), String(live)],
    );
  }

  async delete(client: SqlClient, generation: bigint): Promise<void> {
    await client.query(`DELETE FROM ${this.#table} WHERE name = $1 AND generation = $2::bigint`, [
      this.#name,
      String(generation),
    ]);
  }
}

/** Throws `LeaseLostError` if the generation is gone, or another runner was here later. */
export function checkFence(found: Checkpoint | undefined, { name, fence }: ProjectionLease): Checkpoint {
  if (found === undefined || found.fence > fence) throw new LeaseLostError(name, fence);
  return found;
}

function fromRow(row: Readonly<Record<string, unknown>>): Checkpoint {
  const { generation, live, position, epoch, fence, reset_number: resetNumber, initialized } = row;
  return {
    generation: bigintOf(generation) ?? 0n,
    live: live === 'true',
    position: positionOf(bigintOf(position), bigintOf(epoch)),
    fence: bigintOf(fence) ?? 0n,
    resetNumber: bigintOf(resetNumber) ?? 0n,
    initialized: initialized === 'true',
  };
}

function positionOf(position: bigint | undefined, epoch: bigint | undefined): LogPosition | undefined {
  if (position === undefined) return undefined;
  return epoch === undefined ? { position } : { position, epoch };
}

function bigintOf(value: unknown): bigint | undefined {
  return typeof value === 'string' ? BigInt(value) : undefined;
}
