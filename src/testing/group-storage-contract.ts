import type { EventStore } from '../core/event-store.js';
import type { StreamId } from '../core/stream.js';
import type { GroupStorage } from '../subscriptions/groups/group-storage.js';
import type { TestFramework } from './contract.js';
import { groupRecordsContract } from './group-storage-contract-groups.js';
import { groupStreamsContract } from './group-storage-contract-streams.js';
import { groupSlotsContract } from './group-storage-contract-slots.js';

/** A storage to be tested, without groups. */
export interface OpenGroupStorage {
  readonly storage: GroupStorage;
  /** Whose events its groups are about. */
  readonly store: Pick<EventStore, 'getLog'>;
  /** What `headwater.ack` does, at an event of the stream that it makes for this. */
  acknowledge(done: {
    readonly group: string;
    readonly memberId: string;
    readonly stream: StreamId;
    /** Which of the stream's events, from 1 on; they and those before are appended where they are missing. */
    readonly nth: number;
  }): Promise<{ readonly done: boolean; readonly position: bigint }>;
  close(): Promise<void>;
}

export interface GroupStorageOptions {
  readonly leaseMs?: number;
  readonly releaseMs?: number;
  readonly maxParked?: number;
}

/** Runs `body` with a storage of its own. */
export type WithGroupStorage = (
  body: (opened: OpenGroupStorage) => Promise<void>,
  options?: GroupStorageOptions,
) => () => Promise<void>;

/** What every storage of consumer groups must do, as tests. */
export function groupStorageContract(
  framework: TestFramework,
  open: (options: GroupStorageOptions) => Promise<OpenGroupStorage>,
): void {
  const withStorage: WithGroupStorage =
    (body, options = {}) =>
    async () => {
      const opened = await open({ leaseMs: 60_000, releaseMs: 60_000, ...options });
      try {
        await body(opened);
      } finally {
        await opened.close();
      }
    };
  groupRecordsContract(framework, withStorage);
  groupSlotsContract(framework, withStorage);
  groupStreamsContract(framework, withStorage);
}
