import type { Event } from '../core/event.js';
import type { EventLog } from '../core/event-store.js';
import { eventsOf } from '../core/load.js';
import type { StreamId } from '../core/stream.js';
import { type FileEventData, fileEventData } from './commit-events.js';
import { callOptions } from './imported-history.js';

export interface FileHistoryOptions {
  readonly store: EventLog;
  readonly stream: StreamId;
  /**
   * The newest so many events.
   * @default 20
   */
  readonly limit?: number;
  readonly signal?: AbortSignal | undefined;
}

export interface FileHistory {
  readonly stream: StreamId;
  /** The stream's version, which is how many events it has. */
  readonly version: bigint;
  /** In the order of their versions. */
  readonly events: readonly FileHistoryEntry[];
}

export interface FileHistoryEntry {
  readonly event: Event;
  /** `undefined` for an event that the tour did not write. */
  readonly data: FileEventData | undefined;
}

/**
 * What happened to one file, by Load of its stream from the newest event backwards.
 *
 * @throws {StreamNotFoundError}
 */
export async function fileHistory(options: FileHistoryOptions): Promise<FileHistory> {
  const { store, stream, limit = 20, signal } = options;
  const request = {
    scope: { kind: 'STREAM', stream },
    direction: 'BACKWARDS',
    limit: BigInt(limit),
  } as const;
  const events: FileHistoryEntry[] = [];
  for await (const event of eventsOf(store.load(request, callOptions(signal))))
    events.unshift({ event, data: fileEventData(event) });
  return { stream, version: events.at(-1)?.event.version ?? 0n, events };
}
