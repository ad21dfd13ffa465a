import { setMaxListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { afterEach, expect, test } from 'vitest';
import { type Connection, connect } from '../../src/client/connect.js';
import type { Event } from '../../src/core/event.js';
import type { EventSelection } from '../../src/core/selection.js';
import { type Consumer, consume } from '../../src/subscriptions/consume.js';
import { systemRuntime } from '../../src/system.js';
import { type CrashablePostgres, startCrashablePostgres } from '../support/crashable-postgres.js';
import { until } from '../support/replicated-postgres.js';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';
import { seconds } from './command-summary.js';

const SUBSCRIBERS = 1000;
const GROUPS = 100;
const MEMBERS = 2;
/** Over so many connections all subscribers and members come. */
const CONNECTIONS = 4;
const APPEND_MS = 30_000;
const WRITERS = 4;
const STREAMS = 200;
const TAGS = 50;
/**
 * A service that does nothing takes some 110 MB. A follower that keeps up costs its call and what it asked for, some 50 KB;
 * what all of them read from is one ring of 16 MiB, whoever reads it. The rest is V8's, which collects late.
 */
const LIMIT_MB = 600;
/** Ten for appends, eight for reads, those that listen and look: whoever follows costs none. */
const MOST_DATABASE_CONNECTIONS = 30;
/** Until all is delivered. */
const CATCH_UP_MS = 60_000;
/** For which appends may stand still, on a machine that has other things to do. */
const SILENCE_MS = 10_000;

let postgres: CrashablePostgres;
let service: ServiceProcess;
const connections: Connection[] = [];

afterEach(async () => {
  for (const connection of connections) connection.close();
  await service?.kill();
  await postgres?.close();
});

/** A follower, and which positions it was given. */
interface Counted {
  readonly selection: EventSelection;
  readonly wants: (event: WrittenEvent) => boolean;
  readonly positions: bigint[];
}

interface WrittenEvent {
  readonly position: bigint;
  readonly stream: number;
  readonly tag: number;
  readonly type: number;
}

const TYPES = ['Deposited', 'Withdrawn', 'Noted', 'Closed'];
const tagOf = (index: number) => `tag-${index}`;
const streamOf = (index: number) => ({ aggregateType: 'Account', aggregateId: `a-${index}` });

/** By stream, by tag, by a tag and a type, by a prefix of ids and a type: each of its own. */
function counted(index: number): Counted {
  const [stream, tag, type] = [index % STREAMS, index % TAGS, index % TYPES.length];
  const typeName = TYPES[type] ?? '';
  const kinds: readonly Omit<Counted, 'positions'>[] = [
    {
      selection: { scope: { kind: 'STREAM', stream: streamOf(stream) } },
      wants: (event) => event.stream === stream,
    },
    { selection: { filters: [{ tags: [tagOf(tag)] }] }, wants: (event) => event.tag === tag },
    {
      selection: { filters: [{ tags: [tagOf(tag)], eventTypes: [typeName] }] },
      wants: (event) => event.tag === tag && event.type === type,
    },
    {
      selection: {
        filters: [
          { streams: [{ aggregateIdPrefix: `a-${tag}` }], eventTypes: [TYPES[tag % TYPES.length] ?? ''] },
        ],
      },
      wants: (event) => `a-${event.stream}`.startsWith(`a-${tag}`) && event.type === tag % TYPES.length,
    },
  ];
  const chosen = kinds[Math.floor(index / TYPES.length) % kinds.length];
  if (chosen === undefined) throw new RangeError(`There is no kind for ${index}`);
  return { ...chosen, positions: [] };
}

// Linux tells the resident size of other processes in a file; elsewhere this cannot be measured without a tool.
test.runIf(process.platform === 'linux')(
  'a thousand subscribers and a hundred groups get what is theirs from one service of bounded memory',
  { timeout: 240_000 },
  async () => {
    postgres = await startCrashablePostgres();
    service = await startServiceProcess({ databaseUrl: postgres.url });
    const { address, pid } = service;
    const writer = connect({ address, timeoutMs: 60_000 });
    connections.push(writer);
    await writer.waitForReady();
    const idle = memoryMb(pid, 'VmRSS');
    for (let index = 0; index < CONNECTIONS; index += 1)
      connections.push(connect({ address, timeoutMs: 60_000 }));
    const over = (index: number) => connections[1 + (index % CONNECTIONS)] ?? writer;

    const late: number[] = [];
    const delivered = (event: Event) => late.push(Number(systemRuntime.now() - event.recordedAt) / 1000);
    const hangUp = new AbortController();
    setMaxListeners(SUBSCRIBERS, hangUp.signal);
    const joining = performance.now();
    const subscribers = Array.from({ length: SUBSCRIBERS }, (_, index) => counted(index));
    let live = 0;
    const following = subscribers.map(async ({ positions, selection }, index) => {
      const { eventStore } = over(index);
      try {
        for await (const message of eventStore.subscribe(selection, { signal: hangUp.signal })) {
          if (message.signal?.kind === 'CAUGHT_UP') live += 1;
          for (const event of message.events) {
            positions.push(event.position);
            delivered(event);
          }
        }
      } catch (error) {
        if (!hangUp.signal.aborted) throw error;
      }
    });
    const broken = Promise.all(following);
    broken.catch(() => undefined);
    const groups = Array.from({ length: GROUPS }, (_, index) => counted(index));
    const members: Consumer[] = groups.flatMap(({ positions, selection }, index) =>
      Array.from({ length: MEMBERS }, (_member, number) =>
        consume(over(index * MEMBERS + number).consumerGroups, {
          runtime: systemRuntime,
          group: `group-${index}`,
          create: { selection },
          handle: (event) => {
            positions.push(event.position);
            delivered(event);
          },
        }),
      ),
    );
    await Promise.all(members.map(({ ready }) => ready));
    await until(() => live >= SUBSCRIBERS, 'all subscribers', 60_000);
    const joined = memoryMb(pid, 'VmRSS');
    const joinedMs = performance.now() - joining;

    const [busyBefore, ownBefore] = [cpuMs(pid), process.cpuUsage()];
    const { events, took } = await write(writer);
    const busy = cpuMs(pid) - busyBefore;
    const own = process.cpuUsage(ownBefore);
    const wanted = (all: readonly Counted[]) =>
      all.map(({ wants }) => events.filter(wants).map(({ position }) => position));
    const [ofSubscribers, ofGroups] = [wanted(subscribers), wanted(groups)];
    const missing = (all: readonly Counted[], theirs: readonly (readonly bigint[])[]) =>
      all.filter(({ positions }, index) => positions.length < (theirs[index]?.length ?? 0)).length;
    const all = async () => {
      const deadline = performance.now() + CATCH_UP_MS;
      for (;;) {
        const [some, others] = [missing(subscribers, ofSubscribers), missing(groups, ofGroups)];
        if (some + others === 0) return;
        if (performance.now() > deadline)
          throw new Error(`${some} subscribers and ${others} groups have not got all that is theirs`);
        await systemRuntime.sleep(50);
      }
    };
    await Promise.race([all(), broken]);
    const used = await databaseConnections();
    const peak = memoryMb(pid, 'VmHWM');

    const deliveries = [subscribers, groups].map((all) =>
      all.reduce((sum, { positions }) => sum + positions.length, 0),
    );
    const longest = Math.max(...took);
    console.log(
      `${events.length} events by ${took.length} appends in ${APPEND_MS / 1000} s, each in ${quantiles(took)}, ` +
        `${longest.toFixed(0)} ms at most, for which the service was busy ${seconds(busy)} and the followers ` +
        `${seconds((own.user + own.system) / 1000)}; ${deliveries[0]} deliveries to ${SUBSCRIBERS} subscribers, ${deliveries[1]} to ` +
        `${GROUPS} groups of ${MEMBERS}, ${quantiles(late)} after the commit; all were there after ` +
        `${(joinedMs / 1000).toFixed(1)} s; resident: ${idle} MB idle, ${joined} MB with all of them, ${peak} MB at most; ` +
        `${used} connections to Postgres`,
    );
    hangUp.abort();
    await Promise.all([broken, ...members.map((member) => member.stop())]);

    expect(subscribers.map(({ positions }) => positions)).toEqual(ofSubscribers);
    // Nothing failed here, so nothing came again; members of a group have no order over streams.
    expect(groups.map(({ positions }) => positions.toSorted((one, other) => Number(one - other)))).toEqual(
      ofGroups,
    );
    expect(events.length).toBeGreaterThan(STREAMS);
    expect(Math.min(...ofSubscribers.map(({ length }) => length))).toBeGreaterThan(0);
    expect(longest).toBeLessThan(SILENCE_MS);
    expect(used).toBeLessThanOrEqual(MOST_DATABASE_CONNECTIONS);
    expect(peak).toBeLessThan(LIMIT_MB);
  },
);

/** Appends for a while, one after the other in each writer; gives what was written, and milliseconds of each append. */
async function write({
  eventStore,
}: Connection): Promise<{ readonly events: readonly WrittenEvent[]; readonly took: readonly number[] }> {
  const events: WrittenEvent[] = [];
  const took: number[] = [];
  const began = performance.now();
  let next = 0;
  const one = async () => {
    while (performance.now() - began < APPEND_MS) {
      next += 1;
      // As followers are numbered, so that after one round each has got something.
      const [stream, tag, type] = [next % STREAMS, next % TAGS, next % TYPES.length];
      const sent = performance.now();
      const { lastPosition } = await eventStore.append({
        streams: [
          {
            stream: streamOf(stream),
            expectedVersion: 'ANY',
            events: [
              {
                eventType: TYPES[type] ?? '',
                data: Buffer.from(JSON.stringify({ amount: stream })),
                contentType: 'application/json',
                tags: [tagOf(tag)],
              },
            ],
          },
        ],
      });
      took.push(performance.now() - sent);
      events.push({ position: lastPosition, stream, tag, type });
      await systemRuntime.sleep(30);
    }
  };
  await Promise.all(Array.from({ length: WRITERS }, one));
  return { events: events.toSorted((first, second) => Number(first.position - second.position)), took };
}

async function databaseConnections(): Promise<number> {
  const client = new pg.Client(postgres.connection);
  await client.connect();
  const { rows } = await client.query<{ count: string }>(
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'headwater'",
  );
  await client.end();
  return Number(rows[0]?.count);
}

/** `VmRSS`: resident now; `VmHWM`: at most since its start. */
function memoryMb(pid: number, what: 'VmRSS' | 'VmHWM'): number {
  const [, kilobytes = ''] =
    new RegExp(`^${what}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}

/** Milliseconds for which a process was busy since its start, in both modes. */
function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  // In hundredths of a second.
  return 10 * ((user ?? 0) + (system ?? 0));
}

function quantiles(milliseconds: readonly number[]): string {
  const sorted = milliseconds.toSorted((one, other) => one - other);
  const at = (share: number) => (sorted[Math.floor(sorted.length * share)] ?? Number.NaN).toFixed(0);
  return `p50 ${at(0.5)} ms and p99 ${at(0.99)} ms`;
}
