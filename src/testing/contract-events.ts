import { appendTo, loaded, newEvent, thing } from './builders.js';
import type { TestFramework, WithStore } from './contract.js';

/** Rows A7 and A8: what is stored comes back exactly. */
export function eventsContract({ describe, it, expect }: TestFramework, withStore: WithStore): void {
  const odd = [
    '',
    ' ',
    '"',
    "'",
    '\\',
    '{}',
    '{"a":[1,2]}',
    'NULL',
    'null',
    '9007199254740993',
    '1e400',
    'true',
    '%_%',
    "'; DROP TABLE events; --",
    '$1',
    'línea 😀 \u200d',
    'a,b',
    '\ttab and\nline',
  ];

  describe('an event', () => {
    it(
      'keeps its data byte for byte',
      withStore(async (store) => {
        const all = Uint8Array.from({ length: 256 }, (_, index) => index);
        const payloads = [all, new Uint8Array(), new TextEncoder().encode('{"b":1, "a":1e400, "a":2}')];
        await store.append(appendTo(thing('a'), ...payloads.map((data) => newEvent({ data }))));
        expect((await loaded(store)).map(({ data }) => [...data])).toEqual(payloads.map((data) => [...data]));
      }),
    );

    it(
      'keeps type, content type and schema version, and has defaults for the latter two',
      withStore(async (store) => {
        await store.append(
          appendTo(
            thing('a'),
            newEvent({
              eventType: 'Ünïcode type "x"',
              contentType: 'application/protobuf; message=acme.v1.Opened',
              schemaVersion: 2 ** 31 - 1,
            }),
            { eventType: 'Plain', data: new Uint8Array() },
          ),
        );
        expect(
          (await loaded(store)).map((event) => [event.eventType, event.contentType, event.schemaVersion]),
        ).toEqual([
          ['Ünïcode type "x"', 'application/protobuf; message=acme.v1.Opened', 2 ** 31 - 1],
          ['Plain', 'application/octet-stream', 1],
        ]);
      }),
    );

    it(
      'keeps its metadata, whatever the values look like',
      withStore(async (store) => {
        const entries = odd.map((value, index) => [`key ${index}`, value] as const);
        const metadata = Object.fromEntries([
          ...entries,
          ['constructor', 'x'],
          ['__proto__', 'y'],
          ['a.b', 'z'],
          ["it's", '$'],
        ]);
        await store.append(appendTo(thing('a'), newEvent({ metadata })));
        const [event] = await loaded(store);
        const sorted = (entries: object) => Object.entries(entries).sort(([a], [b]) => (a < b ? -1 : 1));
        expect(sorted(event?.metadata ?? {})).toEqual(sorted(metadata));
      }),
    );

    it(
      'keeps its tags in their order, whatever they look like',
      withStore(async (store) => {
        const tags = odd.filter((tag) => tag !== '' && !/\p{Cc}/u.test(tag)).map((tag) => `k:${tag}`);
        await store.append(appendTo(thing('a'), newEvent({ tags: [...tags].reverse() }), newEvent()));
        expect((await loaded(store)).map((event) => event.tags)).toEqual([[...tags].reverse(), []]);
        for (const tag of tags)
          expect((await loaded(store, { filters: [{ tags: [tag] }] })).length, tag).toBe(1);
      }),
    );

    it(
      'keeps the names of its stream, whatever they look like',
      withStore(async (store) => {
        const names = odd.filter((name) => name !== '' && !/\p{Cc}/u.test(name)).concat('x'.repeat(255));
        for (const name of names)
          await store.append(appendTo(thing(name, `T${name}`.slice(0, 255)), newEvent()));
        expect((await loaded(store)).map(({ stream }) => stream)).toEqual(
          names.map((name) => thing(name, `T${name}`.slice(0, 255))),
        );
        for (const name of names)
          expect(
            (
              await loaded(store, {
                scope: { kind: 'STREAM', stream: thing(name, `T${name}`.slice(0, 255)) },
              })
            ).length,
            name,
          ).toBe(1);
      }),
    );

    it(
      'does not change when the caller changes what was handed in or out',
      withStore(async (store) => {
        const data = Uint8Array.from([1, 2, 3]);
        const metadata = { key: 'value' };
        await store.append(appendTo(thing('a'), newEvent({ data, metadata })));
        data[0] = 9;
        metadata.key = 'other';
        const [first] = await loaded(store);
        first?.data.fill(7);
        const [second] = await loaded(store);
        expect([...(second?.data ?? [])]).toEqual([1, 2, 3]);
        expect(second?.metadata).toEqual({ key: 'value' });
      }),
    );
  });
}
