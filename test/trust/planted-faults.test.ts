import { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { openDatabase, newSchemaName, storeOn } from '../support/test-database.js';
import { migrate } from '../../src/postgres/migrate.js';
import type { EventLog } from '../../src/core/event-store.js';
import { check, reportBriefly } from './checker.js';
import { readFinalLog, readHead } from './final-log.js';
import type { Findings, Rule } from './findings.js';
import { createPlantedSchema } from './planted/planted-sql.js';
import { type PlantedFault, PlantedStore } from './planted/planted-store.js';
import { chosenSeed, Random } from './random.js';
import { Workload } from './workload.js';

// A checker that never failed proves nothing. Each of these stores is right but for one mistake that was made in real
// event stores; the checker that clears the real one must find it under the very same work.

const REQUESTS = 1500;
const INSTANCES = 3;
const seed = chosenSeed();
let admin: Pool;
const schemas: string[] = [];

beforeAll(() => {
  const connection = inject('connection');
  admin = new Pool(connection);
});

afterAll(async () => {
  for (const schema of schemas) await admin.query(`DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
  await admin.end();
});

async function findingsOf(stores: readonly EventLog[], schema: string): Promise<Findings> {
  const began = performance.now();
  const connection = inject('connection');
  const workload = new Workload({
    seed,
    sources: stores.map((store, index) => ({ name: `instance ${index + 1}`, store: () => store })),
    requests: REQUESTS,
    writers: 12,
    followers: 6,
    head: () => readHead(connection, schema),
    patienceMs: 3000,
  });
  await workload.run();
  const [store] = stores;
  if (store === undefined) throw new Error('There is no store');
  const log = await readFinalLog(connection, schema, store);
  const findings = check(workload.history, log);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const { feeds, operations } = workload.history;
  const deliveries = feeds.reduce((sum, { positions }) => sum + positions.length, 0);
  console.log(
    `${operations.length} appends, ${log.bySql.length} events, ${deliveries} deliveries, ${seconds} s, ` +
      `${reportBriefly(findings, seed)}`,
  );
  return findings;
}

async function findingsOfPlanted(fault: PlantedFault): Promise<Findings> {
  const schema = newSchemaName();
  schemas.push(schema);
  await createPlantedSchema(admin, schema);
  const random = new Random(seed);
  const stores = Array.from(
    { length: INSTANCES },
    () => new PlantedStore({ connection: inject('connection'), schema, fault, random: random.fork() }),
  );
  try {
    return await findingsOf(stores, schema);
  } finally {
    for (const store of stores) await store.close();
  }
}

describe('under the same work the checker', () => {
  test('finds nothing in three instances of the real store', { timeout: 60_000 }, async () => {
    const schema = newSchemaName();
    schemas.push(schema);
    const databases = Array.from({ length: INSTANCES }, () => openDatabase());
    const [first] = databases;
    if (first === undefined) throw new Error('There is no database');
    await migrate(first, schema);
    const stores = databases.map((database) => storeOn({ database, schema }));
    try {
      for (const store of stores) await store.start();
      expect((await findingsOf(stores, schema)).violations).toEqual([]);
    } finally {
      for (const store of stores) await store.stop();
      for (const database of databases) await database.close();
    }
  });

  test('finds nothing in the simple store without a mistake', { timeout: 60_000 }, async () => {
    expect((await findingsOfPlanted('NONE')).violations).toEqual([]);
  });

  test.for<readonly [string, PlantedFault, Rule]>([
    ['the events that followers of a sequence never see', 'SEQUENCE_ORDER', 'FEED_COMPLETE'],
    ['what was acknowledged before it was committed', 'ACK_BEFORE_COMMIT', 'ACK_KEPT'],
    ['events twice where repeats are looked up outside the lock', 'REPEAT_CHECK_OUTSIDE_LOCK', 'ID_UNIQUE'],
  ])('finds %s', { timeout: 60_000 }, async ([, fault, rule]) => {
    const { broken } = await findingsOfPlanted(fault);
    expect([...broken.keys()], `seed ${seed}`).toContain(rule);
  });
});
