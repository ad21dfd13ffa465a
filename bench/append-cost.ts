import { parseArgs } from 'node:util';
import { DEFAULT_LIMITS } from '../src/core/limits.js';
import { GroupAppends } from '../src/postgres/group-appends.js';
import { Database } from '../src/postgres/database.js';
import { migrate } from '../src/postgres/migrate.js';
import { prepareAppend } from '../src/postgres/prepared-append.js';
import { systemRuntime } from '../src/system.js';
import { backendMicroseconds } from './backend-time.js';
import { copyIn, copyRows } from './floors/copy-in.js';
import { nextRow } from './floors/floor-rows.js';
import { moveHead, writeStreams } from './floors/keep-streams.js';
import { makeScratch } from './scratch.js';
import { openPostgres } from './postgres.js';
import { type StreamWalk, walks } from './workload.js';

// `node dist/bench/append-cost.js`: what an append costs the database beside a row of COPY, and for what: COPY without one index
// after the other, COPY that moves the head and keeps the streams as an append must, and appends themselves. What lies between
// the last COPY and the appends is the price of deciding in one call; nothing that keeps the guarantees can be cheaper than that
// COPY. CPU is that of the backend, in microseconds an event; blocks are taken in turns, and of each way the cheaper half counts,
// so that a busy machine disturbs little.

const { values: flags } = parseArgs({
  options: {
    sizes: { type: 'string', default: '1,4,16,64,256' },
    /** Of each way and size. */
    milliseconds: { type: 'string', default: '1500' },
  },
});

interface Way {
  readonly name: string;
  readonly pid: number;
  /** Gets a block ready, which then runs, and answers how many events it wrote. */
  readonly prepare: (size: number) => () => Promise<number>;
}

/** Of an event: microseconds, and bytes. */
interface Cost {
  readonly cpu: number;
  readonly elapsed: number;
  readonly wal: number;
}

/** What each index of the events is for, by its columns. */
const INDEXES = {
  '(event_id)': 'repeats are known for ever (G6)',
  '(aggregate_type, aggregate_id, version)': 'streams without gaps, loads of a stream (G2)',
  '(aggregate_type, "position")': 'loads by aggregate type',
  '(event_type, "position")': 'filters and conditions by event type (G7)',
};
const SCHEMA = 'headwater_bench_cost';
const schemas = [SCHEMA];

const scratch = await makeScratch();
const postgres = await openPostgres(scratch.path);
const database = new Database({ connection: { connectionString: postgres.url }, appendConnections: 1 });
await migrate(database, SCHEMA);
await database.query('append', `SELECT "${SCHEMA}".open_log()`, []);
const appends = new GroupAppends({ database, schema: SCHEMA, runtime: systemRuntime });
const client = await postgres.connect();
// As the functions have it: streams are looked for by their keys, however many there are.
await client.query('SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off');
const ourPid = Number((await database.query('append', 'SELECT pg_backend_pid()', []))[0]?.[0]);
const floorPid = Number((await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid);

const ways: Way[] = [copying('COPY', await floor('all'))];
for (const [index, [columns, purpose]] of Object.entries(INDEXES).entries())
  ways.push(copying(`  without the index for: ${purpose}`, await floor(`less_${index}`, [columns])));
ways.push(
  copying('  with the primary key only', await floor('bare', Object.keys(INDEXES))),
  keeping('COPY that moves the head (G3)', await floor('head'), false),
  keeping('  and keeps the streams (G2, G5): the limit', await floor('streams'), true),
  keeping(
    '  without the indexes of few streams, for sweeps, erasures and lists',
    await floor('few', [' WHERE ']),
    true,
  ),
  appending('appends as foreseen (exact versions)', (walk) => walk.request()),
  appending('appends that are decided (any version)', (walk) => {
    const request = walk.request();
    return {
      ...request,
      streams: request.streams.map((each) => ({ ...each, expectedVersion: 'ANY' as const })),
    };
  }),
);
for (const size of flags.sizes.split(',').map(Number)) {
  const costs = await measure(size);
  const least = costs[0]?.cpu ?? 0;
  print([`groups of ${size}`, 'cpu µs/ev', 'x COPY', 'more µs', 'elapsed', 'wal B/ev']);
  ways.forEach(({ name }, index) => {
    const { cpu, elapsed, wal } = costs[index] ?? { cpu: 0, elapsed: 0, wal: 0 };
    const figures = [cpu.toFixed(1), (cpu / least).toFixed(2), (cpu - least).toFixed(1), elapsed.toFixed(0)];
    print([name, ...figures, wal.toFixed(0)]);
  });
  process.stdout.write('\n');
}
for (const schema of schemas) await client.query(`DROP SCHEMA "${schema}" CASCADE`);
await client.end();
await database.close();
await postgres.stop();
await scratch.remove();

/** The tables that an append writes to once more, without the indexes whose definitions have one of the parts. */
async function floor(name: string, without: readonly string[] = []): Promise<string> {
  const schema = `${SCHEMA}_${name}`;
  schemas.push(schema);
  await client.query(`CREATE SCHEMA "${schema}"`);
  for (const table of ['events', 'streams', 'log_head'])
    await client.query(`CREATE TABLE "${schema}".${table} (LIKE "${SCHEMA}".${table} INCLUDING ALL)`);
  // As the migrations have it; LIKE leaves it out, and without room in their pages updates would go to all indexes.
  await client.query(
    `ALTER TABLE "${schema}".streams SET (fillfactor = 70); ALTER TABLE "${schema}".log_head SET (fillfactor = 10)`,
  );
  await client.query(`INSERT INTO "${schema}".log_head SELECT * FROM "${SCHEMA}".log_head`);
  const { rows } = await client.query<{ table: string; name: string; definition: string }>(
    'SELECT tablename AS table, indexname AS name, indexdef AS definition FROM pg_indexes WHERE schemaname = $1',
    [schema],
  );
  for (const { table, name: index, definition } of rows)
    if (without.some((part) => definition.includes(part))) {
      await client.query(`ALTER TABLE "${schema}".${table} DROP CONSTRAINT IF EXISTS "${index}"`);
      await client.query(`DROP INDEX IF EXISTS "${schema}"."${index}"`);
    }
  return schema;
}

function copying(name: string, schema: string): Way {
  const walksOf = walksBySize();
  return { name, pid: floorPid, prepare: (size) => () => copyIn(client, schema, walksOf(size)) };
}

function keeping(name: string, schema: string, streams: boolean): Way {
  const walksOf = walksBySize();
  return {
    name,
    pid: floorPid,
    prepare: (size) => async () => {
      const rows = walksOf(size).map(nextRow);
      await client.query('BEGIN');
      await moveHead(client, schema, rows.length);
      const written = await copyRows(client, schema, rows);
      if (streams) await writeStreams(client, schema, rows);
      await client.query('COMMIT');
      return written;
    },
  };
}

function appending(name: string, request: (walk: StreamWalk) => ReturnType<StreamWalk['request']>): Way {
  const walksOf = walksBySize();
  return {
    name,
    pid: ourPid,
    prepare: (size) => {
      const group = walksOf(size).map((walk) => prepareAppend(request(walk), DEFAULT_LIMITS, systemRuntime));
      return async () => {
        for (const verdict of await appends.append(group))
          if (verdict instanceof Error || verdict.outcome !== 'APPENDED')
            throw new Error('A request was refused', { cause: verdict });
        return group.length;
      };
    },
  };
}

/** Appenders that go on where they were when the same size comes again. */
function walksBySize(): (size: number) => readonly StreamWalk[] {
  const made = new Map<number, readonly StreamWalk[]>();
  return (size) => {
    const known = made.get(size) ?? walks(size);
    made.set(size, known);
    return known;
  };
}

/** Blocks of all ways in turns; of each way the mean of its cheaper half. */
async function measure(size: number): Promise<readonly Cost[]> {
  const blocks: Cost[][] = ways.map(() => []);
  const until = performance.now() + Number(flags.milliseconds) * ways.length;
  for (let round = 0; round < 6 || performance.now() < until; round++)
    for (const [index, way] of ways.entries()) {
      const cost = await block(way, size);
      // The first ones warm up.
      if (round >= 2) blocks[index]?.push(cost);
    }
  return blocks.map((all) => {
    const half = all.toSorted((a, b) => a.cpu - b.cpu).slice(0, Math.ceil(all.length / 2));
    const mean = (of: keyof Cost) => half.reduce((sum, cost) => sum + cost[of], 0) / half.length;
    return { cpu: mean('cpu'), elapsed: mean('elapsed'), wal: mean('wal') };
  });
}

async function block({ pid, prepare }: Way, size: number): Promise<Cost> {
  // Many calls of few events: what a backend still does after its answer must not count much.
  const calls = Array.from({ length: Math.max(1, Math.ceil(32 / size)) }, () => prepare(size));
  const walBefore = await walPosition();
  const cpuBefore = backendMicroseconds(pid);
  const began = performance.now();
  let events = 0;
  for (const call of calls) events += await call();
  const elapsed = (performance.now() - began) * 1000;
  const cpu = backendMicroseconds(pid) - cpuBefore;
  return { cpu: cpu / events, elapsed: elapsed / events, wal: ((await walPosition()) - walBefore) / events };
}

async function walPosition(): Promise<number> {
  const { rows } = await client.query<{ bytes: string }>(
    "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') AS bytes",
  );
  return Number(rows[0]?.bytes);
}

function print([name = '', ...figures]: readonly string[]): void {
  process.stdout.write(`${name.padEnd(72)}${figures.map((figure) => figure.padStart(10)).join('')}\n`);
}
