import type { AppendRequest, ConditionItem } from '../core/append.js';
import type { LoadRequest } from '../core/load.js';
import { appendTo, eventId, loaded, newEvent, thing, to } from './builders.js';
import type { TestFramework, WithStore } from './contract.js';

/** Malformed requests and over-run limits: a clear refusal that names the field, and nothing written. */
export function refusalsContract({ describe, it, expect }: TestFramework, withStore: WithStore): void {
  const big = (bytes: number) => new Uint8Array(bytes);
  const one = (fields: Parameters<typeof newEvent>[0]) => appendTo(thing('a'), newEvent(fields));
  const appends: readonly [string, AppendRequest, string][] = [
    ['no stream', { streams: [] }, 'streams'],
    ['an empty aggregate type', appendTo(thing('a', ''), newEvent()), 'streams[0].stream.aggregate_type'],
    ['a reserved aggregate type', appendTo(thing('a', '$x'), newEvent()), 'streams[0].stream.aggregate_type'],
    ['an empty aggregate id', appendTo(thing(''), newEvent()), 'streams[0].stream.aggregate_id'],
    ['a control character', appendTo(thing('a\u0007b'), newEvent()), 'streams[0].stream.aggregate_id'],
    ['256 bytes in a name', appendTo(thing('é'.repeat(128)), newEvent()), 'streams[0].stream.aggregate_id'],
    ['a lone surrogate', appendTo(thing('x\ud800'), newEvent()), 'streams[0].stream.aggregate_id'],
    [
      'a stream twice',
      { streams: [to(thing('a'), 'ANY', newEvent()), to(thing('a'), 'ANY')] },
      'streams[1].stream',
    ],
    [
      'the expected version 0',
      { streams: [to(thing('a'), 0n, newEvent())] },
      'streams[0].expected_version.exact',
    ],
    ['an empty event type', one({ eventType: '' }), 'streams[0].events[0].event_type'],
    ['a reserved event type', one({ eventType: '$deleted' }), 'streams[0].events[0].event_type'],
    ['an id that is no UUID', one({ eventId: 'x' }), 'streams[0].events[0].event_id'],
    [
      'an id twice',
      appendTo(
        thing('a'),
        newEvent({ eventId: eventId(1) }),
        newEvent({ eventId: eventId(1).toUpperCase() }),
      ),
      'streams[0].events[1].event_id',
    ],
    ['too much data', one({ data: big(1024 * 1024 + 1) }), 'streams[0].events[0].data'],
    ['NUL in the metadata', one({ metadata: { k: 'a\u0000b' } }), 'streams[0].events[0].metadata["k"]'],
    ['an empty metadata key', one({ metadata: { '': 'x' } }), 'streams[0].events[0].metadata[""]'],
    ['a lone surrogate in it', one({ metadata: { k: '\udc00' } }), 'streams[0].events[0].metadata["k"]'],
    ['too much metadata', one({ metadata: { k: 'x'.repeat(64 * 1024) } }), 'streams[0].events[0].metadata'],
    [
      'too many tags',
      one({ tags: Array.from({ length: 65 }, (_, n) => `k:${n}`) }),
      'streams[0].events[0].tags',
    ],
    ['a tag twice', one({ tags: ['a:b', 'a:b'] }), 'streams[0].events[0].tags'],
    ['an empty tag', one({ tags: [''] }), 'streams[0].events[0].tags[0]'],
    ['a control character in a tag', one({ tags: ['a:b', 'a\n'] }), 'streams[0].events[0].tags[1]'],
    [
      'a control character in a metadata key',
      one({ metadata: { 'a\n': 'x' } }),
      'streams[0].events[0].metadata["a\\n"]',
    ],
    [
      'a control character in the content type',
      one({ contentType: 'text/plain\r\n' }),
      'streams[0].events[0].content_type',
    ],
    ['a schema version of 0', one({ schemaVersion: 0 }), 'streams[0].events[0].schema_version'],
    [
      'a schema version beyond an integer',
      one({ schemaVersion: 2 ** 31 }),
      'streams[0].events[0].schema_version',
    ],
    [
      'an expected version beyond a bigint',
      { streams: [to(thing('a'), 2n ** 63n, newEvent())] },
      'streams[0].expected_version.exact',
    ],
    ['too many events', appendTo(thing('a'), ...Array.from({ length: 1001 }, () => newEvent())), 'streams'],
    [
      'too many bytes',
      appendTo(thing('a'), ...Array.from({ length: 5 }, () => newEvent({ data: big(1024 * 1024 - 100) }))),
      'streams',
    ],
  ];
  const under = (items: readonly ConditionItem[]): AppendRequest => ({
    ...appendTo(thing('a'), newEvent()),
    condition: { items },
  });
  const names = (length: number) => Array.from({ length }, (_, n) => `n:${n}`);
  const conditions: readonly [string, AppendRequest, string][] = [
    ['a condition without items', under([]), 'condition.items'],
    ['a condition of 101 items', under(Array.from({ length: 101 }, () => ({}))), 'condition.items'],
    [
      'a condition of more than 1,000 names',
      under([{ eventTypes: names(500) }, { tags: names(501) }]),
      'condition.items',
    ],
    ['an empty tag in a condition', under([{}, { tags: ['a:b', ''] }]), 'condition.items[1].tags[1]'],
    [
      'a control character in a type of a condition',
      under([{ eventTypes: ['a\n'] }]),
      'condition.items[0].event_types[0]',
    ],
    [
      'more than 1 MiB of what came between',
      { ...under([{}]), onConflict: 'RETURN', interveningBytes: 1024 * 1024 + 1 },
      'intervening_bytes',
    ],
  ];
  const stream = thing('a');
  const loads: readonly [string, LoadRequest, string][] = [
    ['a stream without an id', { scope: { kind: 'STREAM', stream: thing('') } }, 'stream.aggregate_id'],
    ['no streams', { scope: { kind: 'STREAMS', streams: [] } }, 'streams.streams'],
    ['a stream twice', { scope: { kind: 'STREAMS', streams: [stream, stream] } }, 'streams.streams'],
    [
      'no aggregate types',
      { scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: [] } },
      'aggregate_types.aggregate_types',
    ],
    ['too many filters', { filters: Array.from({ length: 17 }, () => ({})) }, 'filters'],
    [
      'too many event types',
      { filters: [{ eventTypes: Array.from({ length: 101 }, (_, n) => `T${n}`) }] },
      'filters[0].event_types',
    ],
    ['an empty tag', { filters: [{}, { tags: [''] }] }, 'filters[1].tags[0]'],
    [
      'a range that ends before it begins',
      { filters: [{ positions: { first: 3n, last: 2n } }] },
      'filters[0].positions',
    ],
    ['version 0', { filters: [{ versions: { first: 0n } }] }, 'filters[0].versions.first'],
    ['a limit of 0', { limit: 0n }, 'limit'],
  ];

  describe('a request that is refused', () => {
    for (const [what, request, field] of [...appends, ...conditions])
      it(
        `append with ${what}`,
        withStore(async (store) => {
          await expect(store.append(request)).rejects.toMatchObject({
            reason: 'INVALID_REQUEST',
            outcome: 'NOT_APPLIED',
            violations: [{ field }],
          });
          expect(await loaded(store)).toEqual([]);
        }),
      );
    for (const [what, request, field] of loads)
      it(
        `load with ${what}`,
        withStore(async (store) => {
          await store.append(appendTo(thing('a'), newEvent()));
          await expect(loaded(store, request)).rejects.toMatchObject({
            reason: 'INVALID_REQUEST',
            violations: [{ field }],
          });
        }),
      );

    it(
      'stores nothing of a batch whose second event is refused',
      withStore(async (store) => {
        await store.append(appendTo(thing('a'), newEvent({ eventId: eventId(1) })));
        const batches = [
          [newEvent({ eventId: eventId(2) }), newEvent({ eventType: '' })],
          [newEvent({ eventId: eventId(2) }), newEvent({ eventId: eventId(1) })],
        ];
        for (const events of batches) {
          const outcome = store.append({ streams: [to(thing('b'), 'NO_STREAM', ...events)] });
          await expect(outcome).rejects.toMatchObject({ outcome: 'NOT_APPLIED' });
        }
        expect((await loaded(store)).map(({ stream: of }) => of)).toEqual([thing('a')]);
        await expect(store.getStream(thing('b'))).rejects.toMatchObject({ reason: 'STREAM_NOT_FOUND' });
        await store.append({ streams: [to(thing('b'), 'NO_STREAM', newEvent({ eventId: eventId(2) }))] });
      }),
    );

    it(
      'names all that is wrong with it, ten at most, and counts the rest',
      withStore(async (store) => {
        const request = appendTo(
          thing('a'),
          ...Array.from({ length: 15 }, () => newEvent({ eventType: '' })),
        );
        const error: unknown = await store.append(request).catch((caught: unknown) => caught);
        expect(error).toMatchObject({ reason: 'INVALID_REQUEST', count: 15 });
        expect((error as { violations: unknown[] }).violations.length).toBe(10);
      }),
    );
  });

  describe('a request at its limits', () => {
    it(
      'is taken: 1 MiB of data, 1,000 events, 64 tags, names of 255 bytes, a condition of 1,000 names',
      withStore(async (store) => {
        await store.append(
          appendTo(
            thing('x'.repeat(255), 'é'.repeat(127)),
            newEvent({
              data: big(1024 * 1024),
              tags: Array.from({ length: 64 }, (_, n) => `${n}:${'x'.repeat(200)}`),
            }),
          ),
        );
        await store.append({
          ...appendTo(thing('a'), ...Array.from({ length: 1000 }, () => newEvent())),
          condition: {
            items: Array.from({ length: 100 }, () => ({ eventTypes: names(5), tags: names(5) })),
          },
        });
        expect((await loaded(store)).length).toBe(1001);
      }),
    );
  });
}
