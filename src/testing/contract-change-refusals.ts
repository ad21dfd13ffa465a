import type { EventStore } from '../core/event-store.js';
import type { ExpectedVersion } from '../core/expected-version.js';
import type { StreamId } from '../core/stream.js';
import { fill, loaded, thing } from './builders.js';
import type { TestFramework, WithStore } from './contract.js';

type Kind = 'delete' | 'restore' | 'truncate' | 'setRetention' | 'erase' | 'eraseEvents';
const KINDS: readonly Kind[] = ['delete', 'restore', 'truncate', 'setRetention', 'erase', 'eraseEvents'];
const a = thing('a');

const change = (
  store: EventStore,
  kind: Kind,
  expectedVersion: ExpectedVersion = 'ANY',
  stream: StreamId = a,
): Promise<unknown> => {
  const request = { stream, expectedVersion };
  switch (kind) {
    case 'delete':
      return store.deleteStream(request);
    case 'restore':
      return store.restoreStream(request);
    case 'truncate':
      return store.truncateStream({ ...request, beforeVersion: 2n });
    case 'setRetention':
      return store.setRetention({ ...request, retention: { maxCount: 10n } });
    case 'erase':
      return store.eraseStream(request);
    case 'eraseEvents':
      return store.eraseEvents({ ...request, versions: [{ first: 1n, last: 1n }] });
  }
};

/** Row A11: which changes of streams are refused, and that nothing of them is written. */
export function changeRefusalsContract({ describe, it, expect }: TestFramework, withStore: WithStore): void {
  describe('a change of a stream is refused', () => {
    it(
      'where there never was one',
      withStore(async (store) => {
        for (const kind of KINDS)
          await expect(change(store, kind)).rejects.toMatchObject({
            reason: 'STREAM_NOT_FOUND',
            outcome: 'NOT_APPLIED',
            stream: a,
          });
        expect(await loaded(store)).toEqual([]);
      }),
    );

    it(
      'where the stream is at another version, and made where it is at the one expected',
      withStore(async (store) => {
        for (const kind of KINDS) {
          const stream = thing(kind);
          await fill(store, stream, 3);
          if (kind === 'restore') await store.deleteStream({ stream, expectedVersion: 3n });
          const version = kind === 'restore' ? 4n : 3n;
          // Events may be emptied meanwhile, after the truncation before.
          const { position } = await store.getLog();
          for (const expected of ['NO_STREAM', 2n, 5n] as const)
            await expect(change(store, kind, expected, stream)).rejects.toMatchObject({
              reason: 'WRONG_EXPECTED_VERSION',
              outcome: 'NOT_APPLIED',
              conflicts: [{ stream, expected, actual: version }],
            });
          expect(await store.getLog()).toMatchObject({ position });
          await change(store, kind, version, stream);
          expect((await store.getStream(stream)).version).toBe(version + 1n);
        }
      }),
    );

    it(
      'where it is deleted, but for erasures, and for a restoration where it is not',
      withStore(async (store) => {
        await fill(store, a, 3);
        await expect(change(store, 'restore')).rejects.toMatchObject({
          reason: 'STREAM_NOT_DELETED',
          stream: a,
        });
        await change(store, 'delete');
        for (const kind of ['delete', 'truncate', 'setRetention'] as const)
          for (const expected of ['ANY', 4n, 1n] as const)
            await expect(change(store, kind, expected)).rejects.toMatchObject({
              reason: 'STREAM_DELETED',
              outcome: 'NOT_APPLIED',
            });
        const { deletedAt } = await store.getStream(a);
        for (const kind of ['eraseEvents', 'erase'] as const) await change(store, kind);
        expect(await store.getStream(a)).toMatchObject({ version: 6n, deletedAt });
      }),
    );

    it(
      'for versions that the stream does not have',
      withStore(async (store) => {
        await fill(store, a, 3);
        const base = { stream: a, expectedVersion: 3n } as const;
        await expect(store.truncateStream({ ...base, beforeVersion: 5n })).rejects.toMatchObject({
          reason: 'INVALID_REQUEST',
          violations: [{ field: 'before_version' }],
        });
        const versions = [
          { first: 1n, last: 2n },
          { first: 3n, last: 4n },
        ];
        await expect(store.eraseEvents({ ...base, versions })).rejects.toMatchObject({
          reason: 'INVALID_REQUEST',
          violations: [{ field: 'versions[1]' }],
        });
        expect((await loaded(store)).filter(({ erased }) => erased)).toEqual([]);
        await store.truncateStream({ ...base, beforeVersion: 4n });
        expect((await store.getStream(a)).firstVersion).toBe(4n);
      }),
    );

    it(
      'for a field that is wrong, by its name',
      withStore(async (store) => {
        await fill(store, a, 3);
        const base = { stream: a, expectedVersion: 'ANY' } as const;
        const cases: readonly [() => Promise<unknown>, string][] = [
          [() => store.deleteStream({ ...base, stream: thing('') }), 'change.stream.aggregate_id'],
          [() => store.deleteStream({ ...base, stream: thing('a', '$x') }), 'change.stream.aggregate_type'],
          [() => store.deleteStream({ ...base, expectedVersion: 0n }), 'change.expected_version.exact'],
          [() => store.restoreStream({ ...base, eventId: 'x' }), 'change.event_id'],
          [() => store.eraseStream({ ...base, metadata: { k: 'a\u0000' } }), 'change.metadata["k"]'],
          [() => store.truncateStream({ ...base, beforeVersion: 1n }), 'before_version'],
          [() => store.setRetention({ ...base, retention: { maxAge: 999_999n } }), 'retention.max_age'],
          [() => store.setRetention({ ...base, retention: { maxCount: 0n } }), 'retention.max_count'],
          [() => store.eraseEvents({ ...base, versions: [] }), 'versions'],
          [() => store.eraseEvents({ ...base, versions: [{ first: 2n, last: 1n }] }), 'versions[0]'],
          [() => store.eraseEvents({ ...base, versions: [{ first: 1n, last: 1001n }] }), 'versions'],
          [
            () =>
              store.eraseEvents({
                ...base,
                versions: Array.from({ length: 101 }, () => ({ first: 1n, last: 1n })),
              }),
            'versions',
          ],
        ];
        for (const [make, field] of cases)
          await expect(make()).rejects.toMatchObject({
            reason: 'INVALID_REQUEST',
            outcome: 'NOT_APPLIED',
            violations: [{ field }],
          });
        expect((await loaded(store)).length).toBe(3);
      }),
    );
  });
}
