import { appendTo, fill, jsonOf, loaded, newEvent, thing, to } from './builders.js';
import { eventually, type TestFramework, type WithStore } from './contract.js';
import { followed } from './followed.js';

const a = thing('a');
const any = { stream: a, expectedVersion: 'ANY' } as const;

/** Followers of streams that change, and followers that write themselves. */
export function followedChangesContract(framework: TestFramework, withStore: WithStore): void {
  const { describe, it, expect } = framework;

  describe('a subscription', () => {
    it(
      'is given each change of a stream as an event, live and caught up',
      withStore(async (store) => {
        await fill(store, a, 2);
        const types = [
          '$stream-deleted',
          '$stream-restored',
          '$stream-truncated',
          '$events-erased',
          '$stream-erased',
        ];
        const change = async () => {
          await store.deleteStream(any);
          await store.restoreStream(any);
          await store.truncateStream({ ...any, beforeVersion: 2n });
          await store.eraseEvents({ ...any, versions: [{ first: 2n, last: 2n }] });
          await store.eraseStream(any);
        };
        const live = await followed(expect, store, {}, async ({ events, signals }) => {
          if (events.length === 2 && signals.length === 1) await change();
          return events.length >= 7;
        });
        expect(live.events.slice(2).map(({ eventType }) => eventType)).toEqual(types);
        const filters = [{ eventTypes: types }];
        const late = await followed(expect, store, { filters }, ({ signals }) => signals.length > 0);
        expect(late.events.map(({ eventType }) => eventType)).toEqual(types);
      }),
    );

    it(
      'to a stream goes on through its deletion and re-creation, and sees all of it',
      withStore(async (store) => {
        await fill(store, a, 2);
        const request = { scope: { kind: 'STREAM', stream: a } } as const;
        const live = await followed(expect, store, request, async ({ events, signals }) => {
          if (events.length === 2 && signals.length === 1) {
            await store.deleteStream(any);
            await store.append({ streams: [to(a, 'NO_STREAM', newEvent())] });
          }
          return events.length >= 4;
        });
        expect(live.events.map(({ version }) => version)).toEqual([1n, 2n, 3n, 4n]);
        const late = await followed(expect, store, request, ({ signals }) => signals.length > 0);
        expect(late.events.map(({ version }) => version)).toEqual([1n, 2n, 3n, 4n]);
      }),
    );

    it(
      'that begins after an erasure is given shells, and passes over what was truncated',
      withStore(async (store) => {
        await fill(store, a, 4);
        await fill(store, thing('b'), 3);
        await store.eraseStream(any);
        await store.truncateStream({ stream: thing('b'), expectedVersion: 3n, beforeVersion: 3n });
        await eventually(framework, 'all is emptied', async () => {
          const events = await loaded(store);
          return events.length === 7 && events.slice(0, 4).every(({ erased }) => erased);
        });
        const seen = await followed(expect, store, {}, ({ signals }) => signals.length > 0);
        expect(seen.events.map(({ position, erased = false }) => [Number(position), erased])).toEqual([
          [1, true],
          [2, true],
          [3, true],
          [4, true],
          [7, false],
          [8, false],
          [9, false],
        ]);
        expect(seen.scannedTo).toBe(9n);
      }),
    );

    it(
      'may itself append, to the streams that it follows as well',
      withStore(async (store) => {
        await store.append(appendTo(a, newEvent({ json: 1, tags: ['turn:1'] })));
        const seen = await followed(
          expect,
          store,
          { filters: [{ eventTypes: ['Happened'] }] },
          async ({ events }) => {
            const last = events.at(-1);
            if (last === undefined) return false;
            const turn = Number(jsonOf(last));
            if (turn < 30)
              await store.append({
                streams: [
                  to(thing('log'), 'ANY', newEvent({ eventType: 'Noted' })),
                  to(
                    turn % 2 ? thing('b') : a,
                    'ANY',
                    newEvent({ json: turn + 1, tags: [`turn:${turn + 1}`] }),
                  ),
                ],
                // Messages without events ask again; what was done is not done twice.
                condition: { items: [{ tags: [`turn:${turn + 1}`] }] },
                onConflict: 'RETURN',
              });
            return turn >= 30;
          },
        );
        expect(seen.events.map(jsonOf)).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
        expect((await loaded(store)).length).toBe(59);
      }),
    );
  });
}
