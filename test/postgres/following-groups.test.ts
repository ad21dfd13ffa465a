import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AppendRequest } from '../../src/core/append.js';
import type { PostgresEventStore } from '../../src/postgres/postgres-event-store.js';
import { loaded, newEvent, thing, to } from '../../src/testing/builders.js';
import { openProxiedStore, type ProxiedStore } from '../support/proxied-store.js';

// Two groups at the database at once: the first one waits for the log's lock, which somebody else holds, and the second one was
// sent behind it meanwhile.

/** As many events as are worth a group behind another one. */
const MANY = 16;

let opened: ProxiedStore;
let direct: ProxiedStore['direct'];
let proxy: ProxiedStore['proxy'];
let store: ProxiedStore['store'];

beforeEach(async () => {
  opened = await openProxiedStore(5000);
  ({ direct, proxy, store } = opened);
  // All statements are prepared from now on, so that a message to the server has the name of one once.
  await store.append(creates('warm'));
  await store.append(any('warm'));
  await Promise.all([store.append(goesOn('warm', 2n)), store.append(creates('warm too'))]);
});

afterEach(() => opened.close());

const creates = (aggregateId: string): AppendRequest => ({
  streams: [to(thing(aggregateId), 'NO_STREAM', newEvent({ eventId: randomUUID() }))],
});
const goesOn = (aggregateId: string, version: bigint): AppendRequest => ({
  streams: [to(thing(aggregateId), version, newEvent({ eventId: randomUUID() }))],
});
const any = (aggregateId: string, expected: 'ANY' | 'STREAM_EXISTS' = 'ANY'): AppendRequest => ({
  streams: [to(thing(aggregateId), expected, newEvent({ eventId: randomUUID() }))],
});
const many = (name: string) => Array.from({ length: MANY }, (_, index) => creates(`${name}-${index}`));

const manyAny = (name: string) => Array.from({ length: MANY }, (_, index) => any(`${name}-${index}`));
/** Events in the log before a test. */
const WARM = 4;

interface Submitted {
  readonly first: Promise<PromiseSettledResult<AppendOutcomeOf>[]>;
  readonly second: Promise<PromiseSettledResult<AppendOutcomeOf>[]>;
}
type AppendOutcomeOf = Awaited<ReturnType<PostgresEventStore['append']>>;

/** Lets the groups meet, and the first one go on when both have been sent. */
async function together(
  first: readonly AppendRequest[],
  second: readonly AppendRequest[],
  { signal, whenSent }: { readonly signal?: AbortSignal; readonly whenSent?: () => void } = {},
): Promise<Submitted> {
  // Of all the functions.
  const sent = proxy.counting('append_');
  const submit = (requests: readonly AppendRequest[], options = {}) =>
    Promise.allSettled(requests.map((request) => store.append(request, options)));
  const results = await direct.database.withSession(async (session) => {
    await session.query('BEGIN');
    await session.query(`SELECT FROM "${direct.schema}".log_head FOR UPDATE`);
    const submitted = submit(first);
    await expect.poll(sent).toBe(1);
    const behind = submit(second, signal ? { signal } : {});
    await expect.poll(sent).toBe(2);
    whenSent?.();
    await session.query('COMMIT');
    return { first: submitted, second: behind };
  });
  return results;
}

const positionsOf = async (results: Submitted['first']) =>
  (await results).map((result) =>
    result.status === 'fulfilled' && result.value.outcome === 'APPENDED' ? result.value.firstPosition : 0n,
  );
const upTo = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => BigInt(from + index));
const ids = (requests: readonly AppendRequest[]) =>
  requests.flatMap(({ streams }) => streams.flatMap(({ events }) => events.map(({ eventId }) => eventId)));
const logged = async () => (await loaded(store, {})).slice(WARM).map(({ eventId }) => eventId);

describe('a group that was sent behind another one', () => {
  it('is written after it, in the order of the calls, also where it goes on with its streams', async () => {
    const first = many('a');
    const second = first.map((_, index) => goesOn(`a-${index}`, 1n));
    const results = await together(first, second);
    expect(await positionsOf(results.first)).toEqual(upTo(WARM + 1, WARM + MANY));
    expect(await positionsOf(results.second)).toEqual(upTo(WARM + MANY + 1, WARM + 2 * MANY));
    expect(await logged()).toEqual(ids([...first, ...second]));
  });

  it('waits where that was not as foreseen, and is decided by what came of it', async () => {
    const first = [...many('a'), goesOn('nobody', 7n)];
    const second = Array.from({ length: MANY }, (_, index) => goesOn(`a-${index}`, 1n));
    const results = await together(first, second);
    expect((await results.first).at(-1)).toMatchObject({ reason: { reason: 'WRONG_EXPECTED_VERSION' } });
    expect(await positionsOf(results.second)).toEqual(upTo(WARM + MANY + 1, WARM + 2 * MANY));
    expect(await logged()).toEqual(ids([...first.slice(0, -1), ...second]));
  });

  it.each([
    ['had an event that is known', (known: AppendRequest) => known],
    ['expected what is not so', () => goesOn('nobody', 7n)],
  ])('is not written before it where that %s, though it has nothing to do with it', async (_, odd) => {
    const known = creates('known');
    await store.append(known);
    const first = [...many('a'), odd(known)];
    const second = many('b');
    const results = await together(first, second);
    await results.first;
    expect(await positionsOf(results.second)).toEqual(upTo(WARM + MANY + 2, WARM + 2 * MANY + 1));
    expect((await logged()).slice(1)).toEqual(ids([...first.slice(0, -1), ...second]));
  });

  it('is decided itself where only it was not as foreseen', async () => {
    const first = many('a');
    const second = [...many('b'), goesOn('nobody', 7n)];
    const results = await together(first, second);
    expect(await positionsOf(results.first)).toEqual(upTo(WARM + 1, WARM + MANY));
    expect((await results.second).at(-1)).toMatchObject({ reason: { reason: 'WRONG_EXPECTED_VERSION' } });
    expect(await logged()).toEqual(ids([...first, ...second.slice(0, -1)]));
  });

  it.each(['first', 'second'] as const)(
    'is not spoilt by what the database refuses in the %s one',
    async (which) => {
      // A rule of the user's own, as in the tests of group commit.
      await direct.database.query(
        'append',
        `ALTER TABLE "${direct.schema}".events ADD CHECK (aggregate_id <> 'poison')`,
        [],
      );
      const groups = { first: many('a'), second: many('b') };
      groups[which] = [...groups[which], creates('poison')];
      const results = await together(groups.first, groups.second);
      const settled = { first: await results.first, second: await results.second };
      expect(settled[which].at(-1)).toMatchObject({
        status: 'rejected',
        reason: { outcome: 'NOT_APPLIED' },
      });
      const good = [...groups.first, ...groups.second].filter(
        ({ streams }) => streams[0]?.stream.aggregateId !== 'poison',
      );
      expect(await logged()).toEqual(ids(good));
    },
  );

  it.each(['first', 'second'] as const)(
    'is there once and in order when the answer to the %s one is lost',
    async (which) => {
      for (let round = 0; round < 5; round++) {
        // After what was not as foreseen, a group or two are decided.
        for (let rest = 0; rest < 4; rest++) await store.append(creates(`rest-${round}-${rest}`));
        const begin = Number((await store.getLog()).position) + 1;
        const first = many(`a${round}`);
        const second = first.map((_, index) => goesOn(`a${round}-${index}`, 1n));
        const lost = proxy.lost;
        proxy.loseNextReplyTo('append_foreseen', { passing: which === 'first' ? 0 : 1 });
        const results = await together(first, second);
        expect(await positionsOf(results.first)).toEqual(upTo(begin, begin + MANY - 1));
        expect(await positionsOf(results.second)).toEqual(upTo(begin + MANY, begin + 2 * MANY - 1));
        expect(proxy.lost).toBe(lost + 1);
        expect((await logged()).slice(begin - 1 - WARM)).toEqual(ids([...first, ...second]));
      }
    },
  );

  it('is not known to be there either when the database stays away, and both become definite on the same ids', async () => {
    const [first, second] = [many('a'), many('b')];
    proxy.loseNextReplyTo('append_foreseen', { thenRefuse: true });
    const results = await together(first, second);
    for (const result of [...(await results.first), ...(await results.second)])
      expect(result).toMatchObject({ status: 'rejected', reason: { outcome: 'UNKNOWN' } });
    proxy.cut(false);
    const again = await Promise.all([...first, ...second].map((request) => store.append(request)));
    expect(again.map(({ outcome }) => outcome)).toEqual(Array(2 * MANY).fill('APPENDED'));
    expect(await logged()).toEqual(ids([...first, ...second]));
  });

  it('is given up with its callers where it has to wait', async () => {
    const gone = new AbortController();
    const first = [...many('a'), goesOn('nobody', 7n)];
    const results = await together(first, many('b'), {
      signal: gone.signal,
      whenSent: () => gone.abort(new Error('no longer wanted')),
    });
    for (const result of await results.second) expect(result).toMatchObject({ reason: gone.signal.reason });
    expect(await logged()).toEqual(ids(first.slice(0, -1)));
  });
});

describe('a group that has to be decided', () => {
  it.each([
    ['one that has to be, too', manyAny],
    ['one that is as foreseen', many],
  ])('goes behind %s, and finds what that has written', async (_, front) => {
    const first = front('a');
    const second = [
      ...first.map((__, index) => any(`a-${index}`, 'STREAM_EXISTS')),
      creates('a-0'),
      any('nobody', 'STREAM_EXISTS'),
    ];
    const results = await together(first, second);
    expect(await positionsOf(results.first)).toEqual(upTo(WARM + 1, WARM + MANY));
    expect(await positionsOf(results.second)).toEqual([...upTo(WARM + MANY + 1, WARM + 2 * MANY), 0n, 0n]);
    expect(await logged()).toEqual(ids([...first, ...second.slice(0, -2)]));
  });

  it('has one behind it that is as foreseen', async () => {
    const first = manyAny('a');
    const second = first.map((_, index) => goesOn(`a-${index}`, 1n));
    const results = await together(first, second);
    expect(await positionsOf(results.first)).toEqual(upTo(WARM + 1, WARM + MANY));
    expect(await positionsOf(results.second)).toEqual(upTo(WARM + MANY + 1, WARM + 2 * MANY));
    expect(await logged()).toEqual(ids([...first, ...second]));
  });

  it('waits where the one in front was not as foreseen', async () => {
    const first = [...many('a'), goesOn('nobody', 7n)];
    const second = manyAny('a');
    const results = await together(first, second);
    expect((await results.first).at(-1)).toMatchObject({ reason: { reason: 'WRONG_EXPECTED_VERSION' } });
    expect(await positionsOf(results.second)).toEqual(upTo(WARM + MANY + 1, WARM + 2 * MANY));
    expect(await logged()).toEqual(ids([...first.slice(0, -1), ...second]));
  });

  it('waits where the one in front was refused by the database as a whole', async () => {
    await direct.database.query(
      'append',
      `ALTER TABLE "${direct.schema}".events ADD CHECK (aggregate_id <> 'poison')`,
      [],
    );
    const first = [...manyAny('a'), any('poison')];
    const second = manyAny('a');
    const results = await together(first, second);
    expect((await results.first).at(-1)).toMatchObject({ reason: { outcome: 'NOT_APPLIED' } });
    expect(await positionsOf(results.second)).toEqual(upTo(WARM + MANY + 1, WARM + 2 * MANY));
    expect(await logged()).toEqual(ids([...first.slice(0, -1), ...second]));
  });

  it.each(['first', 'second'] as const)(
    'is there once and in order when the answer to the %s one is lost',
    async (which) => {
      for (let round = 0; round < 5; round++) {
        const begin = Number((await store.getLog()).position) + 1;
        const [first, second] = [manyAny(`a${round}`), manyAny(`a${round}`)];
        const lost = proxy.lost;
        proxy.loseNextReplyTo('append_', { passing: which === 'first' ? 0 : 1 });
        const results = await together(first, second);
        expect(await positionsOf(results.first)).toEqual(upTo(begin, begin + MANY - 1));
        expect(await positionsOf(results.second)).toEqual(upTo(begin + MANY, begin + 2 * MANY - 1));
        expect(proxy.lost).toBe(lost + 1);
        expect((await logged()).slice(begin - 1 - WARM)).toEqual(ids([...first, ...second]));
      }
    },
  );

  it('is refused for a condition that one in front has broken', async () => {
    const tagged = (name: string): AppendRequest => ({
      streams: [to(thing(name), 'ANY', newEvent({ eventId: randomUUID(), tags: ['seat:1'] }))],
      condition: { items: [{ tags: ['seat:1'] }] },
    });
    const first = [...manyAny('a'), tagged('winner')];
    const second = [...manyAny('a'), tagged('loser')];
    const results = await together(first, second);
    expect(await positionsOf(results.first)).toEqual(upTo(WARM + 1, WARM + MANY + 1));
    expect((await results.second).at(-1)).toMatchObject({ reason: { reason: 'APPEND_CONDITION_FAILED' } });
    expect(await logged()).toEqual(ids([...first, ...second.slice(0, -1)]));
  });
});
