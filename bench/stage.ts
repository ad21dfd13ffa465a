import { randomBytes } from 'node:crypto';
import { type Child, startChild, type Usage } from './child.js';
import { makeFloorTables } from './floors/floor-tables.js';
import { machine, type Machine } from './machine.js';
import { Meter } from './meter.js';
import type { Options } from './options.js';
import { openPostgres, type Postgres } from './postgres.js';
import { makeScratch } from './scratch.js';

/** All that the rows measure: one Postgres, the service on it, tables of the same shape, and a service that does nothing. */
export interface Stage {
  readonly machine: Machine;
  readonly postgres: Postgres;
  /** The schema of the service's log. */
  readonly schema: string;
  /** The schema of the floors' tables. */
  readonly floorSchema: string;
  readonly service: Child;
  readonly emptyService: Child;
  /** grpc-js and Postgres together, with no guarantee; writes to tables of its own. */
  readonly composedService: Child;
  /** The schema of these tables. */
  readonly composedSchema: string;
  /** Of the service, the database and this process. */
  readonly meter: Meter;
  /** A folder of this run's own, on the same disk as the embedded Postgres. */
  readonly scratch: string;
  /** Whether it is closed, or on the way to be. */
  readonly closed: boolean;
  /** Ends all, leaves nothing behind, and says what the service has used. May be called twice. */
  close(): Promise<Usage | undefined>;
}

export async function openStage({ cpuProfiles }: Options): Promise<Stage> {
  const undo: (() => Promise<unknown>)[] = [];
  let usage: Usage | undefined;
  let closing: Promise<Usage | undefined> | undefined;
  const close = async () => {
    for (const step of undo.reverse()) await step();
    return usage;
  };
  try {
    const scratch = await makeScratch();
    undo.push(() => scratch.remove());
    const postgres = await openPostgres(scratch.path);
    undo.push(() => postgres.stop());
    const schema = `headwater_bench_${randomBytes(4).toString('hex')}`;
    const floorSchema = `${schema}_floor`;
    const composedSchema = `${schema}_composed`;
    undo.push(() => dropAll(postgres, schema));
    const service = await startChild('./service-process.js', {
      input: { databaseUrl: postgres.url, schema },
      cwd: scratch.path,
      nodeArguments: cpuProfiles ? ['--cpu-prof', `--cpu-prof-dir=${cpuProfiles}`] : [],
    });
    undo.push(async () => {
      usage = await service.stop();
    });
    const emptyService = await startChild('./floors/empty-service-process.js', { cwd: scratch.path });
    undo.push(() => emptyService.stop());
    const composedService = await startChild('./floors/composed-service-process.js', {
      input: { databaseUrl: postgres.url, schema, composedSchema },
      cwd: scratch.path,
    });
    undo.push(() => composedService.stop());
    await makeFloorTables(postgres, schema, floorSchema);
    await makeFloorTables(postgres, schema, composedSchema);
    return {
      machine: await machine(scratch.path),
      postgres,
      schema,
      floorSchema,
      service,
      emptyService,
      composedService,
      composedSchema,
      meter: new Meter({ service: service.pid, postmaster: postgres.postmaster }),
      scratch: scratch.path,
      get closed() {
        return closing !== undefined;
      },
      close: () => (closing ??= close()),
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What is named like the run: schemas, also those of a row that was cut off, and databases that peers had no time to drop. */
async function dropAll(postgres: Postgres, prefix: string): Promise<void> {
  const client = await postgres.connect();
  const databases = await client.query<{ name: string }>(
    'SELECT quote_ident(datname) AS name FROM pg_database WHERE starts_with(datname, $1)',
    [prefix],
  );
  for (const { name } of databases.rows) await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  const schemas = await client.query<{ name: string }>(
    'SELECT quote_ident(nspname) AS name FROM pg_namespace WHERE starts_with(nspname, $1)',
    [prefix],
  );
  for (const { name } of schemas.rows) await client.query(`DROP SCHEMA IF EXISTS ${name} CASCADE`);
  await client.end();
}
