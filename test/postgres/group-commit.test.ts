import { afterEach, describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../src/core/limits.js';
import type { AppendRequest } from '../../src/core/append.js';
import { GroupAppends } from '../../src/postgres/group-appends.js';
import { GroupCommit } from '../../src/postgres/group-commit.js';
import { prepareAppend } from '../../src/postgres/prepared-append.js';
import { storeError } from '../../src/postgres/sqlstate.js';
import { systemRuntime } from '../../src/system.js';
import { openTestStore, storeOn, type TestStore } from '../support/test-database.js';

let test: TestStore | undefined;
afterEach(() => test?.close());

const request = (
  aggregateId: string,
  eventId?: string,
  bytes = 1,
  expectedVersion: 'ANY' | 'NO_STREAM' = 'ANY',
) => ({
  streams: [
    {
      stream: { aggregateType: 'Thing', aggregateId },
      expectedVersion,
      events: [{ ...(eventId ? { eventId } : {}), eventType: 'Happened', data: Buffer.alloc(bytes, 'x') }],
    },
  ],
});

describe('appends that wait together', () => {
  it('are decided in the order in which they were made', async () => {
    test = await openTestStore();
    const { store } = test;
    const results = await Promise.all(Array.from({ length: 300 }, () => store.append(request('ordered'))));
    expect(results.map(({ versions }) => versions[0]?.version)).toEqual(
      Array.from({ length: 300 }, (_, index) => BigInt(index + 1)),
    );
  });

  it('are answered as one when they are the same append', async () => {
    test = await openTestStore();
    const { store } = test;
    const id = '0190a000-0000-7000-8000-0000000000aa';
    const results = await Promise.all([1, 2, 3].map(() => store.append(request('same', id))));
    expect(results.map(({ deduplicated }) => deduplicated)).toEqual([false, true, true]);
    expect(new Set(results.map(({ firstPosition }) => firstPosition)).size).toBe(1);
  });

  it('are not spoilt by one that the database refuses', async () => {
    test = await openTestStore();
    const { store, database, schema } = test;
    // A rule of the user's own on the table is one way in which the database refuses what was checked before.
    await database.query('append', `ALTER TABLE "${schema}".events ADD CHECK (aggregate_id <> 'poison')`, []);
    const results = await Promise.allSettled(
      ['a', 'b', 'poison', 'c'].map((aggregateId) => store.append(request(aggregateId))),
    );
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
    expect(results[2]).toMatchObject({ reason: { outcome: 'NOT_APPLIED' } });
  });

  it('are taken out of the queue when they are given up before their turn', async () => {
    test = await openTestStore();
    const { store, database, schema } = test;
    const given = new AbortController();
    const first = store.append(request('first'));
    const second = store.append(request('second'), { signal: given.signal });
    given.abort(new Error('no longer wanted'));
    await expect(second).rejects.toThrow('no longer wanted');
    await first;
    expect(await database.query('read', `SELECT aggregate_id FROM "${schema}".events`, [])).toEqual([
      ['first'],
    ]);
  });

  it('are refused over the limits of the queue, and nothing else is lost', async () => {
    test = await openTestStore();
    const narrow = storeOn(test, { groupCommit: { queueRequests: 5, queueBytes: 100_000 } });
    const results = await Promise.allSettled(
      Array.from({ length: 8 }, () => narrow.append(request('queue'))),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
    expect(results.at(-1)).toMatchObject({
      reason: { reason: 'OVERLOADED', limit: 'append_queue_requests', outcome: 'NOT_APPLIED' },
    });
    await expect(narrow.append(request('queue', undefined, 200_000))).rejects.toMatchObject({
      limit: 'append_queue_bytes',
    });
    await narrow.stop();
  });

  it('are finished when the store stops, and later ones are refused', async () => {
    test = await openTestStore();
    const closing = storeOn(test);
    const pending = Promise.all(Array.from({ length: 50 }, () => closing.append(request('closing'))));
    await closing.stop();
    await expect(pending).resolves.toHaveLength(50);
    await expect(closing.append(request('late'))).rejects.toMatchObject({
      reason: 'STORE_UNAVAILABLE',
      outcome: 'NOT_APPLIED',
    });
  });
});

describe('appends that may wait', () => {
  /** Groups on the store's log, and the aggregates of each that was sent; what is called late may wait. */
  async function groups(expectedVersion: 'ANY' | 'NO_STREAM' = 'ANY'): Promise<{
    readonly sent: (readonly string[])[];
    /** Lets the time pass that they wait at most. */
    readonly elapse: () => void;
    readonly commits: GroupCommit;
    readonly submit: (aggregateId: string) => Promise<unknown>;
  }> {
    const { database, schema } = (test = await openTestStore());
    const sent: string[][] = [];
    let elapse = () => {};
    const idOf = ({ streams }: AppendRequest) => streams[0]?.stream.aggregateId ?? '';
    const appends = new GroupAppends({ database, schema, runtime: systemRuntime });
    const commits = new GroupCommit({
      commit: (group) => {
        sent.push(group.map((prepared) => idOf(prepared.request)));
        return appends.append(group);
      },
      // As the store has it.
      follow: (group) =>
        group.some(({ request: each }) => idOf(each).startsWith('late')) ? undefined : appends.follow(group),
      followingEvents: 1,
      mayWait: (prepared) => idOf(prepared.request).startsWith('late'),
      errorFor: (error, outcome) => {
        const known = storeError(error, outcome);
        if (known === undefined) throw error;
        return known;
      },
      runtime: { ...systemRuntime, sleep: () => new Promise((resolve) => (elapse = resolve)) },
    });
    const submit = (aggregateId: string) =>
      commits.submit(
        prepareAppend(request(aggregateId, undefined, 1, expectedVersion), DEFAULT_LIMITS, systemRuntime),
      );
    return { sent, commits, submit, elapse: () => elapse() };
  }

  const turns = async () => {
    for (let i = 0; i < 5; i++) await new Promise(setImmediate);
  };

  it('let what may not go first, and go together, in their order', async () => {
    const { commits, elapse, sent, submit } = await groups();
    const late = [submit('late'), submit('late too')];
    await turns();
    expect(sent).toEqual([]);
    await submit('other');
    expect(sent).toEqual([['other']]);
    elapse();
    await Promise.all(late);
    expect(sent).toEqual([['other'], ['late', 'late too']]);
    await commits.close();
  });

  // Groups of those that expect exact versions follow each other without an end.
  it.each(['ANY', 'NO_STREAM'] as const)(
    'go with others that leave no time between: %s',
    async (expected) => {
      const { commits, sent, submit } = await groups(expected);
      const late = submit('late');
      let over = false;
      void late.then(() => (over = true));
      const others = async (name: string) => {
        for (let other = 0; !over; other++) await submit(`${name}${other}`);
      };
      await Promise.all(Array.from({ length: 48 }, (_, index) => others(`${index} `)));
      expect(sent.find((group) => group.includes('late'))?.length).toBeGreaterThan(1);
      await commits.close();
    },
  );

  it('go alone when nothing else has come for a while', async () => {
    const { commits, elapse, sent, submit } = await groups();
    const late = submit('late');
    await turns();
    elapse();
    await late;
    expect(sent).toEqual([['late']]);
    await commits.close();
  });

  it('are decided when the store stops', async () => {
    const { commits, sent, submit } = await groups();
    const late = submit('late');
    await turns();
    await commits.close();
    await late;
    expect(sent).toEqual([['late']]);
  });
});
