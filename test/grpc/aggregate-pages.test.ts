import { describe, expect, test } from 'vitest';
import type { NewEvent } from '../../src/core/event.js';
import type { EventStore } from '../../src/core/event-store.js';
import type { StreamId } from '../../src/core/stream.js';
import { type AggregatePage, aggregatePages } from '../../src/grpc/aggregate-pages.js';
import { createMemoryEventStore } from '../../src/memory/index.js';
import { systemRuntime } from '../../src/system.js';
import { storeThat } from './service.js';

const stream: StreamId = { aggregateType: 'Account', aggregateId: 'one' };
const event: NewEvent = { eventType: 'Deposited', data: Buffer.from('{}') };
const snapshot = { version: 2n, data: Buffer.from('{}'), contentType: 'application/json' };

async function storeWithSnapshot(): Promise<EventStore> {
  const store = createMemoryEventStore({ runtime: systemRuntime });
  await store.append({ streams: [{ stream, expectedVersion: 'NO_STREAM', events: [event, event] }] });
  await store.saveSnapshot(stream, snapshot);
  return store;
}

async function pagesOf(store: EventStore): Promise<readonly AggregatePage[]> {
  const pages: AggregatePage[] = [];
  for await (const page of aggregatePages(store, stream)) pages.push(page);
  return pages;
}

/** The store, to which somebody appends before the stream is asked for its version, the first time. */
function appendedMeanwhile(store: EventStore): EventStore {
  let appended = false;
  return storeThat({
    load: (...parameters) => store.load(...parameters),
    getSnapshot: (...parameters) => store.getSnapshot(...parameters),
    getStream: async (...parameters) => {
      if (!appended) await store.append({ streams: [{ stream, expectedVersion: 2n, events: [event] }] });
      appended = true;
      return store.getStream(...parameters);
    },
  });
}

describe('an aggregate whose snapshot is its newest version', () => {
  test('is shown by the snapshot alone', async () => {
    const pages = await pagesOf(await storeWithSnapshot());
    expect(pages).toMatchObject([{ version: 2n, snapshot: { version: 2n }, events: [], more: false }]);
  });

  test('is never told to be at a version whose event is not shown', async () => {
    const pages = await pagesOf(appendedMeanwhile(await storeWithSnapshot()));
    expect(pages).toMatchObject([{ version: 3n, snapshot: { version: 2n }, events: [{ version: 3n }] }]);
  });

  test('is told to be at its version where all behind the snapshot has expired', async () => {
    const store = await storeWithSnapshot();
    await store.append({ streams: [{ stream, expectedVersion: 2n, events: [event] }] });
    const expired = storeThat({
      load: async function* () {},
      getSnapshot: (...parameters) => store.getSnapshot(...parameters),
      getStream: (...parameters) => store.getStream(...parameters),
    });
    expect(await pagesOf(expired)).toMatchObject([{ version: 3n, snapshot: { version: 2n }, events: [] }]);
  });
});
