import { randomBytes } from 'node:crypto';
import type { EventStore } from '../../src/core/event-store.js';
import { oneNamespace, type ServedNamespaces } from '../../src/grpc/served-namespaces.js';
import type { PostgresEventStore } from '../../src/postgres/postgres-event-store.js';
import type { GroupStorage } from '../../src/subscriptions/groups/group-storage.js';
import { systemRuntime } from '../../src/system.js';
import { groupStorageOn } from '../postgres/groups/storage-on.js';
import { openDatabase, openTestStore, storeOn, type TestDatabase } from './test-database.js';

/** What one instance of the service has of a log with consumer groups. */
export interface GroupLogInstance {
  readonly store: EventStore;
  readonly storage: GroupStorage;
  /** @param options of a storage of its own */
  namespaces(options?: { readonly leaseMs: number }): ServedNamespaces;
}

/** A log on Postgres with consumer groups, as two instances of the service see it. */
export interface GroupLog extends GroupLogInstance {
  readonly other: GroupLogInstance;
  /** A name that no group or aggregate type has yet. */
  newName(): string;
  /** Appends events `Moved` to the streams `a`, `b` … of a type in turn; gives their positions. */
  append(
    aggregateType: string,
    events: number,
    more?: { readonly streams?: number; readonly data?: Uint8Array },
  ): Promise<bigint[]>;
  close(): Promise<void>;
}

export async function openGroupLog(): Promise<GroupLog> {
  const opened = await openTestStore();
  const database = openDatabase();
  const elsewhere = { database, schema: opened.schema };
  const second = storeOn(elsewhere);
  await second.start();
  const instance = (
    store: PostgresEventStore,
    at: Pick<TestDatabase, 'database' | 'schema'>,
  ): GroupLogInstance => {
    const storage = groupStorageOn(at);
    return {
      store,
      storage,
      namespaces: (options) =>
        oneNamespace(store, 'test', {
          groupStorage: options === undefined ? storage : groupStorageOn(at, options),
        }),
    };
  };
  return {
    ...instance(opened.store, opened),
    other: instance(second, elsewhere),
    newName: () => `g-${randomBytes(6).toString('hex')}`,
    append: async (aggregateType, events, { data = Buffer.from('{}'), streams = 2 } = {}) => {
      const positions: bigint[] = [];
      for (let index = 0; index < events; index++) {
        const stream = { aggregateType, aggregateId: String.fromCodePoint(97 + (index % streams)) };
        const moved = { eventType: 'Moved', data };
        const appended = await opened.store.append({
          streams: [{ stream, expectedVersion: 'ANY', events: [moved] }],
        });
        if (appended.outcome !== 'APPENDED') throw new Error('Refused');
        positions.push(appended.firstPosition);
      }
      return positions;
    },
    close: async () => {
      await second.stop();
      await database.close();
      await opened.close();
    },
  };
}

/** Asks until it is so. */
export async function untilTrue(
  condition: () => Promise<boolean>,
  what: string,
  milliseconds = 15_000,
): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`Waited ${milliseconds} ms in vain: ${what}`);
    await systemRuntime.sleep(20);
  }
}
