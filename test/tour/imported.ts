import { rm } from 'node:fs/promises';
import type { Event } from '../../src/core/event.js';
import type { EventLog } from '../../src/core/event-store.js';
import { eventsOf } from '../../src/core/load.js';
import { systemRuntime } from '../../src/system.js';
import {
  importHistory,
  type ImportHistoryOptions,
  type ImportSummary,
} from '../../src/tour/import-history.js';
import {
  type CommitSpec,
  type FileOperation,
  type GitRepository,
  makeGitRepository,
} from '../support/git-repository.js';

/** Repositories of one test file, below a folder of its own. */
export class Repositories {
  readonly #folder: string;
  #made = 0;

  constructor(name: string) {
    this.#folder = `.headwater-test/${name}-${process.pid}`;
  }

  make(commits: Iterable<CommitSpec>): Promise<GitRepository> {
    this.#made += 1;
    return makeGitRepository(`${this.#folder}/${this.#made}`, commits);
  }

  remove(): Promise<void> {
    return rm(this.#folder, { recursive: true, force: true });
  }
}

export function importInto(
  store: EventLog,
  repository: GitRepository,
  options: Partial<ImportHistoryOptions> = {},
): Promise<ImportSummary> {
  return importHistory({ store, repository: repository.directory, runtime: systemRuntime, ...options });
}

export async function eventsIn(store: EventLog): Promise<Event[]> {
  const events: Event[] = [];
  for await (const event of eventsOf(store.load({}))) events.push(event);
  return events;
}

/** The whole log, but for when it was recorded. */
export async function contentOf(store: EventLog): Promise<unknown[]> {
  const events = await eventsIn(store);
  return events.map(({ recordedAt: _recordedAt, data, ...rest }) => ({
    ...rest,
    data: JSON.parse(textOf(data)) as unknown,
  }));
}

/** Each stream's events in short, as `Created v1 {…}`, by the part of its id behind the repository's key. */
export async function streamsIn(store: EventLog): Promise<Record<string, string[]>> {
  const streams: Record<string, string[]> = {};
  for (const { stream, eventType } of await eventsIn(store)) {
    const id = stream.aggregateId.slice(stream.aggregateId.indexOf(':') + 1);
    (streams[`${stream.aggregateType} ${id}`] ??= []).push(eventType);
  }
  return streams;
}

export function payloadOf(event: Event | undefined): Record<string, unknown> {
  return JSON.parse(textOf(event?.data ?? new Uint8Array())) as Record<string, unknown>;
}

function textOf(data: Uint8Array): string {
  return Buffer.from(data).toString('utf8');
}

/** As many files as wanted, each written anew. */
export function manyFiles(count: number, content = 'x\n'): FileOperation[] {
  return Array.from({ length: count }, (_, n) => ({ write: `many/${n}.txt`, content: `${n} ${content}` }));
}
