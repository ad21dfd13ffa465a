import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { type Connection, connect } from '../../src/client/connect.js';
import { HeadwaterError, LogEpochChangedError } from '../../src/core/errors.js';
import type { LoadRequest } from '../../src/core/load.js';
import type { LogPosition, SubscribeRequest } from '../../src/core/subscribe.js';
import {
  type ReplicatedPostgres,
  type ReplicatedServer,
  startReplicatedPostgres,
  until,
} from '../support/replicated-postgres.js';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';

const TRIALS = 3;
const WRITERS = 8;

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A replicated Postgres, a service on it in a process of its own, and a client. */
async function start(standbys: number, synchronous: string, flags: readonly string[]) {
  const set = await startReplicatedPostgres(standbys);
  cleanups.push(() => set.close());
  if (synchronous !== '') await set.synchronous(synchronous);
  const service: ServiceProcess = await startServiceProcess({ databaseUrl: set.url, flags });
  cleanups.push(() => service.kill());
  const connection = connect({ address: service.address, timeoutMs: 30_000 });
  cleanups.push(async () => connection.close());
  await connection.waitForReady();
  return { set, service, connection };
}

interface Acked {
  readonly eventId: string;
  readonly token: Required<LogPosition>;
}

/** Appends from several writers, one event at a time, until it is stopped. */
class Load {
  readonly acked: Acked[] = [];
  /** When each of them was acknowledged, by `performance.now()`. */
  readonly ackedAt: number[] = [];
  failed = 0;
  readonly #connection: Connection;
  #stopped = false;
  readonly #writers: Promise<void>[];

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#writers = Array.from({ length: WRITERS }, (_, n) => this.#write(n));
  }

  /** When the first append after that moment was acknowledged; waits for it. */
  async firstAckAfter(moment: number): Promise<number> {
    const first = () => this.ackedAt.find((at) => at > moment);
    await until(() => first() !== undefined, 'an append to be acknowledged');
    return first() ?? 0;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#writers);
  }

  async #write(writer: number): Promise<void> {
    for (let n = 0; !this.#stopped; n++) {
      const eventId = randomUUID();
      try {
        this.acked.push(await appendOne(this.#connection, `writer ${writer}, ${n % 10}`, eventId));
        this.ackedAt.push(performance.now());
      } catch (error) {
        // What is not acknowledged may be there or not; any other failure is one.
        if (!(error instanceof HeadwaterError) || error.reason !== 'STORE_UNAVAILABLE') throw error;
        this.failed += 1;
      }
    }
  }
}

async function appendOne(
  { eventStore }: Connection,
  aggregateId: string = randomUUID(),
  eventId: string = randomUUID(),
  eventType = 'Happened',
): Promise<Acked> {
  const { lastPosition, epoch } = await eventStore.append({
    streams: [
      {
        stream: { aggregateType: 'Thing', aggregateId },
        expectedVersion: 'ANY',
        events: [{ eventId, eventType, data: Buffer.from('x') }],
      },
    ],
  });
  return { eventId, token: { position: lastPosition, epoch } };
}

/** What a subscription is given, and how it ended. */
class Follower {
  readonly ids: string[] = [];
  readonly done: Promise<unknown>;
  /** What a follower keeps. */
  token: LogPosition = { position: 0n };
  readonly #end = new AbortController();

  constructor({ eventStore }: Connection, request: SubscribeRequest = {}) {
    this.done = (async () => {
      for await (const message of eventStore.subscribe(request, { signal: this.#end.signal })) {
        this.ids.push(...message.events.map(({ eventId }) => eventId));
        this.token = { position: message.scannedTo, epoch: message.epoch };
      }
      return 'ended';
    })().catch((error: unknown) => error);
    cleanups.push(() => this.stop());
  }

  async stop(): Promise<void> {
    this.#end.abort(new Error('stopped'));
    await this.done;
  }
}

async function finalLog(server: ReplicatedServer): Promise<Map<string, bigint>> {
  const rows = await server.query(
    'SELECT e.event_id, e.position FROM headwater.events e ORDER BY e.position',
  );
  return new Map(rows.map(({ event_id, position }) => [String(event_id), BigInt(String(position))]));
}

async function drained(pages: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of pages);
}

const stale = (token: LogPosition, lastCommonPosition: bigint) => ({
  reason: 'LOG_EPOCH_CHANGED',
  position: token.position,
  epoch: token.epoch,
  lastCommonPosition,
});

/** The four ways in which a position can be given to the log. */
const USES: Readonly<Record<string, (connection: Connection, after: LogPosition) => Promise<unknown>>> = {
  subscribe: async ({ eventStore }, after) => {
    const end = new AbortController();
    for await (const _ of eventStore.subscribe({ start: { kind: 'AFTER', after } }, { signal: end.signal }))
      return;
  },
  load: ({ eventStore }, minPosition) =>
    drained(eventStore.load({ minPosition, limit: 1n } satisfies LoadRequest)),
  condition: async ({ eventStore }, after) =>
    eventStore.append({
      streams: [
        {
          stream: { aggregateType: 'Thing', aggregateId: randomUUID() },
          expectedVersion: 'NO_STREAM',
          events: [{ eventType: 'Decided', data: Buffer.from('x') }],
        },
      ],
      condition: { items: [{ eventTypes: ['NeverHappens'] }], after },
    }),
};

describe('a fail-over to a synchronous standby, with durability quorum', () => {
  it('loses nothing that was acknowledged or delivered, and tokens stay good', {
    timeout: 90_000,
  }, async () => {
    const { set, connection } = await start(2, 'ANY 1 (*)', ['--durability', 'quorum']);
    const load = new Load(connection);
    const followers = [new Follower(connection), new Follower(connection)];
    const early: LogPosition[] = [];
    const waits: number[] = [];
    for (let trial = 0; trial < TRIALS; trial++) {
      const before = load.acked.length;
      await until(() => load.acked.length > before + 300, 'some load');
      early.push(load.acked.at(-1)?.token ?? { position: 0n });
      await set.primary.kill();
      const killed = performance.now();
      await set.failOver();
      // Answers that were on their way come within that millisecond.
      waits.push(Math.round((await load.firstAckAfter(killed + 1)) - killed));
      await set.addStandby();
    }
    await load.stop();
    const log = await finalLog(set.primary);
    const lost = load.acked.filter(({ eventId, token }) => log.get(eventId) !== token.position);
    await until(() => followers.every(({ ids }) => ids.length >= log.size), 'the followers to have all');
    const order = [...log.keys()];
    for (const { ids } of followers) {
      expect(ids.length).toBe(order.length);
      expect(ids.findIndex((id, place) => id !== order[place])).toBe(-1);
    }
    for (const token of early) for (const use of Object.values(USES)) await use(connection, token);
    const { epoch } = (await appendOne(connection)).token;
    console.log(
      `fail-over with a synchronous standby: ${TRIALS} trials, ${load.acked.length} acknowledged, ${lost.length} lost; ` +
        `${followers.length} subscriptions given all ${log.size}; ${load.failed} failed; ` +
        `first append ${waits.join(', ')} ms after the kill, promotion included`,
    );
    expect(lost).toEqual([]);
    expect(epoch).toBe(BigInt(TRIALS + 1));
  });
});

describe('a fail-over to an asynchronous standby that was behind', () => {
  it('is told to all who hold a position of the lost tail, with the last common one', {
    timeout: 90_000,
  }, async () => {
    const { set, connection } = await start(1, '', []);
    const counts = { lost: 0, delivered: 0, stale: 0, good: 0, live: 0, spared: 0 };
    for (let trial = 0; trial < TRIALS; trial++) {
      const kept: LogPosition[] = [];
      for (let n = 0; n < 20; n++) kept.push((await appendOne(connection)).token);
      const rare = await appendOne(connection, 'rare', randomUUID(), 'Rare');
      const common = rare.token.position;
      const standby = await caughtUpStandby(set);
      const live = new Follower(connection, { start: { kind: 'AFTER', after: rare.token } });
      const spared = new Follower(connection, {
        filters: [{ eventTypes: ['Rare'] }],
        start: { kind: 'AFTER', after: kept[0] ?? rare.token },
      });
      await until(() => spared.ids.length === 1, 'the follower of rare events');
      await standby.detach();
      const lost: Acked[] = [];
      for (let n = 0; n < 20; n++) lost.push(await appendOne(connection));
      await until(() => live.ids.length >= lost.length, 'the live follower');
      counts.delivered += live.ids.length;
      await set.primary.kill();
      await set.failOver();
      // By turns readers find the new primary first, and an append does.
      if (trial % 2 === 1) await appendOne(connection);
      const log = await finalLog(set.primary);
      for (const { eventId, token } of lost) {
        expect(log.has(eventId)).toBe(false);
        for (const [name, use] of Object.entries(USES)) {
          const answer = await use(connection, token).catch((error: unknown) => error);
          expect(answer, name).toBeInstanceOf(LogEpochChangedError);
          expect(answer, name).toMatchObject(stale(token, common));
          counts.stale += 1;
        }
      }
      expect(await live.done).toMatchObject(stale(live.token, common));
      counts.live += 1;
      for (const token of [...kept, rare.token])
        for (const use of Object.values(USES)) {
          await use(connection, token);
          counts.good += 1;
        }
      // Who had not come into the lost tail goes on by itself; who was told that it was scanned has come there.
      const again = await appendOne(connection, 'rare', randomUUID(), 'Rare');
      expect(again.token.epoch).toBe(BigInt(trial + 2));
      const isTold = () => spared.token.epoch === rare.token.epoch && spared.token.position > common;
      await until(() => isTold() || spared.ids.length === 2, 'the follower of rare events to go on');
      if (isTold()) expect(await spared.done).toMatchObject(stale(spared.token, common));
      else {
        expect(spared.ids).toEqual([rare.eventId, again.eventId]);
        counts.spared += 1;
      }
      await spared.stop();
      counts.lost += lost.length;
      await set.addStandby();
    }
    const { lost, delivered, stale: told, good, live, spared } = counts;
    console.log(
      `fail-over without: ${TRIALS} trials, ${lost} acknowledged events lost, ${delivered} of them delivered; ` +
        `${told} of ${lost * Object.keys(USES).length} uses of their positions and ${live} of ${TRIALS} live ` +
        `subscriptions were told; ${good} uses of earlier positions were good; of ${TRIALS} narrow subscriptions ${spared} ` +
        'had not been told of the lost tail and went on',
    );
  });
});

async function caughtUpStandby(set: ReplicatedPostgres) {
  const [standby] = set.standbys;
  if (standby === undefined) throw new Error('There is no standby');
  await standby.caughtUp();
  return standby;
}
