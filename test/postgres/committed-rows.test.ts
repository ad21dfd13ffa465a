import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterEach, expect, it } from 'vitest';
import type { AppendRequest } from '../../src/core/append.js';
import type { Event, NewEvent } from '../../src/core/event.js';
import { PAGE_BYTES } from '../../src/core/limits.js';
import type { Committed } from '../../src/core/log.js';
import { untouchedEvents } from '../../src/core/packed-events.js';
import { openTestStore, storeOn, type TestStore } from '../support/test-database.js';

let test: TestStore | undefined;
afterEach(async () => {
  await test?.close();
  test = undefined;
});

/** What the store says it has committed, and the events of it. */
function listen({ store }: TestStore): { readonly heard: Committed[]; events(): readonly Event[] } {
  const heard: Committed[] = [];
  store.log.onAdvance((committed) => {
    if (committed !== undefined) heard.push(committed);
  });
  return { heard, events: () => heard.flatMap((committed) => committed.page().events) };
}

/** The same events, as they are looked at. */
function lookedAt(heard: readonly Committed[]): readonly Event[] {
  return heard.flatMap((committed) => {
    const look = committed.look();
    return committed.page().events.map((_, index) => {
      const seen = look.at(index);
      // Getters, which a copy would not have.
      const { contentType, eventId, eventType, metadata, position, recordedAt, schemaVersion } = seen;
      const { stream, tags, version } = seen;
      const data = Buffer.from(seen.data);
      const names = { eventId, stream, version, position, eventType };
      return { ...names, data, contentType, metadata, tags, schemaVersion, recordedAt };
    });
  });
}

/** The whole log, as it is in the table. */
async function stored({ store }: TestStore, after = 0n): Promise<readonly Event[]> {
  const events: Event[] = [];
  for await (const page of store.log.scan({ scope: { kind: 'LOG' }, filters: [] }, after))
    events.push(...page.events);
  return events;
}

const to = (aggregateId: string, events: readonly NewEvent[], more: Partial<AppendRequest> = {}) => ({
  streams: [{ stream: { aggregateType: 'Thing', aggregateId }, expectedVersion: 'ANY' as const, events }],
  ...more,
});
const happened = (data = 'x'): NewEvent => ({ eventType: 'Happened', data: Buffer.from(data) });

// Postgres has no U+0000 in texts; a key that is `__proto__` or a backslash JavaScript itself does not keep.
const text = fc
  .string({ unit: 'binary', maxLength: 40 })
  .map((value) => value.replaceAll(/\p{Cc}/gu, '.').toWellFormed());
const name = text.filter((value) => value !== '' && !value.startsWith('$') && value.trim() === value);
const newEvent: fc.Arbitrary<NewEvent> = fc.record({
  eventType: name,
  data: fc.uint8Array({ maxLength: 300 }),
  contentType: name,
  metadata: fc
    .array(fc.tuple(fc.oneof(name, fc.constantFrom('7', '12', 'a"b')), fc.oneof(text, fc.constant('"\\'))), {
      maxLength: 4,
    })
    .map((pairs) => Object.fromEntries(pairs.filter(([key]) => key !== '__proto__' && key !== '\\'))),
  tags: fc.uniqueArray(fc.oneof(name, fc.constantFrom('a:1', '"', '\\', '{}')), { maxLength: 3 }),
  schemaVersion: fc.integer({ min: 1, max: 2 ** 31 - 1 }),
});
const stream = fc.record({ aggregateType: name, aggregateId: name });

it('what is told of a commit is what the table has, to the last field', { timeout: 60_000 }, async () => {
  test = await openTestStore();
  const { store } = test;
  const told = listen(test);
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.array(fc.tuple(stream, fc.array(newEvent, { minLength: 1, maxLength: 3 })), {
          minLength: 1,
          maxLength: 3,
        }),
        {
          minLength: 1,
          maxLength: 6,
        },
      ),
      fc.boolean(),
      async (requests, foreseen) => {
        told.heard.length = 0;
        const before = await store.getLog();
        await Promise.all(
          requests.map((entries) =>
            store.append({
              streams: entries.map(([{ aggregateId, aggregateType }, events]) => ({
                stream: { aggregateType, aggregateId: `${randomUUID()}${aggregateId}` },
                // What expects nothing is written by another function than what expects something.
                expectedVersion: foreseen ? 'NO_STREAM' : 'ANY',
                events,
              })),
            }),
          ),
        );
        const events = told.events();
        expect(events).toHaveLength(requests.flat(1).flatMap(([, some]) => some).length);
        expect(events).toEqual(await stored(test as TestStore, before.position));
        expect(lookedAt(told.heard)).toEqual(events);
      },
    ),
    { numRuns: 60 },
  );
});

it('is told in bytes, as a page that was read, with ranges that meet', async () => {
  test = await openTestStore();
  const { store } = test;
  const told = listen(test);
  for (let index = 0; index < 3; index++)
    await Promise.all([store.append(to('a', [happened()])), store.append(to('b', [happened(), happened()]))]);
  expect(told.heard.map(({ scannedAfter, scannedTo }) => [scannedAfter, scannedTo])).toEqual([
    [0n, 3n],
    [3n, 6n],
    [6n, 9n],
  ]);
  for (const committed of told.heard) {
    const page = committed.page();
    expect(untouchedEvents(page)?.count).toBe(3);
    expect([page.scannedAfter, page.scannedTo, page.epoch]).toEqual([
      committed.scannedAfter,
      committed.scannedTo,
      committed.epoch,
    ]);
  }
});

it('leaves out what a group did not write: refusals, repeats, appends without events', async () => {
  test = await openTestStore();
  const { store } = test;
  const again = to('a', [{ ...happened('first'), eventId: randomUUID() }]);
  await store.append(again);
  const told = listen(test);
  const outcomes = await Promise.all([
    store.append({ ...again, onConflict: 'RETURN' }),
    store.append(to('b', [happened('one')])),
    store.append({
      streams: [
        { stream: { aggregateType: 'Thing', aggregateId: 'b' }, expectedVersion: 77n, events: [happened()] },
      ],
      onConflict: 'RETURN',
    }),
    store.append(to('a', [])),
    store.append(to('b', [happened('two')])),
  ]);
  expect(outcomes.map(({ outcome }) => outcome)).toEqual([
    'APPENDED',
    'APPENDED',
    'REFUSED',
    'APPENDED',
    'APPENDED',
  ]);
  const events = told.events();
  expect(events.map(({ data }) => Buffer.from(data).toString())).toEqual(['one', 'two']);
  expect(events).toEqual(await stored(test, 1n));
});

it('says nothing of more than a page, and is not asked where nobody listens', async () => {
  test = await openTestStore();
  const { store } = test;
  const told = listen(test);
  await store.append(
    to(
      'large',
      [1, 2, 3].map(() => happened('x'.repeat(PAGE_BYTES / 3))),
    ),
  );
  expect(told.heard).toEqual([]);
  await store.append(to('small', [happened()]));
  expect(told.heard).toHaveLength(1);
});

it('of another instance nothing is told but that the log has advanced', async () => {
  test = await openTestStore();
  const other = storeOn(test);
  await other.start();
  const hints: (Committed | undefined)[] = [];
  test.store.log.onAdvance((committed) => hints.push(committed));
  await other.append(to('a', [happened()]));
  await expect.poll(() => hints.length).toBeGreaterThan(0);
  expect(hints.every((hint) => hint === undefined)).toBe(true);
  await other.stop();
});
