import { parseArgs } from 'node:util';
import { DEFAULT_LIMITS } from '../src/core/limits.js';
import { GroupAppends } from '../src/postgres/group-appends.js';
import { Database } from '../src/postgres/database.js';
import { migrate } from '../src/postgres/migrate.js';
import { prepareAppend } from '../src/postgres/prepared-append.js';
import { systemRuntime } from '../src/system.js';
import { backendMicroseconds } from './backend-time.js';
import { copyIn } from './floors/copy-in.js';
import { makeFloorTables } from './floors/floor-tables.js';
import { insertRow } from './floors/insert.js';
import { openPostgres } from './postgres.js';
import { median } from './rounds.js';
import { makeScratch } from './scratch.js';
import { StreamWalk, walks } from './workload.js';

// `node dist/bench/append-function.js`: what the append function costs without gRPC and without gathering, beside binary
// COPY of as many rows (S1) and one INSERT (S3), in turns. CPU is counted apart for the backend of Postgres and for Node:
// on few cores the sum decides. --tags and --commands put tags and an entry of the ledger on each request.

const { values: flags } = parseArgs({
  options: {
    sizes: { type: 'string', default: '1,4,16,64,256,1000' },
    rounds: { type: 'string', default: '5' },
    turn: { type: 'string', default: '400' },
    tags: { type: 'boolean', default: false },
    commands: { type: 'boolean', default: false },
    // No floors, and the process id of the backend: for a profiler.
    alone: { type: 'boolean', default: false },
  },
});

interface Cost {
  /** Events a second of the time in which the database was asked. */
  readonly rate: number;
  /** Microseconds of CPU an event. */
  readonly backend: number;
  readonly node: number;
}

const SCHEMA = 'headwater_bench_append_function';
const FLOOR_SCHEMA = `${SCHEMA}_floor`;
const scratch = await makeScratch();
const postgres = await openPostgres(scratch.path);
const database = new Database({ connection: { connectionString: postgres.url }, appendConnections: 1 });
await migrate(database, SCHEMA);
await makeFloorTables(postgres, SCHEMA, FLOOR_SCHEMA);
const [pidRow] = await database.query('append', 'SELECT pg_backend_pid()', []);
const ourPid = Number(pidRow?.[0]);
const floor = await postgres.connect();
const floorPid = Number((await floor.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows[0]?.pid);
const inserting = new StreamWalk();
if (flags.alone) process.stdout.write(`backend ${ourPid}\n`);

print([
  'requests',
  'ours ev/s',
  'floor ev/s',
  'ratio',
  'backend µs/ev',
  'floor',
  'ratio',
  'node µs/ev',
  'floor',
]);
const appends = new GroupAppends({ database, schema: SCHEMA, runtime: systemRuntime });
for (const size of flags.sizes.split(',').map(Number)) {
  const ourWalks = walks(size);
  const copyWalks = walks(size);
  const ours: Cost[] = [];
  const floors: Cost[] = [];
  for (let round = 0; round <= Number(flags.rounds); round++) {
    const our = await turn(ourPid, () => {
      const group = ourWalks.map((walk) => prepareAppend(request(walk), DEFAULT_LIMITS, systemRuntime));
      return async () => {
        const verdicts = await appends.append(group);
        for (const verdict of verdicts)
          if (verdict instanceof Error || verdict.outcome !== 'APPENDED')
            throw new Error('A request was refused', { cause: verdict });
        return verdicts.length;
      };
    });
    const least = flags.alone
      ? our
      : await turn(
          floorPid,
          () => () =>
            size === 1 ? insertRow(floor, FLOOR_SCHEMA, inserting) : copyIn(floor, FLOOR_SCHEMA, copyWalks),
        );
    // The first warms up.
    if (round === 0) continue;
    ours.push(our);
    floors.push(least);
  }
  const ratio = (of: keyof Cost) => median(ours.map((our, index) => our[of] / (floors[index]?.[of] ?? 0)));
  const middle = (costs: readonly Cost[], of: keyof Cost) => median(costs.map((cost) => cost[of]));
  print([
    String(size),
    middle(ours, 'rate').toFixed(0),
    middle(floors, 'rate').toFixed(0),
    ratio('rate').toFixed(2),
    middle(ours, 'backend').toFixed(1),
    middle(floors, 'backend').toFixed(1),
    ratio('backend').toFixed(2),
    middle(ours, 'node').toFixed(1),
    middle(floors, 'node').toFixed(1),
  ]);
}
await floor.end();
await database.query('append', `DROP SCHEMA "${SCHEMA}" CASCADE`, []);
await database.query('append', `DROP SCHEMA "${FLOOR_SCHEMA}" CASCADE`, []);
await database.close();
await postgres.stop();
await scratch.remove();

function request(walk: StreamWalk) {
  const made = walk.request();
  const id = systemRuntime.newEventId();
  return {
    ...made,
    streams: flags.tags
      ? made.streams.map(({ events, ...rest }) => ({
          ...rest,
          events: events.map((event) => ({ ...event, tags: [`order:${id}`, `customer:${id}`] })),
        }))
      : made.streams,
    ...(flags.commands
      ? {
          command: {
            commandId: id,
            commandType: 'Deposit',
            bodyHash: new Uint8Array(32),
            result: new Uint8Array(0),
          },
        }
      : {}),
  };
}

/** Does it again and again for the time of a turn; what `prepare` does itself is not counted. */
async function turn(pid: number, prepare: () => () => Promise<number>): Promise<Cost> {
  const until = performance.now() + Number(flags.turn);
  const before = backendMicroseconds(pid);
  let events = 0;
  let milliseconds = 0;
  let node = 0;
  while (performance.now() < until) {
    const work = prepare();
    const cpu = process.cpuUsage();
    const began = performance.now();
    events += await work();
    milliseconds += performance.now() - began;
    const { user, system } = process.cpuUsage(cpu);
    node += user + system;
  }
  return {
    rate: (events * 1000) / milliseconds,
    backend: (backendMicroseconds(pid) - before) / events,
    node: node / events,
  };
}

function print(cells: readonly string[]): void {
  process.stdout.write(`${cells.map((cell, index) => cell.padStart(index === 0 ? 8 : 14)).join('')}\n`);
}
