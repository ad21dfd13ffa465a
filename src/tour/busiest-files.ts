import type { EventLog } from '../core/event-store.js';
import type { StreamId } from '../core/stream.js';
import { fileEventData } from './commit-events.js';
import { callOptions } from './imported-history.js';
import { FILE, isOfRepository } from './tour-streams.js';

export interface BusiestFilesOptions {
  readonly store: EventLog;
  /** Count only the files of this repository; see `repositoryKey`. */
  readonly key: string;
  /**
   * So many files.
   * @default 10
   */
  readonly limit?: number;
  readonly signal?: AbortSignal | undefined;
  /** Told after each page of the log. */
  readonly onProgress?: ((eventsRead: number) => void) | undefined;
}

export interface FileActivity {
  readonly stream: StreamId;
  readonly path: string;
  readonly events: number;
  readonly linesAdded: number;
  readonly linesRemoved: number;
}

export interface BusiestFiles {
  /** Those with most events first. */
  readonly files: readonly FileActivity[];
  /** Paths that the repository ever had. */
  readonly distinctFiles: number;
  /** Events of the whole log, each of which was looked at. */
  readonly eventsRead: number;
}

/**
 * Folds the whole log, from its first event to its last, into a count for each file.
 *
 * Memory grows with the number of distinct paths, not with the log: some 300 bytes each.
 */
export async function busiestFiles(options: BusiestFilesOptions): Promise<BusiestFiles> {
  const { store, key, limit = 10, signal, onProgress } = options;
  const files = new Map<string, FileActivity>();
  let eventsRead = 0;
  for await (const page of store.load({}, callOptions(signal))) {
    for (const event of page.events) {
      eventsRead += 1;
      if (event.stream.aggregateType !== FILE || !isOfRepository(key, event)) continue;
      const data = fileEventData(event);
      if (data === undefined) continue;
      const { stream } = event;
      const before = files.get(stream.aggregateId);
      files.set(stream.aggregateId, {
        stream,
        path: before?.path ?? data.path,
        events: (before?.events ?? 0) + 1,
        linesAdded: (before?.linesAdded ?? 0) + (data.linesAdded ?? 0),
        linesRemoved: (before?.linesRemoved ?? 0) + (data.linesRemoved ?? 0),
      });
    }
    onProgress?.(eventsRead);
  }
  return { files: mostEvents(files.values(), limit), distinctFiles: files.size, eventsRead };
}

/** Equal ones in the order of their paths, so that the answer does not depend on the log's. */
function mostEvents(files: Iterable<FileActivity>, limit: number): readonly FileActivity[] {
  const ranked = [...files].sort(
    (a, b) => b.events - a.events || (a.path < b.path ? -1 : Number(a.path > b.path)),
  );
  return ranked.slice(0, limit);
}
