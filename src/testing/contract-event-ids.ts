import { appendTo, eventId, loaded, newEvent, thing, to } from './builders.js';
import type { TestFramework, WithStore } from './contract.js';

/** Row A6 and guarantee G6: event ids are unique for ever, and a repeated append is answered as the first time. */
export function eventIdContract({ describe, it, expect }: TestFramework, withStore: WithStore): void {
  const event = (number: number, json: unknown = number) => newEvent({ eventId: eventId(number), json });
  const three = () => ({
    streams: [
      to(thing('a'), 'NO_STREAM' as const, event(1), event(2)),
      to(thing('b'), 'NO_STREAM' as const, event(3)),
    ],
  });

  describe('an append that is repeated', () => {
    it(
      'is answered as the first time, also after later appends and whatever it expects',
      withStore(async (store) => {
        await store.append(appendTo(thing('before'), newEvent()));
        const first = await store.append(three());
        await store.append(appendTo(thing('a'), newEvent()));
        await store.append(appendTo(thing('b'), newEvent()));
        expect(await store.append(three())).toEqual({ ...first, deduplicated: true });
        expect(
          await store.append({
            streams: [
              to(thing('a'), 77n, event(1), event(2)),
              to(thing('b'), 'ANY', event(3)),
              to(thing('c'), 5n),
            ],
          }),
        ).toEqual({ ...first, deduplicated: true });
        expect((await loaded(store)).length).toBe(6);
      }),
    );

    it(
      'may have other metadata, tags and upper-case ids',
      withStore(async (store) => {
        const first = await store.append(appendTo(thing('a'), event(1)));
        const again = {
          ...event(1),
          eventId: eventId(1).toUpperCase(),
          metadata: { try: '2' },
          tags: ['x:y'],
        };
        expect(await store.append(appendTo(thing('a'), again))).toEqual({ ...first, deduplicated: true });
        expect((await loaded(store))[0]?.metadata).toEqual({});
      }),
    );

    it(
      'at the same time is written once',
      withStore(async (store) => {
        const results = await Promise.all(Array.from({ length: 20 }, () => store.append(three())));
        expect(results.map(({ firstPosition }) => firstPosition)).toEqual(results.map(() => 1n));
        expect(results.filter(({ deduplicated }) => !deduplicated).length).toBe(1);
        expect((await loaded(store)).length).toBe(3);
      }),
    );
  });

  describe('an event id that is used for something else', () => {
    const others: readonly [string, () => Parameters<typeof to>[]][] = [
      ['a part of the append', () => [[thing('a'), 'ANY', event(1), event(2)]]],
      ['its first event', () => [[thing('a'), 'ANY', event(1)]]],
      ['its last event', () => [[thing('b'), 'ANY', event(3)]]],
      [
        'one more event behind',
        () => [
          [thing('a'), 'ANY', event(1), event(2)],
          [thing('b'), 'ANY', event(3), event(4)],
        ],
      ],
      [
        'one more event in front',
        () => [
          [thing('z'), 'ANY', event(4)],
          [thing('a'), 'ANY', event(1), event(2)],
          [thing('b'), 'ANY', event(3)],
        ],
      ],
      [
        'another order',
        () => [
          [thing('a'), 'ANY', event(2), event(1)],
          [thing('b'), 'ANY', event(3)],
        ],
      ],
      [
        'other data',
        () => [
          [thing('a'), 'ANY', event(1), event(2, 'other')],
          [thing('b'), 'ANY', event(3)],
        ],
      ],
      [
        'data that goes on behind the same beginning',
        () => [
          [thing('a'), 'ANY', { ...event(1), data: new TextEncoder().encode('1 ') }, event(2)],
          [thing('b'), 'ANY', event(3)],
        ],
      ],
      [
        'another type',
        () => [
          [thing('a'), 'ANY', { ...event(1), eventType: 'Other' }, event(2)],
          [thing('b'), 'ANY', event(3)],
        ],
      ],
      [
        'another stream',
        () => [
          [thing('a'), 'ANY', event(1), event(2)],
          [thing('c'), 'ANY', event(3)],
        ],
      ],
      ['a new event besides', () => [[thing('c'), 'ANY', event(9), event(1)]]],
    ];
    for (const [what, streams] of others)
      it(
        `is refused: ${what}`,
        withStore(async (store) => {
          await store.append(three());
          await store.append(appendTo(thing('a'), newEvent()));
          await expect(store.append({ streams: streams().map((one) => to(...one)) })).rejects.toMatchObject({
            reason: 'EVENT_ID_REUSED',
            outcome: 'NOT_APPLIED',
          });
          expect((await loaded(store)).length).toBe(4);
        }),
      );

    it(
      'is named with the position where it stands',
      withStore(async (store) => {
        await store.append(appendTo(thing('a'), event(1)));
        await expect(store.append(appendTo(thing('b'), event(2), event(1)))).rejects.toMatchObject({
          eventId: eventId(1),
          position: 1n,
        });
      }),
    );

    it(
      'also when it joins two earlier appends',
      withStore(async (store) => {
        await store.append(appendTo(thing('a'), event(1)));
        await store.append(appendTo(thing('a'), event(2)));
        await expect(store.append(appendTo(thing('a'), event(1), event(2)))).rejects.toMatchObject({
          reason: 'EVENT_ID_REUSED',
        });
      }),
    );
  });

  describe('an event without an id', () => {
    it(
      'gets one of its own, in lower case, that is returned',
      withStore(async (store) => {
        const { eventIds } = await store.append(appendTo(thing('a'), newEvent(), newEvent()));
        expect(eventIds.every((id) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id))).toBe(true);
        expect(new Set(eventIds).size).toBe(2);
        expect((await loaded(store)).map((one) => one.eventId)).toEqual(eventIds);
      }),
    );
  });
}
