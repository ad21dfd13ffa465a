import type { EventStore } from '../core/event-store.js';
import type { Event } from '../core/event.js';
import type { Filter } from '../core/filter.js';
import { appendTo, loaded, newEvent, thing, to } from './builders.js';
import type { TestFramework, WithStore } from './contract.js';

/** Texts that mean something to SQL, to arrays of Postgres, to JSON, to patterns or to JavaScript. */
const HOSTILE = [
  "'; DROP TABLE events; --",
  "' OR '1'='1",
  '"; DELETE FROM streams; --',
  '" OR ""="',
  "\\'; SELECT pg_sleep(9); --",
  '\\',
  "E'\\\\x41'",
  '$1',
  '$$; DROP SCHEMA public; $$',
  '%_',
  '%',
  '{}',
  '{"a","b"}',
  'a,b',
  'NULL',
  'null',
  ' ',
  '(1)',
  '[1]',
  '":1,"k":"',
  '/* */',
  '.*',
  'constructor',
  'toString',
  'é\u0301😀\u{10ffff}\uffff',
  '\u202e\ufeff',
  'x'.repeat(255),
  '😀'.repeat(63),
];

/** Row B4: hostile names, keys, values and patterns in every field are data. */
export function hostileContract({ describe, it, expect }: TestFramework, withStore: WithStore): void {
  /** A `$` in front is reserved in types, which are names as well. */
  const typeName = (text: string) => (text.startsWith('$') ? `x${text}` : text);
  const append = async (store: EventStore) => {
    for (const text of HOSTILE)
      await store.append({
        streams: [
          to(
            thing(text, typeName(text)),
            'NO_STREAM',
            newEvent({
              eventType: typeName(text),
              contentType: text,
              metadata: { [text]: text },
              tags: [text],
            }),
          ),
        ],
        condition: {
          items: [{ tags: [text], eventTypes: [typeName(text)] }, { tags: [`${text.slice(0, 60)}%`] }],
        },
      });
  };
  const idsOf = (events: readonly Event[]) => events.map(({ stream }) => stream.aggregateId);

  describe('hostile text', () => {
    it(
      'comes back as it was given, in every field',
      withStore(async (store) => {
        await append(store);
        const events = await loaded(store);
        expect(events.length).toBe(HOSTILE.length);
        HOSTILE.forEach((text, index) => {
          expect(events[index]).toMatchObject({
            stream: thing(text, typeName(text)),
            eventType: typeName(text),
            contentType: text,
            metadata: { [text]: text },
            tags: [text],
          });
        });
      }),
    );

    it(
      'finds only itself, in every field of a query',
      withStore(async (store) => {
        await append(store);
        for (const text of HOSTILE) {
          const type = typeName(text);
          const stream = thing(text, type);
          const filters: readonly Filter[] = [
            { eventTypes: [type] },
            { tags: [text] },
            { metadata: [{ key: text, operator: 'EQUAL', values: [text] }] },
            { metadata: [{ key: text, operator: 'IN', values: ['no', text] }] },
            { metadata: [{ key: text, operator: 'MATCHES', values: [''] }] },
            { metadata: [{ key: text, operator: 'MATCHES', values: [`^\\Q${text.slice(0, 60)}\\E`] }] },
          ];
          for (const filter of filters)
            expect(idsOf(await loaded(store, { filters: [filter] }))).toEqual([text]);
          expect(idsOf(await loaded(store, { filters }))).toEqual([text]);
          for (const scope of [
            { kind: 'STREAM', stream },
            { kind: 'STREAMS', streams: [stream, thing('no')] },
            { kind: 'AGGREGATE_TYPES', aggregateTypes: [type] },
          ] as const) {
            expect(idsOf(await loaded(store, { scope }))).toEqual([text]);
            expect(await store.countEvents({ scope, filters: [{ tags: [text] }] })).toMatchObject({
              count: 1n,
            });
          }
          const { streams } = await store.listStreams({ aggregateType: type, aggregateIdPrefix: text });
          expect(streams.map((info) => info.stream)).toEqual([stream]);
        }
        expect((await loaded(store)).length).toBe(HOSTILE.length);
      }),
    );

    it(
      'breaks only the conditions that are about it, and is told in refusals as it is',
      withStore(async (store) => {
        await append(store);
        for (const [index, text] of HOSTILE.entries()) {
          const refused = await store.append({
            ...appendTo(thing('other'), newEvent()),
            condition: { items: [{ tags: [text] }] },
            onConflict: 'RETURN',
            interveningBytes: 100_000,
          });
          expect(refused).toMatchObject({
            conditionFailedAt: BigInt(index + 1),
            intervening: { events: [{ tags: [text] }], truncated: false },
          });
          await expect(
            store.append({ streams: [to(thing(text, typeName(text)), 9n, newEvent())] }),
          ).rejects.toMatchObject({ conflicts: [{ stream: thing(text, typeName(text)), actual: 1n }] });
          await expect(
            loaded(store, { scope: { kind: 'STREAM', stream: thing(text, `no ${text.slice(0, 50)}`) } }),
          ).rejects.toMatchObject({ reason: 'STREAM_NOT_FOUND' });
        }
      }),
    );

    it(
      'may be the reason of a change, and name what it changes',
      withStore(async (store) => {
        await append(store);
        for (const text of HOSTILE)
          await store.deleteStream({
            stream: thing(text, typeName(text)),
            expectedVersion: 1n,
            metadata: { [text]: text },
          });
        const changes = await loaded(store, { filters: [{ eventTypes: ['$stream-deleted'] }] });
        expect(idsOf(changes)).toEqual(HOSTILE);
        changes.forEach(({ metadata }, index) => {
          const text = HOSTILE[index] ?? '';
          expect(metadata).toEqual({ [text]: text });
        });
        expect((await store.listStreams({ deleted: 'EXCLUDE' })).streams).toEqual([]);
      }),
    );
  });
}
