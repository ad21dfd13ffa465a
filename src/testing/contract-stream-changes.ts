import { appendTo, eventId, fill, jsonOf, loaded, newEvent, shown, thing, to } from './builders.js';
import type { TestFramework, WithStore } from './contract.js';

const a = thing('a');
const any = { stream: a, expectedVersion: 'ANY' } as const;

/** Row A11: deletion, restoration, re-creation, and what all changes of streams have in common. */
export function streamChangesContract({ describe, it, expect }: TestFramework, withStore: WithStore): void {
  describe('a deleted stream', () => {
    it(
      'refuses appends and reads of it alone, and is empty among others',
      withStore(async (store) => {
        await fill(store, a, 3);
        await store.append(appendTo(thing('b'), newEvent({ json: 'b' })));
        await store.deleteStream({ stream: a, expectedVersion: 3n });
        const deleted = { reason: 'STREAM_DELETED', stream: a };
        for (const expected of ['ANY', 'STREAM_EXISTS', 4n, 3n] as const)
          for (const onConflict of ['THROW', 'RETURN'] as const)
            await expect(
              store.append({ streams: [to(thing('b'), 1n), to(a, expected, newEvent())], onConflict }),
            ).rejects.toMatchObject({ ...deleted, outcome: 'NOT_APPLIED' });
        await expect(store.append({ streams: [to(a, 'ANY')] })).rejects.toMatchObject(deleted);
        await expect(shown(store, a)).rejects.toMatchObject(deleted);
        await expect(store.countEvents({ scope: { kind: 'STREAM', stream: a } })).rejects.toMatchObject(
          deleted,
        );
        const both = { scope: { kind: 'STREAMS', streams: [a, thing('b')] } } as const;
        expect((await loaded(store, both)).map(jsonOf)).toEqual(['b']);
      }),
    );

    it(
      'is shown on request, and to readers of the log and of its type as ever',
      withStore(async (store) => {
        await fill(store, a, 3);
        await store.deleteStream(any);
        expect(await shown(store, a, { includeDeleted: true })).toEqual([1, 2, 3, 4]);
        const streams = { scope: { kind: 'STREAMS', streams: [a] }, includeDeleted: true } as const;
        for (const request of [
          {},
          streams,
          { scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Thing'] } },
        ] as const)
          expect((await loaded(store, request)).map(({ eventType }) => eventType)).toEqual([
            'Happened',
            'Happened',
            'Happened',
            '$stream-deleted',
          ]);
      }),
    );

    it(
      'can be restored, with all that it had',
      withStore(async (store) => {
        await fill(store, a, 2);
        const before = await store.getStream(a);
        await store.deleteStream({ stream: a, expectedVersion: 2n });
        expect((await store.getStream(a)).deletedAt !== undefined).toBe(true);
        expect(await store.restoreStream({ stream: a, expectedVersion: 3n })).toMatchObject({ version: 4n });
        expect(await shown(store, a)).toEqual([1, 2, 3, 4]);
        expect(await store.getStream(a)).toMatchObject({
          version: 4n,
          firstVersion: 1n,
          createdAt: before.createdAt,
          deletedAt: undefined,
        });
        expect((await store.append({ streams: [to(a, 4n, newEvent())] })).versions).toEqual([
          { stream: a, version: 5n },
        ]);
      }),
    );

    it(
      'is created anew by an append that expects none: its numbers are not used again, and what was is hidden',
      withStore(async (store) => {
        await fill(store, a, 2);
        const { createdAt } = await store.getStream(a);
        await store.deleteStream(any);
        const again = await store.append({ streams: [to(a, 'NO_STREAM', newEvent({ json: 'anew' }))] });
        expect(again.versions).toEqual([{ stream: a, version: 4n }]);
        expect(await shown(store, a)).toEqual([4]);
        expect(await shown(store, a, { direction: 'BACKWARDS', limit: 5n })).toEqual([4]);
        expect(await shown(store, a, { includeDeleted: true })).toEqual([1, 2, 3, 4]);
        expect((await loaded(store)).length).toBe(4);
        const info = await store.getStream(a);
        expect(info).toMatchObject({ version: 4n, firstVersion: 4n, deletedAt: undefined });
        expect(info.createdAt >= createdAt && info.createdAt === again.recordedAt).toBe(true);
        expect(await store.countEvents({ scope: { kind: 'STREAM', stream: a } })).toMatchObject({
          count: 1n,
        });
        await expect(store.restoreStream(any)).rejects.toMatchObject({ reason: 'STREAM_NOT_DELETED' });
        await expect(store.append({ streams: [to(a, 'NO_STREAM', newEvent())] })).rejects.toMatchObject({
          reason: 'WRONG_EXPECTED_VERSION',
          conflicts: [{ actual: 4n }],
        });
      }),
    );

    it(
      'is not created anew by a check that there is none',
      withStore(async (store) => {
        await fill(store, a, 1);
        await store.deleteStream(any);
        await store.append({ streams: [to(a, 'NO_STREAM'), to(thing('b'), 'ANY', newEvent())] });
        await expect(shown(store, a)).rejects.toMatchObject({ reason: 'STREAM_DELETED' });
      }),
    );

    it(
      'answers a repeated append as the first time',
      withStore(async (store) => {
        const request = appendTo(a, newEvent({ eventId: eventId(1) }));
        const first = await store.append(request);
        await store.deleteStream(any);
        expect(await store.append(request)).toEqual({ ...first, deduplicated: true });
      }),
    );
  });

  describe('a change of a stream', () => {
    it(
      'is an event in it, with its own id, metadata and JSON, and takes a version and a position',
      withStore(async (store) => {
        await fill(store, a, 5);
        const base = { stream: a, metadata: { actor: 'ada' } };
        const changes = [
          await store.truncateStream({ ...base, expectedVersion: 5n, beforeVersion: 2n }),
          await store.setRetention({
            ...base,
            expectedVersion: 6n,
            retention: { maxCount: 100n, maxAge: 10n ** 12n },
          }),
          await store.setRetention({ ...base, expectedVersion: 7n, retention: {} }),
          await store.eraseEvents({ ...base, expectedVersion: 8n, versions: [{ first: 3n, last: 3n }] }),
          await store.deleteStream({ ...base, expectedVersion: 9n, eventId: eventId(7).toUpperCase() }),
          await store.restoreStream({ ...base, expectedVersion: 10n }),
        ];
        const events = (await loaded(store, { filters: [{ positions: { first: 6n } }] })).map(
          (event) => event,
        );
        expect(events.map((event) => [event.eventType, jsonOf(event)])).toEqual([
          ['$stream-truncated', { before_version: '2' }],
          ['$stream-retention-set', { max_age_microseconds: '1000000000000', max_count: '100' }],
          ['$stream-retention-set', {}],
          ['$events-erased', { versions: [{ first: '3', last: '3' }] }],
          ['$stream-deleted', {}],
          ['$stream-restored', {}],
        ]);
        expect(changes[4]?.eventId).toBe(eventId(7));
        changes.forEach((change, index) => {
          const { stream, version, position, eventId: id, recordedAt } = events[index] ?? {};
          const made = { stream, version, position, eventId: id, recordedAt };
          expect(change).toEqual({ ...made, epoch: 1n, deduplicated: false });
          expect([version, position]).toEqual([BigInt(index + 6), BigInt(index + 6)]);
          expect(events[index]).toMatchObject({
            contentType: 'application/json',
            metadata: { actor: 'ada' },
            tags: [],
            schemaVersion: 1,
          });
        });
      }),
    );

    it(
      'sent again with the same id is answered as the first time, also when more has happened',
      withStore(async (store) => {
        await fill(store, a, 3);
        const truncate = { stream: a, expectedVersion: 3n, eventId: eventId(1), beforeVersion: 2n } as const;
        const first = await store.truncateStream(truncate);
        await store.deleteStream({ ...any, eventId: eventId(2) });
        expect(await store.truncateStream(truncate)).toEqual({ ...first, deduplicated: true });
        expect((await loaded(store, { filters: [{ positions: { first: 4n } }] })).length).toBe(2);
        for (const other of [
          () => store.truncateStream({ ...truncate, beforeVersion: 3n }),
          () => store.truncateStream({ ...truncate, stream: thing('b') }),
          () => store.restoreStream({ ...any, eventId: eventId(1) }),
          () => store.append(appendTo(thing('b'), newEvent({ eventId: eventId(1) }))),
        ])
          await expect(other()).rejects.toMatchObject({ reason: 'EVENT_ID_REUSED', eventId: eventId(1) });
      }),
    );

    it(
      'with the id of an appended event is refused',
      withStore(async (store) => {
        await store.append(
          appendTo(a, newEvent({ eventId: eventId(1), data: new TextEncoder().encode('{}') })),
        );
        await expect(store.deleteStream({ ...any, eventId: eventId(1) })).rejects.toMatchObject({
          reason: 'EVENT_ID_REUSED',
          position: 1n,
        });
      }),
    );
  });
}
