import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AppendRequest, Refused } from '../../src/core/append.js';
import type { ExpectedVersion } from '../../src/core/expected-version.js';
import { ContendedStreams } from '../../src/postgres/contended-streams.js';
import { newEvent, thing, to } from '../../src/testing/builders.js';
import { openTestStore, type TestStore } from '../support/test-database.js';

const stream = thing('contended');

/** An append to this stream alone. */
const ALONE: AppendRequest = { streams: [to(stream, 'NO_STREAM', newEvent())] };

/** Time that goes on when it is told to. */
class Time {
  #now = 0;
  #sleeping: { readonly until: number; wake(): void }[] = [];

  monotonic = () => this.#now;
  sleep = (milliseconds: number) =>
    new Promise<void>((wake) => {
      this.#sleeping.push({ until: this.#now + milliseconds, wake });
    });

  async pass(milliseconds: number): Promise<void> {
    const end = this.#now + milliseconds;
    for (;;) {
      const due = this.#sleeping.filter(({ until }) => until <= end).sort((a, b) => a.until - b.until)[0];
      if (due === undefined) break;
      this.#now = due.until;
      this.#sleeping = this.#sleeping.filter((one) => one !== due);
      due.wake();
      await new Promise(setImmediate);
    }
    this.#now = end;
  }
}

const refused = (actual: bigint, expected: ExpectedVersion = 1n): Refused => ({
  outcome: 'REFUSED',
  conflicts: [{ stream, expected, actual }],
});

/** Streams of which one has moved while somebody was late; who is late next waits. */
function contended(): {
  time: Time;
  streams: ContendedStreams;
  late: (name: string) => void;
  told: string[];
} {
  const time = new Time();
  const streams = new ContendedStreams(time);
  const told: string[] = [];
  void streams.turnOf(refused(2n), ALONE);
  streams.moved([{ stream, version: 3n }]);
  void streams.turnOf(refused(3n), ALONE);
  const late = (name: string) =>
    void streams
      .turnOf(refused(3n), ALONE)
      ?.then(({ conflicts }) => told.push(`${name} ${conflicts[0]?.actual}`));
  return { time, streams, late, told };
}

describe('who is refused for a version that has passed', () => {
  it('is told at once while the stream stands still, but for a crowd, of which some are told and others soon', async () => {
    const time = new Time();
    const streams = new ContendedStreams(time);
    const turns = Array.from({ length: 64 }, () => streams.turnOf(refused(2n), ALONE));
    expect(turns.slice(0, 8)).toEqual(Array.from({ length: 8 }, () => undefined));
    const waiting = turns.filter((turn) => turn !== undefined);
    expect(waiting).toHaveLength(56);
    await time.pass(100);
    for (const { conflicts } of await Promise.all(waiting)) expect(conflicts[0]?.actual).toBe(2n);
  });

  it('is told in turn while it moves, one each time, and of the version that it has then', async () => {
    const { streams, late, told, time } = contended();
    for (const name of ['a', 'b', 'c']) late(name);
    await time.pass(1);
    expect(told).toEqual([]);
    streams.moved([{ stream, version: 4n }]);
    // Who has won may come back for more.
    expect(streams.wereTold([{ stream, version: 4n }])).toBe(false);
    await time.pass(10);
    expect(streams.wereTold([{ stream, version: 4n }])).toBe(true);
    expect(told).toEqual(['a 4']);
    // Another instance has moved it.
    expect(streams.turnOf(refused(6n), ALONE)).toBeInstanceOf(Promise);
    await time.pass(1);
    expect(told).toEqual(['a 4', 'b 6']);
    expect(streams.wereTold([{ stream: thing('another'), version: 1n }])).toBe(false);
    streams.moved([{ stream, version: 7n }]);
    await time.pass(10);
    expect(told).toEqual(['a 4', 'b 6', 'c 7']);
  });

  it('is told when who has won has come back six times', async () => {
    const { streams, late, told, time } = contended();
    for (const name of ['a', 'b']) late(name);
    let version = 3n;
    for (const name of ['a', 'b']) {
      for (let run = 0; run < 6; run++) {
        streams.moved([{ stream, version: (version += 1n) }]);
        await time.pass(1);
        expect(told.filter((one) => one.startsWith(name))).toEqual([]);
      }
      streams.moved([{ stream, version: (version += 1n) }]);
      await time.pass(1);
      expect(told.at(-1)).toBe(`${name} ${version}`);
    }
  });

  it('is hardly ever made to wait for winners who do not come back', async () => {
    const { streams, late, told, time } = contended();
    for (let i = 0; i < 200; i++) late(`${i}`);
    let waits = 0;
    for (let move = 0; move < 200; move++) {
      streams.moved([{ stream, version: BigInt(4 + move) }]);
      await new Promise(setImmediate);
      if (told.length === move) {
        waits += 1;
        await time.pass(10);
      }
      expect(told).toHaveLength(move + 1);
    }
    // After 0, 1, 3, 7, 15, 31 and 63 others, and then after each 64.
    expect(waits).toBe(9);
  });

  it('is told soon when those whose turn it was do not come back', async () => {
    const { late, streams, time, told } = contended();
    for (let i = 0; i < 100; i++) late(`${i}`);
    await time.pass(500);
    expect(told).toEqual(Array.from({ length: 100 }, (_, i) => `${i} 3`));
    // And all begins anew.
    expect(streams.turnOf(refused(3n), ALONE)).toBeUndefined();
    expect(streams.turnOf(refused(3n), ALONE)).toBeUndefined();
  });

  it('is told at once when the store is closed, and does not wait from then on', async () => {
    const { streams, late, told } = contended();
    late('a');
    streams.close();
    late('b');
    await new Promise(setImmediate);
    expect(told).toEqual(['a 3']);
    expect(streams.turnOf(refused(3n), ALONE)).toBeUndefined();
  });
});

describe('an append that expects a version that has passed', () => {
  it('may wait for the next group if its refusal would have to wait', () => {
    const { streams } = contended();
    const expecting = (expected: ExpectedVersion) => ({ streams: [to(stream, expected, newEvent())] });
    expect(streams.mayWait(expecting(2n))).toBe(true);
    expect(streams.mayWait(expecting('NO_STREAM'))).toBe(true);
    // It may be the one to move the stream on.
    for (const expected of [3n, 4n, 'ANY', 'STREAM_EXISTS'] as const)
      expect(streams.mayWait(expecting(expected))).toBe(false);
    expect(streams.mayWait({ streams: [to(thing('other'), 2n, newEvent())] })).toBe(false);
    expect(streams.mayWait({ ...expecting(2n), condition: { items: [{ tags: ['a:1'] }] } })).toBe(false);
  });

  it('may not wait if it would be told at once: nobody else has heard of the version', () => {
    const { streams } = contended();
    streams.moved([{ stream, version: 4n }]);
    const late = { streams: [to(stream, 2n, newEvent())] };
    expect(streams.mayWait(late)).toBe(false);
    // But it is known to be late, and not tried as if it were not.
    expect(streams.isLate(late)).toBe(true);
    expect(streams.isLate({ streams: [to(stream, 4n, newEvent())] })).toBe(false);
  });

  it('may not wait when the store is closed', () => {
    const { streams } = contended();
    streams.close();
    expect(streams.mayWait({ streams: [to(stream, 2n, newEvent())] })).toBe(false);
  });
});

it('a refusal of an append to several streams, or on a condition, is told at once: all that it says was true at one time', () => {
  const { streams } = contended();
  const several = { streams: [...ALONE.streams, to(thing('other'), 'ANY', newEvent())] };
  expect(streams.turnOf(refused(3n), several)).toBeUndefined();
  const conditional = { ...ALONE, condition: { items: [{ tags: ['a:1'] }] } };
  expect(streams.turnOf(refused(3n), conditional)).toBeUndefined();
  expect(streams.turnOf(refused(3n), ALONE)).toBeInstanceOf(Promise);
});

it.each<[ExpectedVersion, bigint]>([
  [9n, 3n],
  ['STREAM_EXISTS', 0n],
])('who expects %s of a stream at version %s is told at once: no version has passed', (expected, actual) => {
  expect(contended().streams.turnOf(refused(actual, expected), ALONE)).toBeUndefined();
});

describe('writers who contend for one stream', () => {
  let test: TestStore;
  beforeAll(async () => {
    test = await openTestStore();
  });
  afterAll(() => test.close());

  it('all get through, each as often as it wants, and no version is given twice', async () => {
    const wanted = 5;
    const versions: bigint[] = [];
    const write = async () => {
      let version = 0n;
      for (let won = 0; won < wanted; ) {
        const outcome = await test.store.append({
          streams: [to(stream, version === 0n ? 'NO_STREAM' : version, newEvent())],
          onConflict: 'RETURN',
        });
        if (outcome.outcome === 'REFUSED') {
          const actual = outcome.conflicts[0]?.actual ?? 0n;
          expect(actual).toBeGreaterThan(version);
          version = actual;
        } else {
          version = outcome.versions[0]?.version ?? 0n;
          versions.push(version);
          won += 1;
        }
      }
    };
    await Promise.all(Array.from({ length: 32 }, write));
    expect(versions.sort((a, b) => Number(a - b))).toEqual(
      Array.from({ length: 32 * wanted }, (_, index) => BigInt(index + 1)),
    );
  });
});
