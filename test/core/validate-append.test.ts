import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { AppendRequest, StreamAppend } from '../../src/core/append.js';
import type { NewEvent } from '../../src/core/event.js';
import { DEFAULT_LIMITS, type Limits, MAX_BIGINT, MAX_INTEGER } from '../../src/core/limits.js';
import { validateAppend } from '../../src/core/validate-append.js';
import { violated } from './violated.js';

const event: NewEvent = { eventType: 'Opened', data: new Uint8Array() };
const EXACT = 'streams[0].expected_version.exact';
const id = '0190a000-0000-7000-8000-00000000000a';

/** An append of the event with these fields. */
function one(fields: Partial<NewEvent>): AppendRequest {
  return { streams: [entry('a', { events: [{ ...event, ...fields }] })] };
}

function entry(aggregateId: string, fields: Partial<StreamAppend> = {}): StreamAppend {
  return {
    stream: { aggregateType: 'Account', aggregateId },
    expectedVersion: 'ANY',
    events: [event],
    ...fields,
  };
}

const violatedBy = (request: AppendRequest, limits: Partial<Limits> = {}) =>
  violated(() => validateAppend(request, { ...DEFAULT_LIMITS, ...limits }));

describe('an append is refused', () => {
  const cases: readonly [string, AppendRequest, string][] = [
    ['without streams', { streams: [] }, 'streams'],
    [
      'with 1,001 streams',
      { streams: Array.from({ length: 1001 }, (_, n) => entry(`${n}`, { events: [] })) },
      'streams',
    ],
    ['with a stream twice', { streams: [entry('a'), entry('b'), entry('a')] }, 'streams[2].stream'],
    ['expecting version 0', { streams: [entry('a', { expectedVersion: 0n })] }, EXACT],
    ['expecting a negative version', { streams: [entry('a', { expectedVersion: -1n })] }, EXACT],
    ['expecting more than a bigint', { streams: [entry('a', { expectedVersion: MAX_BIGINT + 1n })] }, EXACT],
    [
      'with an id twice, over two streams and in other case',
      {
        streams: [
          entry('a', { events: [{ ...event, eventId: id }] }),
          entry('b', { events: [event, { ...event, eventId: id.toUpperCase() }] }),
        ],
      },
      'streams[1].events[1].event_id',
    ],
    ['with an empty id', one({ eventId: '' }), 'streams[0].events[0].event_id'],
    ['with an empty event type', one({ eventType: '' }), 'streams[0].events[0].event_type'],
    ['with a reserved event type', one({ eventType: '$x' }), 'streams[0].events[0].event_type'],
    ['with an empty content type', one({ contentType: '' }), 'streams[0].events[0].content_type'],
    ['with schema version 0', one({ schemaVersion: 0 }), 'streams[0].events[0].schema_version'],
    ['with half a schema version', one({ schemaVersion: 1.5 }), 'streams[0].events[0].schema_version'],
    [
      'with too high a schema version',
      one({ schemaVersion: MAX_INTEGER + 1 }),
      'streams[0].events[0].schema_version',
    ],
    [
      'with a control character in a key',
      one({ metadata: { 'a\n': '' } }),
      'streams[0].events[0].metadata["a\\n"]',
    ],
    ['with NUL in a value', one({ metadata: { a: '\0' } }), 'streams[0].events[0].metadata["a"]'],
    ['with an empty tag', one({ tags: ['a', ''] }), 'streams[0].events[0].tags[1]'],
    ['with a tag twice', one({ tags: ['a', 'a'] }), 'streams[0].events[0].tags'],
  ];
  for (const [what, request, field] of cases)
    it(what, () => expect(violatedBy(request)).toEqual({ count: 1, fields: [field] }));

  it('with everything that is wrong at once', () => {
    const bad = one({ eventType: '', eventId: 'x', tags: [''], metadata: { '': '\0' }, schemaVersion: -1 });
    expect(violatedBy(bad)).toEqual({
      count: 6,
      fields: ['event_id', 'event_type', 'schema_version', 'metadata[""]', 'metadata[""]', 'tags[0]'].map(
        (field) => `streams[0].events[0].${field}`,
      ),
    });
  });
});

describe('what plain JavaScript may hand in is refused like everything else', () => {
  const event0 = 'streams[0].events[0]';
  const given = (fields: object) => one(fields as Partial<NewEvent>);
  const inStream = (fields: object): AppendRequest => ({
    streams: [entry('a', fields as Partial<StreamAppend>)],
  });
  it.each<[string, AppendRequest, string]>([
    ['no streams', {} as AppendRequest, 'streams'],
    ['a stream that is null', { streams: [null] } as unknown as AppendRequest, 'streams[0].events'],
    ['no events', inStream({ events: undefined }), 'streams[0].events'],
    ['no stream', inStream({ stream: undefined }), 'streams[0].stream'],
    [
      'an id that is a number',
      inStream({ stream: { aggregateType: 'A', aggregateId: 1 } }),
      'streams[0].stream.aggregate_id',
    ],
    ['a type left out', inStream({ stream: { aggregateId: '1' } }), 'streams[0].stream.aggregate_type'],
    ['a version that is a number', inStream({ expectedVersion: 3 }), 'streams[0].expected_version'],
    ['an unknown word for a version', inStream({ expectedVersion: 'NONE' }), 'streams[0].expected_version'],
    ['no expected version', inStream({ expectedVersion: undefined }), 'streams[0].expected_version'],
    ['an event that is null', inStream({ events: [null] }), event0],
    ['data left out', given({ data: undefined }), `${event0}.data`],
    ['data as text', given({ data: '{}' }), `${event0}.data`],
    ['no event type', given({ eventType: undefined }), `${event0}.event_type`],
    ['an event id that is a number', given({ eventId: 7 }), `${event0}.event_id`],
    ['a content type that is null', given({ contentType: null }), `${event0}.content_type`],
    ['metadata with a number', given({ metadata: { amount: 5 } }), `${event0}.metadata["amount"]`],
    ['metadata that is a number', given({ metadata: 5 }), `${event0}.metadata`],
    ['tags in one text', given({ tags: 'a:1' }), `${event0}.tags`],
    ['a tag that is null', given({ tags: [null] }), `${event0}.tags[0]`],
  ])('%s', (_, request, field) => expect(violatedBy(request)).toEqual({ count: 1, fields: [field] }));

  it('and takes bytes of another realm', () => {
    const bytes = runInNewContext('new Uint8Array(3)') as Uint8Array;
    expect(() => validateAppend(one({ data: bytes }), DEFAULT_LIMITS)).not.toThrow();
  });
});

describe('an append is taken up to its limits and no further', () => {
  const cases: readonly [string, Partial<Limits>, (size: number) => AppendRequest, string][] = [
    [
      'bytes of data',
      { eventDataBytes: 10 },
      (size) => one({ data: new Uint8Array(size) }),
      'streams[0].events[0].data',
    ],
    [
      'bytes of metadata, keys included',
      { eventMetadataBytes: 10 },
      (size) => one({ metadata: { éé: 'x'.repeat(size - 4) } }),
      'streams[0].events[0].metadata',
    ],
    [
      'tags',
      { eventTags: 10 },
      (size) => one({ tags: Array.from({ length: size }, (_, n) => `t:${n}`) }),
      'streams[0].events[0].tags',
    ],
    [
      'events over all streams',
      { appendEvents: 10 },
      (size) => ({
        streams: [
          entry('a', { events: Array.from({ length: size - 3 }, () => event) }),
          entry('b', { events: [event, event, event] }),
        ],
      }),
      'streams',
    ],
    [
      'bytes over all streams, types and tags included',
      { appendBytes: 10 },
      (size) => ({
        streams: [
          entry('a', { events: [{ eventType: 'T', data: new Uint8Array(size - 6) }] }),
          entry('b', {
            events: [{ eventType: 'T', data: new Uint8Array(1), tags: ['t'], metadata: { k: 'v' } }],
          }),
        ],
      }),
      'streams',
    ],
  ];
  for (const [what, limits, request, field] of cases)
    it(what, () => {
      expect(violatedBy(request(10), limits)).toBeUndefined();
      expect(violatedBy(request(11), limits)).toEqual({ count: 1, fields: [field] });
    });

  it('versions that a bigint holds, schema versions that an integer holds', () => {
    expect(violatedBy({ streams: [entry('a', { expectedVersion: MAX_BIGINT })] })).toBeUndefined();
    expect(violatedBy(one({ schemaVersion: MAX_INTEGER }))).toBeUndefined();
  });

  it('a check of a stream alone', () => {
    expect(
      violatedBy({ streams: [entry('a', { expectedVersion: 'NO_STREAM', events: [] })] }),
    ).toBeUndefined();
  });
});
