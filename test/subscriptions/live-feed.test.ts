import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StoreUnavailableError } from '../../src/core/errors.js';
import type { Event } from '../../src/core/event.js';
import { type Filter, WHOLE_LOG } from '../../src/core/filter.js';
import { matcher } from '../../src/core/matcher.js';
import type { Take } from '../../src/core/pushing.js';
import { isShared } from '../../src/core/shared-messages.js';
import type { SubscriptionMessage } from '../../src/core/subscribe.js';
import { Dispatch } from '../../src/subscriptions/dispatch.js';
import { LiveFeed } from '../../src/subscriptions/live-feed.js';
import { Ring } from '../../src/subscriptions/ring.js';
import { someFilter, storedEvent } from '../core/events.js';
import { packPage } from '../core/packed.js';
import { SimulatedClock } from './groups/simulated-clock.js';

/** The live end of a log, to which pages come by hand. */
class Live {
  readonly clock = new SimulatedClock(1);
  readonly ring: Ring;
  readonly dispatch: Dispatch;

  /** @param packed whether pages come as Postgres gives them, in bytes */
  constructor(
    bytes?: number,
    readonly packed = false,
  ) {
    this.ring = new Ring(0n, 1n, bytes === undefined ? {} : { bytes });
    this.dispatch = new Dispatch(this.ring, this.clock.runtime());
  }

  push(...fields: readonly Partial<Event>[]): void {
    const scannedAfter = this.ring.end;
    const events = fields.map((some, index) =>
      storedEvent({ ...some, position: scannedAfter + BigInt(index) + 1n }),
    );
    const page = { events, scannedAfter, scannedTo: scannedAfter + BigInt(events.length), epoch: 1n };
    this.ring.push(this.packed ? packPage(page) : page);
    this.#tell(scannedAfter);
  }

  #tell(scannedAfter: bigint): void {
    const page = this.ring.pageAfter(scannedAfter);
    if (page !== undefined) this.dispatch.advanced(page);
  }

  /** @param takes what is answered to the messages that are brought, again and again; by default none is taken */
  follow(
    filters: readonly Filter[],
    signal = new AbortController().signal,
    takes: readonly boolean[] = [],
  ): Reader {
    return new Reader(takes, (take) => new LiveFeed(this, { scope: WHOLE_LOG, filters }, signal, take));
  }
}

/** Whatever it came in, its data are a Buffer where it was packed. */
const asStored = (event: Event) => ({ ...event, data: expect.anything() as Uint8Array });

/** Asks for one message after the other, when it is told to, and takes what it is brought, or not. */
class Reader {
  readonly messages: (SubscriptionMessage | undefined)[] = [];
  error: unknown;
  readonly feed: LiveFeed;
  /** How many of the messages were brought. */
  taken = 0;
  #offered = 0;
  #position = 0n;
  #asking = false;

  constructor(takes: readonly boolean[], follow: (take: Take<SubscriptionMessage>) => LiveFeed) {
    this.feed = follow((message) => {
      const taken = takes[this.#offered % takes.length] ?? false;
      this.#offered += 1;
      if (!taken) return false;
      this.taken += 1;
      this.messages.push(message);
      return true;
    });
  }

  ask(): void {
    if (this.#asking) return;
    this.#asking = true;
    this.feed.next(this.#position, 1n).then(
      (message) => {
        this.#asking = false;
        if (message !== undefined) this.#position = message.scannedTo;
        this.messages.push(message);
      },
      (error: unknown) => {
        this.error = error;
      },
    );
  }

  get positions(): readonly bigint[] {
    return this.messages.flatMap((message) => message?.events.map(({ position }) => position) ?? []);
  }
}

const opened = { eventType: 'Opened' };
const closed = { eventType: 'Closed' };
const wantsClosed: readonly Filter[] = [{ eventTypes: ['Closed'] }];

describe('a live feed', () => {
  it('gives what the matcher lets through, in ranges that meet, however reading and writing interleave', async () => {
    const someFields = fc.record({
      eventType: fc.constantFrom('Opened', 'Closed'),
      tags: fc.subarray(['a:1', 'b:2']),
      version: fc.bigInt({ min: 1n, max: 20n }),
    });
    const steps = fc.array(
      fc.oneof(
        fc.array(someFields, { minLength: 1, maxLength: 5 }).map((events) => ({ events })),
        fc.nat(5).map((reader) => ({ reader })),
        fc.constant({ turn: true as const }),
      ),
      { maxLength: 40 },
    );
    const followers = fc.array(
      fc.record({
        filters: fc.array(someFilter, { maxLength: 2 }),
        takes: fc.array(fc.boolean(), { maxLength: 3 }),
      }),
      { minLength: 1, maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(followers, steps, fc.boolean(), async (wanted, what, packed) => {
        const live = new Live(undefined, packed);
        const written: Event[] = [];
        const readers = wanted.map(({ filters, takes }) => live.follow(filters, undefined, takes));
        for (const step of what) {
          if ('reader' in step) readers[step.reader % readers.length]?.ask();
          else if ('turn' in step) await live.clock.settle();
          else {
            const first = live.ring.end;
            live.push(...step.events);
            written.push(
              ...step.events.map((fields, index) =>
                storedEvent({ ...fields, position: first + BigInt(index) + 1n }),
              ),
            );
          }
        }
        await live.clock.settle();
        readers.forEach((reader, index) => {
          let scannedTo = 0n;
          const seen: bigint[] = [];
          for (const message of reader.messages) {
            expect(message?.scannedAfter).toBe(scannedTo);
            scannedTo = message?.scannedTo ?? -1n;
            seen.push(...(message?.events.map(({ position }) => position) ?? []));
          }
          const matches = matcher(WHOLE_LOG, wanted[index]?.filters);
          const due = written.filter((event) => event.position <= scannedTo && matches(event));
          expect(reader.messages.flatMap((message) => message?.events ?? [])).toEqual(due.map(asStored));
          expect(seen).toEqual(due.map(({ position }) => position));
        });
      }),
      { numRuns: 300 },
    );
  });

  it('sleeps through what does not match, and is given what does with all that it slept through', async () => {
    const live = new Live();
    const reader = live.follow(wantsClosed);
    reader.ask();
    for (let page = 0; page < 5; page += 1) {
      live.push(opened, opened);
      await live.clock.settle();
    }
    expect(reader.messages).toEqual([]);
    live.push(opened, closed, opened, closed);
    await live.clock.settle();
    expect(reader.messages).toMatchObject([{ scannedAfter: 0n, scannedTo: 14n }]);
    expect(reader.positions).toEqual([12n, 14n]);
  });

  it('brings what comes while it sleeps, and sleeps on; the first that is not taken ends the wait', async () => {
    const live = new Live();
    const reader = live.follow([], undefined, [true, true, false]);
    reader.ask();
    for (let page = 0; page < 3; page += 1) live.push(closed);
    // Nothing had to be waited for.
    expect([reader.taken, reader.positions]).toEqual([2, [1n, 2n]]);
    expect([reader.feed.position, reader.feed.epoch]).toEqual([3n, 1n]);
    live.push(closed);
    await live.clock.settle();
    expect(reader.positions).toEqual([1n, 2n, 3n]);
    // What came while nobody asked is looked for when somebody does.
    reader.ask();
    await live.clock.settle();
    expect([reader.taken, reader.positions]).toEqual([2, [1n, 2n, 3n, 4n]]);
  });

  it('ends with the error of who could not take a message, and only itself', async () => {
    const live = new Live();
    const why = new Error('The outbox is closed');
    const failing = new LiveFeed(
      live,
      { scope: WHOLE_LOG, filters: [] },
      new AbortController().signal,
      () => {
        throw why;
      },
    );
    const asked = failing.next(0n, 1n);
    const other = live.follow([], undefined, [true]);
    other.ask();
    live.push(closed);
    await expect(asked).rejects.toBe(why);
    expect(other.positions).toEqual([1n]);
  });

  it('tells who takes it how far it was scanned', async () => {
    const live = new Live();
    const reader = live.follow(wantsClosed, undefined, [true]);
    reader.ask();
    for (let pages = 0; pages < 30; pages += 1) {
      live.push(opened);
      await live.clock.pass(100);
    }
    expect(reader.messages.map((message) => message?.scannedTo)).toEqual([10n, 20n, 30n]);
    expect(reader.taken).toBe(3);
  });

  it('begins behind what its reader has from the table, where the ring has not come so far', async () => {
    const live = new Live();
    const reader = live.follow(wantsClosed);
    const asked = reader.feed.next(3n, 1n);
    live.push(closed, closed);
    live.push(closed, closed);
    expect(await asked).toMatchObject({ scannedAfter: 3n, scannedTo: 4n, events: [{ position: 4n }] });
  });

  it('tells how far it was scanned once a second, however fast the log moves', async () => {
    const live = new Live();
    const reader = live.follow(wantsClosed);
    for (let pages = 0; pages < 500; pages += 1) {
      reader.ask();
      live.push(...Array.from({ length: 200 }, () => opened));
      await live.clock.pass(10);
    }
    expect(reader.messages.map((message) => message?.scannedTo)).toEqual([
      20_000n,
      40_000n,
      60_000n,
      80_000n,
      100_000n,
    ]);
  });

  it('tells what is told in time, and nothing where nothing was scanned', async () => {
    const live = new Live();
    const reader = live.follow(wantsClosed);
    reader.ask();
    await live.clock.pass(10_000);
    expect(reader.messages).toEqual([]);
    live.push(opened);
    await live.clock.pass(10);
    expect(reader.messages).toMatchObject([{ events: [], scannedTo: 1n }]);
    reader.ask();
    live.push(opened);
    await live.clock.pass(500);
    live.push(closed);
    await live.clock.pass(400);
    expect(reader.messages).toMatchObject([{}, { events: [{ position: 3n }], scannedTo: 3n }]);
    live.push(opened);
    reader.ask();
    await live.clock.pass(900);
    expect(reader.messages).toHaveLength(2);
    await live.clock.pass(100);
    expect(reader.messages).toMatchObject([{}, {}, { events: [], scannedTo: 4n }]);
    reader.ask();
    await live.clock.pass(10_000);
    expect(reader.messages).toHaveLength(3);
  });

  it('is not told together with a thousand others', async () => {
    const live = new Live();
    const readers = Array.from({ length: 1000 }, () => live.follow(wantsClosed));
    const told = () => readers.reduce((sum, { messages }) => sum + messages.length, 0);
    /** How many are told within 20 ms at most, while the log moves for so long. */
    const most = async (milliseconds: number) => {
      let atOnce = 0;
      for (let passed = 0; passed < milliseconds; passed += 20) {
        const before = told();
        for (let pages = 0; pages < 5; pages += 1) {
          for (const reader of readers) reader.ask();
          live.push(opened);
          await live.clock.pass(4);
        }
        atOnce = Math.max(atOnce, told() - before);
      }
      return atOnce;
    };
    for (const reader of readers) reader.ask();
    await live.clock.pass(10_000);
    expect(await most(1000)).toBeLessThanOrEqual(40);
    for (const { messages } of readers) expect(messages).toHaveLength(1);
    expect(await most(2000)).toBeLessThanOrEqual(40);
    for (const { messages } of readers) expect(messages).toHaveLength(3);
  });

  it('tells of a ring that has gone on without it', async () => {
    const live = new Live(10_000);
    const reader = live.follow(wantsClosed);
    for (let page = 0; page < 100; page += 1) live.push(opened);
    reader.ask();
    await live.clock.settle();
    expect(reader.messages).toEqual([undefined]);
  });

  it('ends with what ended the tail reader, asleep or not', async () => {
    const live = new Live();
    const [asleep, awake] = [live.follow([]), live.follow([])];
    asleep.ask();
    const why = new StoreUnavailableError('The log has been out of reach');
    live.dispatch.end(why);
    awake.ask();
    await live.clock.settle();
    expect([asleep.error, awake.error]).toEqual([why, why]);
  });

  it('ends with the reason of its signal, asleep or not, and only itself', async () => {
    const live = new Live();
    const given = new AbortController();
    const [asleep, awake, other] = [
      live.follow([], given.signal),
      live.follow([], given.signal),
      live.follow([]),
    ];
    asleep.ask();
    other.ask();
    const why = new Error('Gone');
    given.abort(why);
    awake.ask();
    live.push(opened);
    await live.clock.settle();
    expect([asleep.error, awake.error, other.error]).toEqual([why, why, undefined]);
    expect(other.positions).toEqual([1n]);
  });

  it('that cannot say whether an event matches ends alone', async () => {
    const live = new Live();
    const reader = live.follow(wantsClosed);
    const broken = live.follow([{ metadata: [{ key: 'k', operator: 'EQUAL', values: ['1'] }] }]);
    reader.ask();
    broken.ask();
    // Metadata that no store would give: the matcher throws.
    const bad = Object.defineProperty({ ...closed }, 'metadata', {
      enumerable: true,
      value: new Proxy<Event['metadata']>(
        {},
        {
          getOwnPropertyDescriptor: () => {
            throw new RangeError('Broken');
          },
        },
      ),
    });
    live.push(bad);
    await live.clock.settle();
    expect(broken.error).toEqual(new RangeError('Broken'));
    expect(reader.positions).toEqual([1n]);
  });

  it('tells whether others may have got the same page', async () => {
    const live = new Live();
    const [one, other, lone] = [live.follow([]), live.follow(wantsClosed), live.follow([{ tags: ['a:1'] }])];
    const shared = async (fields: Partial<Event>) => {
      for (const reader of [one, other, lone]) reader.ask();
      live.push(fields);
      await live.clock.settle();
      return [one, other, lone].map(({ messages }) => messages.at(-1)).map((last) => last && isShared(last));
    };
    expect(await shared(opened)).toEqual([false, undefined, undefined]);
    expect(await shared(closed)).toEqual([true, true, undefined]);
    expect(await shared({ ...opened, tags: ['a:1'] })).toEqual([true, true, true]);
    expect(await shared(opened)).toEqual([false, true, true]);
    for (const reader of [one, other, lone]) reader.ask();
    live.push(opened, closed);
    await live.clock.settle();
    expect([one, other].map(({ messages }) => messages.at(-1)).map((last) => last && isShared(last))).toEqual(
      [true, false],
    );
  });

  it('is asked for nothing when it has left', async () => {
    const live = new Live();
    const reader = live.follow([]);
    reader.ask();
    live.push(opened);
    await live.clock.settle();
    reader.ask();
    reader.feed.close();
    live.push(opened);
    await live.clock.settle();
    expect(reader.positions).toEqual([1n]);
  });
});
