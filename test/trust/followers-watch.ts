import pg from 'pg';
import type { Sample } from './followers-history.js';
import { machineTime } from './followers-process.js';

const EVERY_MS = 400;

/** Looks again and again at what is settled, what is parked and what has failed, as far as there is a database to ask. */
export class SettledWatch {
  readonly samples: Sample[] = [];
  readonly #connection: pg.ClientConfig;
  #stops = false;

  constructor(connection: pg.ClientConfig) {
    this.#connection = connection;
  }

  stop(): void {
    this.#stops = true;
  }

  async run(): Promise<void> {
    while (!this.#stops) {
      const client = new pg.Client({
        ...this.#connection,
        query_timeout: 5000,
        connectionTimeoutMillis: 5000,
      });
      client.on('error', () => undefined);
      try {
        await client.connect();
        while (!this.#stops) {
          this.samples.push(await sampleOf(client));
          await pause();
        }
      } catch {
        // There is none to ask at the moment.
        await pause();
      } finally {
        await client.end().catch(() => undefined);
      }
    }
  }
}

async function sampleOf(client: pg.Client): Promise<Sample> {
  const slots = await client.query<{ name: string; positions: string[] }>(
    'SELECT group_name AS name, array_agg(position ORDER BY slot) AS positions FROM headwater.group_slots GROUP BY 1',
  );
  // Reports of relays are not waited for to be on disk, and those of read models are not what counts.
  const kept = await client.query<{ name: string; position: string }>(
    `SELECT g.name, g.position FROM headwater.projection_generations g JOIN headwater.projections p USING (name)
      WHERE g.live AND p.kind IN ('STATE', 'AGGREGATES', 'REACTOR')`,
  );
  const tables = await checkpointsOf(client);
  const parked = await client.query<{ it: string }>(
    `SELECT group_name || ' ' || aggregate_type || '/' || aggregate_id AS it FROM headwater.group_streams
      WHERE kind <> 'FAILING'`,
  );
  const failed = await client.query<{ it: string }>(
    `SELECT name || ' ' || aggregate_type || '/' || aggregate_id AS it FROM headwater.projection_aggregates
      WHERE failed_position IS NOT NULL`,
  );
  return {
    at: machineTime(),
    slots: new Map(slots.rows.map(({ name, positions }) => [name, positions.map(Number)])),
    kept: new Map([...kept.rows, ...tables].map(({ name, position }) => [name, Number(position)])),
    parked: parked.rows.map(({ it }) => it),
    failed: failed.rows.map(({ it }) => it),
  };
}

async function checkpointsOf(client: pg.Client): Promise<readonly { name: string; position: string }[]> {
  const { rows } = await client.query<{ there: boolean }>(
    "SELECT to_regclass('headwater_projections.checkpoints') IS NOT NULL AS there",
  );
  if (!rows[0]?.there) return [];
  const found = await client.query<{ name: string; position: string }>(
    'SELECT name, position FROM headwater_projections.checkpoints WHERE live',
  );
  return found.rows;
}

function pause(): Promise<void> {
  return new Promise((go) => setTimeout(go, EVERY_MS));
}
