import { appendTo, fill, loaded, newEvent, thing, to } from './builders.js';
import type { TestFramework, WithStore } from './contract.js';

/** Row A10: what is known about a stream and about the log, and counts. */
export function informationContract({ describe, it, expect }: TestFramework, withStore: WithStore): void {
  describe('what is known about a stream', () => {
    it(
      'are its version, its times and what it keeps',
      withStore(async (store) => {
        await fill(store, thing('a'), 2);
        await store.append(appendTo(thing('a'), newEvent()));
        const [first, , last] = await loaded(store);
        expect(await store.getStream(thing('a'))).toEqual({
          stream: thing('a'),
          version: 3n,
          firstVersion: 1n,
          createdAt: first?.recordedAt,
          updatedAt: last?.recordedAt,
          deletedAt: undefined,
          retention: {},
          erasing: 0n,
        });
        const deleted = await store.deleteStream({ stream: thing('a'), expectedVersion: 3n });
        expect(await store.getStream(thing('a'))).toMatchObject({
          version: 4n,
          updatedAt: deleted.recordedAt,
          deletedAt: deleted.recordedAt,
        });
      }),
    );

    it(
      'is nothing if there never was one',
      withStore(async (store) => {
        await store.append({
          streams: [to(thing('checked'), 'NO_STREAM'), to(thing('a'), 'ANY', newEvent())],
        });
        await expect(store.getStream(thing('checked'))).rejects.toMatchObject({
          reason: 'STREAM_NOT_FOUND',
          stream: thing('checked'),
        });
        await expect(store.getStream(thing(''))).rejects.toMatchObject({
          reason: 'INVALID_REQUEST',
          violations: [{ field: 'stream.aggregate_id' }],
        });
      }),
    );
  });

  describe('the log and its events', () => {
    it(
      'are counted as a load would find them',
      withStore(async (store) => {
        expect(await store.countEvents()).toEqual({ count: 0n, position: 0n, epoch: 1n });
        await fill(store, thing('a'), 3);
        await fill(store, thing('b', 'Other'), 2);
        expect(await store.countEvents()).toEqual({ count: 5n, position: 5n, epoch: 1n });
        const filters = [{ versions: { first: 2n } }, { positions: { last: 2n } }];
        expect(await store.countEvents({ filters })).toMatchObject({ count: 4n });
        await expect(
          store.countEvents({ scope: { kind: 'STREAM', stream: thing('never') } }),
        ).rejects.toMatchObject({ reason: 'STREAM_NOT_FOUND' });
        await expect(store.countEvents({ filters: [{ tags: [''] }] })).rejects.toMatchObject({
          violations: [{ field: 'filters[0].tags[0]' }],
        });
      }),
    );

    it(
      'are described: head, epoch, oldest and newest time',
      withStore(async (store) => {
        expect(await store.getLog()).toMatchObject({
          position: 0n,
          epoch: 1n,
          oldest: undefined,
          newest: undefined,
          epochs: [{ epoch: 1n, startedAfterPosition: 0n }],
        });
        await fill(store, thing('a'), 1);
        await fill(store, thing('b'), 2);
        const events = await loaded(store);
        expect(await store.getLog()).toMatchObject({
          position: 3n,
          oldest: events[0]?.recordedAt,
          newest: events[2]?.recordedAt,
        });
      }),
    );
  });
}
