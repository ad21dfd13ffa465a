import type { EventLog } from '../core/event-store.js';
import type { NewEvent } from '../core/event.js';
import { StreamNotFoundError } from '../core/errors.js';
import { eventsOf } from '../core/load.js';
import { v5 } from 'uuid';
import { authoredCommit, hasText, jsonOf } from './commit-events.js';
import { AUTHOR, commitTag, isOfRepository, repositoryStream } from './tour-streams.js';

export const HISTORY_IMPORTED = 'HistoryImported';

const NAMESPACE = '8d0f6a3e-1b7c-4f0e-8f57-0c4d2b9a6e13';

/** The heads up to which the repository was imported: all that each can reach is in the log. */
export interface ImportedHeads {
  /** Newest first. */
  readonly heads: readonly string[];
  /** The version of the stream that records them; 0 if there is none. */
  readonly version: bigint;
}

interface Where {
  readonly store: EventLog;
  readonly key: string;
  readonly signal: AbortSignal | undefined;
}

export async function importedHeads({ store, key, signal }: Where): Promise<ImportedHeads> {
  const heads: string[] = [];
  let version = 0n;
  const scope = { kind: 'STREAM', stream: repositoryStream(key) } as const;
  try {
    for await (const event of eventsOf(store.load({ scope }, callOptions(signal)))) {
      version = event.version;
      const data = event.eventType === HISTORY_IMPORTED ? jsonOf(event) : undefined;
      if (hasText(data, 'head') && /^[0-9a-f]{40,64}$/.test(data.head)) heads.unshift(data.head);
    }
  } catch (error) {
    if (!(error instanceof StreamNotFoundError)) throw error;
  }
  return { heads, version };
}

/** Tells that all which the head can reach is in the log. Of the same head always the same event. */
export function historyImported(key: string, head: string): NewEvent {
  return {
    eventId: v5(`${key}\n${head}`, NAMESPACE),
    eventType: HISTORY_IMPORTED,
    data: Buffer.from(JSON.stringify({ head })),
    contentType: 'application/json',
    tags: [commitTag(head)],
  };
}

/** Whether anything of the commit is in the log, be it of another repository that has the same commit. */
export async function isCommitKnown({ store, signal }: Omit<Where, 'key'>, hash: string): Promise<boolean> {
  const request = { filters: [{ tags: [commitTag(hash)] }], limit: 1n };
  for await (const event of eventsOf(store.load(request, callOptions(signal)))) {
    if (event.tags.includes(commitTag(hash))) return true;
  }
  return false;
}

/** Commits of one repository that are in the log as a whole, at some 60 bytes each. */
export class ImportedCommits {
  readonly #hashes = new Set<string>();

  /** Reads them from the authors' streams of the whole log: slow (some seconds a million commits), but certain. */
  static async read({ store, key, signal }: Where): Promise<ImportedCommits> {
    const commits = new ImportedCommits();
    const scope = { kind: 'AGGREGATE_TYPES', aggregateTypes: [AUTHOR] } as const;
    for await (const event of eventsOf(store.load({ scope }, callOptions(signal)))) {
      const hash = isOfRepository(key, event) ? authoredCommit(event) : undefined;
      if (hash !== undefined) commits.#hashes.add(shortened(hash));
    }
    return commits;
  }

  has(hash: string): boolean {
    return this.#hashes.has(shortened(hash));
  }
}

/** 16 bytes in a string of 16, which is half of what the hash takes as text, and enough to tell commits apart. */
function shortened(hash: string): string {
  return Buffer.from(hash.slice(0, 32), 'hex').toString('latin1');
}

/** Options with a signal or without. */
export function callOptions(signal: AbortSignal | undefined): { readonly signal?: AbortSignal } {
  return signal === undefined ? {} : { signal };
}
