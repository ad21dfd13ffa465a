import type { EventStore } from '../core/event-store.js';
import type { StreamId } from '../core/stream.js';
import { fill, newEvent, thing, to } from './builders.js';
import type { TestFramework, WithStore } from './contract.js';

const encoder = new TextEncoder();

/** Keeps snapshots whose data name the version. */
async function keep(store: EventStore, stream: StreamId, ...versions: readonly bigint[]): Promise<void> {
  for (const version of versions)
    await store.saveSnapshot(stream, {
      version,
      data: encoder.encode(`state at ${version}`),
      contentType: 'text/plain',
    });
}

/** States of aggregates that are kept. */
export function snapshotsContract({ describe, it, expect }: TestFramework, withStore: WithStore): void {
  describe('snapshots', () => {
    it(
      'are given back as they were kept, the newest first',
      withStore(async (store) => {
        const stream = thing('a');
        await fill(store, stream, 9);
        await keep(store, stream, 4n, 2n);
        const found = await store.getSnapshot(stream);
        expect(found).toMatchObject({ version: 4n, contentType: 'text/plain', schemaVersion: 1 });
        expect(new TextDecoder().decode(found?.data)).toBe('state at 4');
        expect((await store.getSnapshot(stream, { upToVersion: 3n }))?.version).toBe(2n);
        expect(await store.getSnapshot(stream, { upToVersion: 1n })).toBe(undefined);
        expect(await store.getSnapshot(stream, { schemaVersion: 2 })).toBe(undefined);
        expect(await store.getSnapshot(thing('b'))).toBe(undefined);
      }),
    );

    it(
      'are three at most, and one of each version',
      withStore(async (store) => {
        const stream = thing('a');
        await fill(store, stream, 9);
        await keep(store, stream, 2n, 4n, 6n, 8n);
        await store.saveSnapshot(stream, {
          version: 8n,
          data: encoder.encode('again'),
          contentType: 'text/plain',
        });
        expect(await store.getSnapshot(stream, { upToVersion: 3n })).toBe(undefined);
        expect(new TextDecoder().decode((await store.getSnapshot(stream))?.data)).toBe('again');
        expect(await store.deleteSnapshots(stream)).toBe(3n);
        expect(await store.getSnapshot(stream)).toBe(undefined);
        expect(await store.deleteSnapshots(stream)).toBe(0n);
      }),
    );

    it(
      'are of versions that the aggregate has',
      withStore(async (store) => {
        const stream = thing('a');
        await expect(keep(store, stream, 1n)).rejects.toMatchObject({ reason: 'STREAM_NOT_FOUND' });
        await fill(store, stream, 2);
        await expect(keep(store, stream, 3n)).rejects.toMatchObject({ reason: 'INVALID_REQUEST' });
        await expect(keep(store, stream, 0n)).rejects.toMatchObject({ reason: 'INVALID_REQUEST' });
        await store.deleteStream({ stream, expectedVersion: 2n });
        await expect(keep(store, stream, 2n)).rejects.toMatchObject({ reason: 'STREAM_DELETED' });
      }),
    );

    it(
      'from before an aggregate was created anew are not found, nor kept',
      withStore(async (store) => {
        const stream = thing('a');
        await fill(store, stream, 2);
        await keep(store, stream, 2n);
        await store.deleteStream({ stream, expectedVersion: 2n });
        await store.append({ streams: [to(stream, 'NO_STREAM', newEvent())] });
        expect(await store.getSnapshot(stream)).toBe(undefined);
        await expect(keep(store, stream, 2n)).rejects.toMatchObject({ reason: 'INVALID_REQUEST' });
        await keep(store, stream, 4n);
        expect((await store.getSnapshot(stream))?.version).toBe(4n);
      }),
    );

    it(
      'that may hold what was erased are thrown away, and none from before it is kept',
      withStore(async (store) => {
        const stream = thing('a');
        await fill(store, stream, 3);
        await keep(store, stream, 1n, 2n, 3n);
        await store.eraseEvents({ stream, expectedVersion: 3n, versions: [{ first: 2n, last: 2n }] });
        expect((await store.getSnapshot(stream))?.version).toBe(1n);
        await expect(keep(store, stream, 3n)).rejects.toMatchObject({ reason: 'INVALID_REQUEST' });
        await keep(store, stream, 4n);
        expect(await store.deleteSnapshots(stream)).toBe(2n);
      }),
    );
  });
}
