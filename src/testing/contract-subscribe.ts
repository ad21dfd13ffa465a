import type { EventStore } from '../core/event-store.js';
import type { SubscribeRequest } from '../core/subscribe.js';
import { matcher } from '../core/matcher.js';
import { WHOLE_LOG } from '../core/filter.js';
import { appendTo, jsonOf, loaded, newEvent, thing } from './builders.js';
import type { TestFramework, WithStore } from './contract.js';
import { type Followed, followed } from './followed.js';

/** Rows C1 to C3: catch-up and live, filters, starts, signals, scanned ranges. */
export function subscribeContract({ describe, it, expect }: TestFramework, withStore: WithStore): void {
  const count = async (store: EventStore, from: number, to: number, aggregateId = 'a') => {
    for (let number = from; number <= to; number++)
      await store.append(
        appendTo(thing(aggregateId), newEvent({ json: number, eventType: number % 10 ? 'Many' : 'Tenth' })),
      );
  };
  const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1);
  const follow = (
    store: EventStore,
    request: SubscribeRequest,
    enough: (followed: Followed) => boolean | Promise<boolean>,
  ) => followed(expect, store, request, enough);

  describe('subscribe', () => {
    it(
      'gives what is there, says that it has caught up, and goes on live',
      withStore(async (store) => {
        await count(store, 1, 20);
        const seen = await follow(store, {}, async ({ events, signals }) => {
          if (events.length === 20 && signals.length === 1) await count(store, 21, 25);
          return events.length >= 25;
        });
        expect(seen.events.map(jsonOf)).toEqual(upTo(25));
        expect(seen.signals).toEqual(['CAUGHT_UP']);
      }),
    );

    it(
      'begins behind a position, at the end, or at a time',
      withStore(async (store) => {
        await count(store, 1, 10);
        const events = await loaded(store);
        const time = events[6]?.recordedAt ?? 0n;
        const since = events.filter(({ recordedAt }) => recordedAt >= time).length;
        const caughtUp = ({ signals }: Followed) => signals.length > 0;
        const starts: readonly [SubscribeRequest, number][] = [
          [{}, 10],
          [{ start: { kind: 'BEGINNING' } }, 10],
          [{ start: { kind: 'AFTER', after: { position: 0n } } }, 10],
          [{ start: { kind: 'AFTER', after: { position: 7n, epoch: 1n } } }, 3],
          [{ start: { kind: 'AFTER', after: { position: 10n } } }, 0],
          [{ start: { kind: 'END' } }, 0],
          [{ start: { kind: 'TIME', time } }, since],
          [{ start: { kind: 'TIME', time: (events.at(-1)?.recordedAt ?? 0n) + 60_000_000n } }, 0],
          [{ start: { kind: 'TIME', time: 0n } }, 10],
        ];
        for (const [request, expected] of starts)
          expect((await follow(store, request, caughtUp)).events.length).toBe(expected);
      }),
    );

    for (const kind of ['END', 'TIME'] as const)
      it(
        `from ${kind === 'END' ? 'the end' : 'a time to come'} gives what is appended from then on`,
        withStore(async (store) => {
          await count(store, 1, 10);
          const last = (await loaded(store)).at(-1)?.recordedAt ?? 0n;
          const start = kind === 'END' ? { kind } : { kind, time: last + 1n };
          const seen = await follow(store, { start }, async ({ events, signals }) => {
            if (signals.length === 1 && events.length === 0) await count(store, 11, 13);
            return events.length >= 3;
          });
          expect(seen.events.map(jsonOf)).toEqual([11, 12, 13]);
        }),
      );

    it(
      'has no gap and no duplicate at the hand-over while others append',
      withStore(async (store) => {
        const streams = 5;
        const each = 100;
        const appending = Promise.all(
          Array.from({ length: streams }, (_, stream) => count(store, 1, each, `s${stream}`)),
        );
        const all = ({ events }: Followed) => events.length >= streams * each;
        const feeds = await Promise.all([
          follow(store, {}, all),
          follow(store, {}, all),
          follow(
            store,
            { filters: [{ eventTypes: ['Tenth'] }] },
            ({ events }) => events.length >= (streams * each) / 10,
          ),
          follow(
            store,
            { scope: { kind: 'STREAM', stream: thing('s1') } },
            ({ events }) => events.length >= each,
          ),
        ]);
        await appending;
        const log = await loaded(store);
        expect(feeds[0]?.events.map(({ position }) => position)).toEqual(log.map(({ position }) => position));
        expect(feeds[1]?.events.map(({ position }) => position)).toEqual(log.map(({ position }) => position));
        const tenth = matcher(WHOLE_LOG, [{ eventTypes: ['Tenth'] }]);
        expect(feeds[2]?.events.map(({ position }) => position)).toEqual(
          log.filter(tenth).map(({ position }) => position),
        );
        expect(feeds[3]?.events.map(jsonOf)).toEqual(upTo(each));
      }),
      60_000,
    );

    it(
      'can be resumed behind any message, without loss or repetition',
      withStore(async (store) => {
        await count(store, 1, 30);
        const numbers: unknown[] = [];
        let request: SubscribeRequest = { filters: [{ eventTypes: ['Tenth'] }] };
        for (let round = 0; round < 3; round++) {
          const seen = await follow(store, request, () => true);
          numbers.push(...seen.events.map(jsonOf));
          request = {
            ...request,
            start: { kind: 'AFTER', after: { position: seen.scannedTo, epoch: seen.epoch } },
          };
        }
        expect(numbers).toEqual([10, 20, 30]);
      }),
    );

    it(
      'moves on through what a narrow filter leaves out',
      withStore(async (store) => {
        await count(store, 1, 30);
        const seen = await follow(
          store,
          { filters: [{ eventTypes: ['Never'] }] },
          ({ signals }) => signals.length > 0,
        );
        expect(seen.events).toEqual([]);
        expect(seen.scannedTo).toBe(30n);
      }),
    );

    it(
      'follows a stream that is not there yet',
      withStore(async (store) => {
        const seen = await follow(
          store,
          { scope: { kind: 'STREAM', stream: thing('new') } },
          async ({ events, signals }) => {
            if (signals.length === 1 && events.length === 0) await count(store, 1, 1, 'new');
            return events.length === 1;
          },
        );
        expect(seen.events.map(({ version }) => version)).toEqual([1n]);
      }),
    );

    it(
      'refuses a position above the head, an epoch that never was, and a malformed filter',
      withStore(async (store) => {
        await count(store, 1, 3);
        const from = (position: bigint, epoch?: bigint) =>
          follow(
            store,
            { start: { kind: 'AFTER', after: { position, ...(epoch === undefined ? {} : { epoch }) } } },
            () => true,
          );
        await expect(from(4n)).rejects.toMatchObject({ reason: 'POSITION_UNKNOWN', position: 4n, head: 3n });
        await expect(from(2n, 99n)).rejects.toMatchObject({ reason: 'POSITION_UNKNOWN', epoch: 99n });
        await expect(from(-1n)).rejects.toMatchObject({ reason: 'INVALID_REQUEST' });
        await expect(
          follow(store, { filters: [{ positions: { first: 3n, last: 2n } }] }, () => true),
        ).rejects.toMatchObject({
          reason: 'INVALID_REQUEST',
          violations: [{ field: 'filters[0].positions' }],
        });
      }),
    );

    it(
      'ends when it is given up while it waits, and leaves the store as it was',
      withStore(async (store) => {
        const given = new AbortController();
        const messages = store.subscribe({}, { signal: given.signal })[Symbol.asyncIterator]();
        expect((await messages.next()).value?.signal).toEqual({ kind: 'CAUGHT_UP' });
        const waiting = messages.next();
        given.abort(new Error('no longer wanted'));
        await expect(waiting).rejects.toMatchObject({ message: 'no longer wanted' });
        await count(store, 1, 2);
        expect((await loaded(store)).length).toBe(2);
      }),
    );
  });
}
