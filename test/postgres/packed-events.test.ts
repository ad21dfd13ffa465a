import { randomUUID } from 'node:crypto';
import { toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LoadResponseSchema } from '../../gen/headwater/v1/event_store_service_pb.js';
import type { Event } from '../../src/core/event.js';
import type { LoadPage } from '../../src/core/load.js';
import { keptPages, untouchedEvents } from '../../src/core/packed-events.js';
import { scan } from '../../src/postgres/scan.js';
import { systemRuntime } from '../../src/system.js';
import { PackedMessage } from '../../src/wire/encode-packed.js';
import { encodeLeavingPage, encodeLoadPage } from '../../src/wire/encode-page.js';
import { toWireLoadPage } from '../../src/wire/load.js';
import { openTestDatabase, type TestDatabase } from '../support/test-database.js';
import { event, positive } from '../wire/arbitraries.js';

let test: TestDatabase;
beforeAll(async () => {
  test = await openTestDatabase();
});
afterAll(() => test.close());

// What JSON writes in another way, or JavaScript puts into another order.
const sharp = fc.oneof(
  fc.constantFrom(
    '"',
    '\\',
    '\\"',
    '\n',
    '\u001f',
    'é"',
    '12',
    '7',
    '{"a": "b"}',
    ', "',
    '',
    'a'.repeat(300),
  ),
  fc.string({ unit: 'binary', maxLength: 8 }),
);
const entries = fc.array(fc.tuple(sharp, sharp), { maxLength: 6 });
const stored = fc.record({
  event,
  sharpMetadata: fc.option(entries),
  version: positive.map((value) => (value >= 2n ** 63n ? value / 2n : value)),
});

/** Postgres has no U+0000 in texts. */
const plain = (text: string) => text.replaceAll('\u0000', '0').toWellFormed();
const plainEntries = (pairs: readonly (readonly [string, string])[]) =>
  Object.fromEntries(
    pairs
      .map(([key, value]) => [plain(key), plain(value)])
      // Once JSON.parse of Node 24.21 has seen a key that is a backslash, it takes other keys of one character that are escaped for
      // it: {"\u0001": "4", "\u001f": "1"} becomes {"\u0001": "4", "\\": "1"}. Node 20 does not.
      .filter(([key]) => key !== '__proto__' && key !== '\\'),
  );

let count = 0n;
/** Where positions have other lengths on the wire, and are no doubles. */
const BASES = [0n, 2n ** 31n, 2n ** 32n - 3n, 2n ** 53n - 3n, 2n ** 62n];

function toStore(
  given: readonly {
    event: Event;
    sharpMetadata: [string, string][] | null;
    version: bigint;
  }[],
  base: bigint,
): readonly Event[] {
  return given.map(({ event: made, sharpMetadata, version }) => {
    count += 1n;
    const stream = {
      aggregateType: plain(made.stream.aggregateType),
      aggregateId: `${count}${plain(made.stream.aggregateId)}`,
    };
    const shell = {
      eventId: randomUUID(),
      stream,
      version,
      position: base + count,
      eventType: plain(made.eventType),
    };
    const rest = { schemaVersion: made.schemaVersion, recordedAt: made.recordedAt };
    if (made.erased)
      return {
        ...shell,
        ...rest,
        data: Buffer.alloc(0),
        contentType: '',
        metadata: {},
        tags: [],
        erased: true,
      };
    return {
      ...shell,
      ...rest,
      data: Buffer.from(made.data),
      contentType: plain(made.contentType),
      metadata: plainEntries(sharpMetadata ?? Object.entries(made.metadata)),
      tags: made.tags.map(plain),
    };
  });
}

/** As Postgres reads it: no year before 1 or after 9999. */
function timeText(micros: bigint): string {
  const rest = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = new Date(Number((micros - rest) / 1000n)).toISOString().slice(0, 19);
  return `${seconds}.${String(rest).padStart(6, '0')}+00`;
}

async function insert(events: readonly Event[]): Promise<void> {
  for (const one of events)
    await test.database.query(
      'append',
      `INSERT INTO "${test.schema}".events (position, aggregate_type, aggregate_id, version, event_id, event_type, data,
                                            content_type, metadata, tags, schema_version, recorded_at, hash, ends_append, removed)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, '', true, $13)`,
      [
        String(one.position),
        one.stream.aggregateType,
        one.stream.aggregateId,
        String(one.version),
        one.eventId,
        one.eventType,
        Buffer.from(one.data),
        one.contentType,
        JSON.stringify(one.metadata),
        one.tags,
        one.schemaVersion,
        timeText(one.recordedAt),
        one.erased ? 'ERASED' : null,
      ],
    );
}

/** The pages, one by one: large events have pages of their own. */
function scanned(events: readonly Event[]): AsyncGenerator<LoadPage, void, undefined> {
  const after = (events[0]?.position ?? 1n) - 1n;
  const to = events.at(-1)?.position ?? 1n;
  const { database, schema } = test;
  return scan(
    { database, schema, runtime: systemRuntime },
    { place: { kind: 'LOG' }, filters: [], direction: 'FORWARDS', after, to, limit: undefined, epoch: 3n },
  );
}

async function onlyPage(events: readonly Event[]): Promise<LoadPage> {
  const { value: page } = await scanned(events).next();
  if (!page) throw new Error('There is no page');
  return page;
}

const libraryBytes = (page: LoadPage) => Buffer.from(toBinary(LoadResponseSchema, toWireLoadPage(page)));

describe('a page whose events are bytes of the database', () => {
  it('has the events that were stored, and is byte for byte what the library makes of them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(stored, { minLength: 1, maxLength: 5 }),
        fc.constantFrom(...BASES),
        async (given, base) => {
          const events = toStore(given, base);
          await insert(events);
          const seen: Event[] = [];
          for await (const page of scanned(events)) {
            const packed = untouchedEvents(page);
            expect(packed).toBeDefined();
            const bytes = encodeLoadPage(page);
            // Nobody has looked yet, so these were not made of objects.
            expect(untouchedEvents(page)).toBe(packed);
            seen.push(...page.events);
            expect(untouchedEvents(page)).toBeUndefined();
            expect(bytes.equals(libraryBytes(page))).toBe(true);
            expect(encodeLoadPage(page).equals(bytes)).toBe(true);
          }
          expect(seen).toEqual(events);
          for await (const page of scanned(events)) {
            const bytes = encodeLoadPage(page);
            const leaving = encodeLeavingPage(page);
            if (!(leaving instanceof PackedMessage)) throw new Error('It was made of objects');
            expect(leaving.encode().equals(bytes)).toBe(true);
            // Its memory may have those of another page by now.
            expect(() => page.events).toThrow('released');
          }
        },
      ),
      { numRuns: 80, endOnFailure: true },
    );
  });

  it('has its events for who has seen it on the way, also when it has left', async () => {
    const given = fc.sample(stored, 3);
    const events = toStore(given, 0n);
    await insert(events);
    for await (const page of keptPages(scanned(events))) {
      const leaving = encodeLeavingPage(page);
      if (!(leaving instanceof PackedMessage)) throw new Error('It was made of objects');
      const bytes = Buffer.from(leaving.encode());
      expect(page.events).not.toHaveLength(0);
      expect(bytes.equals(libraryBytes(page))).toBe(true);
    }
  });

  it('shows what somebody has made of its events, in copies and in themselves', async () => {
    const [whole] = fc
      .sample(
        event.filter(({ erased }) => !erased),
        1,
      )
      .flatMap((made) => toStore([{ event: made, sharpMetadata: [['a', 'b']], version: 1n }], 0n));
    if (whole === undefined) throw new Error('no sample');
    await insert([whole]);
    const copied = { ...(await onlyPage([whole])) };
    expect(untouchedEvents(copied)).toBeUndefined();
    expect(copied.events).toEqual([whole]);
    const page = await onlyPage([whole]);
    for (const seen of page.events) Object.assign(seen, { eventType: 'Changed' });
    const encoded = encodeLoadPage(page);
    expect(encoded.includes('Changed')).toBe(true);
  });
});
