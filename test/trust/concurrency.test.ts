import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CrashablePostgres, startCrashablePostgres } from '../support/crashable-postgres.js';
import { check, report, unchecked } from './checker.js';
import { readFinalLog, readHead } from './final-log.js';
import type { Rule } from './findings.js';
import { Fleet } from './fleet.js';
import { Nemesis } from './nemesis.js';
import { chosenSeed } from './random.js';
import { summary } from './summary.js';
import { Workload } from './workload.js';

const everything =
  process.env['HEADWATER_TEST_REQUIRE_ALL'] !== undefined || process.env['HEADWATER_TEST_LONG'] !== undefined;
/** Half as many for a person who waits. */
const REQUESTS = everything ? 110_000 : 55_000;
const schema = 'headwater';
const ALL_RULES: readonly Rule[] = [
  'ACK_KEPT',
  'NOT_INVENTED',
  'ID_UNIQUE',
  'REPEAT_ANSWERED',
  'POSITIONS_DENSE',
  'VERSIONS_CONTIGUOUS',
  'BATCH_WHOLE',
  'EXPECTED_VERSION_HELD',
  'STATE_WAS_CURRENT',
  'REAL_TIME_ORDER',
  'TIME_FORWARD',
  'FEED_COMPLETE',
  'RANGES_MEET',
  'OUTCOME_HONEST',
  'READS_AGREE',
  'ERRORS_KNOWN',
];

let postgres: CrashablePostgres;
let fleet: Fleet;

beforeAll(async () => {
  postgres = await startCrashablePostgres();
  fleet = await Fleet.start({ databaseUrl: postgres.url, schema }, 3);
});

afterAll(async () => {
  await fleet?.close();
  await postgres?.close();
});

test('three services on one database keep every promise while services and Postgres are killed', {
  timeout: 240_000,
}, async () => {
  const seed = chosenSeed();
  const began = performance.now();
  const workload = new Workload({
    seed,
    sources: fleet.sources,
    requests: REQUESTS,
    writers: 64,
    followers: 18,
    head: () => readHead(postgres.connection, schema),
  });
  const nemesis = new Nemesis({ workload, fleet, postgres, requests: REQUESTS });
  await Promise.all([workload.run(), nemesis.run()]);
  const worked = performance.now();
  const [source] = fleet.sources;
  if (source === undefined) throw new Error('There is no client');
  const log = await readFinalLog(postgres.connection, schema, source.store());
  const findings = check(workload.history, log);
  const ended = performance.now();
  const told = [
    report(findings, seed),
    summary(workload, log, nemesis.faults),
    `${((worked - began) / 1000).toFixed(1)} s of work, ${((ended - worked) / 1000).toFixed(1)} s to read and check`,
  ].join('\n');
  console.log(told);
  if (findings.violations.length > 0) console.log(fleet.stderr());
  expect(findings.violations, told).toEqual([]);
  expect(unchecked(findings, ALL_RULES), told).toEqual([]);
  const { operations } = workload.history;
  expect(operations.length).toBeGreaterThanOrEqual(REQUESTS / 1.1);
  expect(nemesis.faults.map(({ kind }) => kind)).toEqual(
    expect.arrayContaining(['kill -9 of a service', 'kill -9 of Postgres', 'SIGTERM of a service']),
  );
  await expectStreamsTable(postgres, log.bySql);
});

/** The table of streams tells what the events do. */
async function expectStreamsTable(
  { connection }: CrashablePostgres,
  log: readonly { readonly stream: string; readonly version: number }[],
): Promise<void> {
  const versions = new Map(log.map(({ stream, version }) => [stream, version]));
  const client = new pg.Client(connection);
  await client.connect();
  const { rows } = await client.query<{ key: string; version: string }>(
    `SELECT aggregate_type || E'\\n' || aggregate_id AS key, version FROM "${schema}".streams`,
  );
  await client.end();
  expect(new Map(rows.map(({ key, version }) => [key, Number(version)]))).toEqual(versions);
}
