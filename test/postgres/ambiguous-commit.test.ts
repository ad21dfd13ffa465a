import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openProxiedStore, type ProxiedStore } from '../support/proxied-store.js';
import { storeOn } from '../support/test-database.js';

let opened: ProxiedStore;
let direct: ProxiedStore['direct'];
let proxy: ProxiedStore['proxy'];
let store: ProxiedStore['store'];

beforeEach(async () => {
  opened = await openProxiedStore(2000);
  ({ direct, proxy, store } = opened);
});

afterEach(() => opened.close());

const request = (aggregateId: string, data: string) => ({
  streams: [
    {
      stream: { aggregateType: 'Thing', aggregateId },
      expectedVersion: 'NO_STREAM' as const,
      events: [{ eventType: 'Happened', data: Buffer.from(data) }],
    },
  ],
});

const count = async () => {
  const [[events] = []] = await direct.database.query(
    'read',
    `SELECT count(*) FROM "${direct.schema}".events`,
    [],
  );
  return Number(events);
};

describe('a commit whose answer is lost', () => {
  it('is resolved before the next group, and each event is there once', async () => {
    for (let round = 0; round < 20; round++) {
      const sentBefore = proxy.lost;
      proxy.loseNextReplyTo('append_');
      const results = await Promise.all([
        store.append(request(`a${round}`, 'first')),
        store.append(request(`b${round}`, 'second')),
      ]);
      expect(results.map(({ firstPosition }) => firstPosition)).toEqual([
        BigInt(round * 2 + 1),
        BigInt(round * 2 + 2),
      ]);
      expect(proxy.lost).toBe(sentBefore + 1);
    }
    expect(await count()).toBe(40);
  });

  it('is answered as UNKNOWN when the database stays away, and becomes definite on the same ids', async () => {
    const again = {
      streams: [
        {
          stream: { aggregateType: 'Thing', aggregateId: 'lost' },
          expectedVersion: 'NO_STREAM' as const,
          events: [
            {
              eventId: '0190a000-0000-7000-8000-000000000001',
              eventType: 'Happened',
              data: Buffer.from('x'),
            },
          ],
        },
      ],
    };
    proxy.loseNextReplyTo('append_', { thenRefuse: true });
    await expect(store.append(again)).rejects.toMatchObject({
      reason: 'STORE_UNAVAILABLE',
      outcome: 'UNKNOWN',
    });
    proxy.cut(false);
    await expect(store.append(again)).resolves.toMatchObject({ firstPosition: 1n, deduplicated: true });
    expect(await count()).toBe(1);
  });
});

describe('an append of which nobody knows whether it was applied', () => {
  const expecting = {
    streams: [
      {
        stream: { aggregateType: 'Thing', aggregateId: 'late' },
        expectedVersion: 'STREAM_EXISTS' as const,
        events: [
          {
            eventId: '0190a000-0000-7000-8000-000000000002',
            eventType: 'Happened',
            data: Buffer.from('too late'),
          },
        ],
      },
    ],
  };

  /** The answer is lost, the same is refused elsewhere, and what it expected comes about before the database is back. */
  const overtaken = async (signal: AbortSignal, beforeItIsBack: () => void) => {
    proxy.loseNextReplyTo('append_', { thenRefuse: true });
    const lost = proxy.lost;
    const first = store.append(expecting, { signal });
    first.catch(() => undefined);
    await expect.poll(() => proxy.lost).toBe(lost + 1);
    const elsewhere = storeOn(direct);
    await expect(elsewhere.append(expecting)).rejects.toMatchObject({ reason: 'WRONG_EXPECTED_VERSION' });
    await elsewhere.append(request('late', 'now it exists'));
    beforeItIsBack();
    proxy.cut(false);
    return first;
  };

  it('is sent again as long as its caller waits, and is then decided by what is true then', async () => {
    const { signal } = new AbortController();
    await expect(overtaken(signal, () => undefined)).resolves.toMatchObject({ firstPosition: 2n });
    expect(await count()).toBe(2);
  });

  it('is not sent again when its caller has gone, while others of its group are', async () => {
    const gone = new AbortController();
    const other = store.append(request('other', 'in the same group'));
    await expect(overtaken(gone.signal, () => gone.abort(new Error('nobody waits')))).rejects.toThrow(
      'nobody waits',
    );
    await expect(other).resolves.toMatchObject({ outcome: 'APPENDED' });
    const again = await store.append(request('after', 'it'));
    expect(again.firstPosition).toBe(3n);
    expect(await count()).toBe(3);
  });
});

describe('an append while no connection can be had', () => {
  it('is answered as NOT_APPLIED', async () => {
    proxy.cut(true);
    // The pool must have seen its idle connections break: what goes out on a broken one is in doubt.
    await new Promise((resolve) => setTimeout(resolve, 100));
    await expect(store.append(request('never', 'sent'))).rejects.toMatchObject({
      reason: 'STORE_UNAVAILABLE',
      outcome: 'NOT_APPLIED',
    });
    expect(await count()).toBe(0);
  });
});
