import type { AppendOutcome, AppendRequest, InterveningEvents } from '../core/append.js';
import type { EventStore } from '../core/event-store.js';
import { eventBytes } from '../core/event.js';
import { appendTo, fill, jsonOf, loaded, newEvent, thing, to } from './builders.js';
import type { TestFramework, WithStore } from './contract.js';

/** Row A4: the events that came between, with a refusal. */
export function interveningContract({ describe, it, expect }: TestFramework, withStore: WithStore): void {
  const asking = (
    request: Omit<AppendRequest, 'onConflict'>,
    interveningBytes = 1024 * 1024,
  ): AppendRequest & { onConflict: 'RETURN' } => ({ ...request, interveningBytes, onConflict: 'RETURN' });
  const between = (outcome: AppendOutcome): InterveningEvents => {
    if (outcome.outcome !== 'REFUSED') throw new Error('The append was not refused');
    return outcome.intervening ?? { events: [], truncated: false };
  };

  describe('a refused append that asks for what came between', () => {
    it(
      'gets the events above the expected versions of all streams that failed, in position order',
      withStore(async (store) => {
        await fill(store, thing('a'), 2);
        await fill(store, thing('b'), 2);
        await store.append(appendTo(thing('unrelated'), newEvent()));
        await store.append(appendTo(thing('a'), newEvent({ json: 'a3' }), newEvent({ json: 'a4' })));
        const refused = await store.append(
          asking({
            streams: [
              to(thing('a'), 2n, newEvent()),
              to(thing('b'), 'NO_STREAM', newEvent()),
              to(thing('unrelated'), 1n),
              to(thing('never'), 'STREAM_EXISTS'),
              to(thing('behind'), 9n),
            ],
          }),
        );
        const { events, truncated } = between(refused);
        expect(events.map(({ position }) => position)).toEqual([3n, 4n, 6n, 7n]);
        expect(events.map(jsonOf)).toEqual([1, 2, 'a3', 'a4']);
        expect(truncated).toBe(false);
        expect(events).toEqual(
          (await loaded(store)).filter(({ position }) => events.some((e) => e.position === position)),
        );
      }),
    );

    it(
      'gets the events that break the condition, each once, though several items match them',
      withStore(async (store) => {
        for (let index = 0; index < 30; index++)
          await store.append(
            appendTo(
              thing(`s${index}`),
              newEvent({ eventType: index % 3 ? 'Many' : 'Third', tags: [`n:${index % 10}`] }),
            ),
          );
        const items = [
          ...Array.from({ length: 20 }, (_, index) => ({ tags: [`n:${index % 5}`] })),
          { eventTypes: ['Third'] },
        ];
        const refused = await store.append(
          asking({
            streams: [to(thing('new'), 'ANY', newEvent())],
            condition: { items, after: { position: 10n } },
          }),
        );
        const expected = (await loaded(store)).filter(
          ({ position, eventType, tags }) =>
            position > 10n && (eventType === 'Third' || Number(tags[0]?.slice(2)) < 5),
        );
        expect(between(refused)).toEqual({ events: expected, truncated: false });
      }),
    );

    it(
      'gets as many of the first ones as have room, and is told that there are more',
      withStore(async (store) => {
        await store.append(
          appendTo(thing('a'), ...Array.from({ length: 10 }, () => newEvent({ data: new Uint8Array(1000) }))),
        );
        const all = await loaded(store);
        const size = eventBytes(all[0] ?? newEvent());
        const cases: readonly [number, number][] = [
          [size * 10, 10],
          [size * 10 - 1, 9],
          [size * 3 + 5, 3],
          [size, 1],
          [size - 1, 0],
        ];
        for (const [bytes, count] of cases) {
          const refused = await store.append(
            asking({ streams: [to(thing('a'), 'NO_STREAM', newEvent())] }, bytes),
          );
          expect(between(refused)).toEqual({ events: all.slice(0, count), truncated: count < 10 });
        }
      }),
    );

    it(
      'can decide again by what it got',
      withStore(async (store) => {
        const add = async (by: EventStore) => {
          let version = 0n;
          for (;;) {
            const outcome = await by.append(
              asking({
                streams: [
                  to(thing('a'), version === 0n ? 'NO_STREAM' : version, newEvent({ json: Number(version) })),
                ],
              }),
            );
            if (outcome.outcome === 'APPENDED') return;
            version = between(outcome).events.at(-1)?.version ?? 0n;
          }
        };
        await Promise.all(Array.from({ length: 8 }, () => add(store)));
        expect((await loaded(store)).map(jsonOf)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
      }),
    );

    it(
      'gets nothing unless it asks, and nothing of what the stream no longer shows',
      withStore(async (store) => {
        await fill(store, thing('a'), 5);
        const request = { streams: [to(thing('a'), 1n, newEvent())] };
        const plain = await store.append({ ...request, onConflict: 'RETURN' });
        expect(plain.outcome === 'REFUSED' && plain.intervening === undefined).toBe(true);
        await store.truncateStream({ stream: thing('a'), expectedVersion: 5n, beforeVersion: 4n });
        const { events } = between(await store.append(asking(request)));
        expect(events.map(({ version }) => version)).toEqual([4n, 5n, 6n]);
      }),
    );
  });
}
