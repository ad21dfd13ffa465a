import { afterEach, expect, it } from 'vitest';
import type { LoadPage } from '../../src/core/load.js';
import type { Log, Selection } from '../../src/core/log.js';
import { createSubscriber } from '../../src/subscriptions/subscriber.js';
import { systemRuntime } from '../../src/system.js';
import { openTestStore, storeOn, type TestStore } from '../support/test-database.js';

let test: TestStore | undefined;
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await test?.close();
  test = undefined;
});

/** The log of a store, of which is known how often it was read; reads can be held up. */
class WatchedLog implements Log {
  scans = 0;
  /** Pages that a look had found and was held up with. */
  heldUp = 0;
  held: Promise<void> | undefined;
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  head(signal?: AbortSignal) {
    return this.#log.head(signal);
  }

  epochs(signal?: AbortSignal) {
    return this.#log.epochs(signal);
  }

  positionBefore(time: bigint, signal?: AbortSignal) {
    return this.#log.positionBefore(time, signal);
  }

  async *scan(selection: Selection, after: bigint, signal?: AbortSignal): AsyncGenerator<LoadPage> {
    this.scans += 1;
    for await (const page of this.#log.scan(selection, after, signal)) {
      if (this.held) this.heldUp += 1;
      await this.held;
      yield page;
    }
  }

  onAdvance(listener: Parameters<Log['onAdvance']>[0]) {
    return this.#log.onAdvance(listener);
  }
}

const append = (store: Pick<TestStore['store'], 'append'>, aggregateId: string) =>
  store.append({
    streams: [
      {
        stream: { aggregateType: 'Thing', aggregateId },
        expectedVersion: 'ANY',
        events: [{ eventType: 'Happened', data: Buffer.from(aggregateId) }],
      },
    ],
  });

/** Follows the log live, and collects positions; resolves when it is live. */
async function follow(log: Log): Promise<{ readonly positions: bigint[]; readonly ids: string[] }> {
  const never = 600_000;
  const subscriber = createSubscriber({
    log,
    runtime: systemRuntime,
    errorFor: (error) => error as Error,
    tail: { pollMilliseconds: never, idlePollMilliseconds: never, progressMilliseconds: never },
  });
  const leave = new AbortController();
  const seen = { positions: [] as bigint[], ids: [] as string[] };
  let live: () => void = () => undefined;
  const isLive = new Promise<void>((resolve) => {
    live = resolve;
  });
  const done = (async () => {
    for await (const { events, signal } of subscriber.subscribe({}, { signal: leave.signal })) {
      for (const { position, stream } of events) {
        seen.positions.push(position);
        seen.ids.push(stream.aggregateId);
      }
      if (signal?.kind === 'CAUGHT_UP') live();
    }
  })().catch((error: unknown) => {
    if (!leave.signal.aborted) throw error;
  });
  closing.push(async () => {
    leave.abort();
    await done;
  });
  await isLive;
  return seen;
}

const numbers = (last: number) => Array.from({ length: last }, (_, index) => BigInt(index + 1));

it('what the process has written itself is not read again', async () => {
  test = await openTestStore();
  const { store } = test;
  const log = new WatchedLog(store.log);
  const seen = await follow(log);
  const { scans } = log;
  for (let index = 0; index < 20; index++) await append(store, `a-${index}`);
  await Promise.all(Array.from({ length: 200 }, (_, index) => append(store, `b-${index % 7}`)));
  await expect.poll(() => seen.positions.length).toBe(220);
  expect(seen.positions).toEqual(numbers(220));
  expect(log.scans).toBe(scans);
});

it('what others have written between is read, and nothing comes twice or in another order', async () => {
  test = await openTestStore();
  const { store } = test;
  const other = storeOn(test);
  await other.start();
  closing.push(() => other.stop());
  const log = new WatchedLog(store.log);
  const seen = await follow(log);
  const { scans } = log;
  const writing = async (one: Pick<TestStore['store'], 'append'>, name: string) => {
    for (let index = 0; index < 60; index++) await append(one, `${name}-${index}`);
  };
  await Promise.all([writing(store, 'own'), writing(store, 'too'), writing(other, 'other')]);
  await expect.poll(() => seen.positions.length).toBe(180);
  expect(seen.positions).toEqual(numbers(180));
  expect(log.scans).toBeGreaterThan(scans);
  expect(new Set(seen.ids).size).toBe(180);
});

it('what is written while a look at the log lasts is there after it, however much', async () => {
  test = await openTestStore();
  const { store } = test;
  const other = storeOn(test);
  await other.start();
  closing.push(() => other.stop());
  const log = new WatchedLog(store.log);
  const seen = await follow(log);
  let release: () => void = () => undefined;
  log.held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await append(other, 'other');
  // Also by a look that had begun before.
  await expect.poll(() => log.heldUp).toBeGreaterThan(0);
  for (let index = 0; index < 50; index++) await append(store, `own-${index}`);
  expect(seen.positions).toEqual([]);
  release();
  await expect.poll(() => seen.positions.length).toBe(51);
  expect(seen.positions).toEqual(numbers(51));
});
