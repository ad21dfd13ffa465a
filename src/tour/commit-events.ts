import type { Event } from '../core/event.js';
import { fitName } from './fit-name.js';
import type { GitChange, GitCommit } from './git-commit.js';

export const FILE_CREATED = 'FileCreated';
export const FILE_CHANGED = 'FileChanged';
export const FILE_RENAMED = 'FileRenamed';
export const FILE_DELETED = 'FileDeleted';
export const COMMIT_AUTHORED = 'CommitAuthored';

/** What the payload of a file's event says, as JSON. */
export interface FileEventData {
  /** The whole path, up to 16 KiB; the aggregate id may be shortened. */
  readonly path: string;
  /** Of `FileRenamed`: the path before … */
  readonly from?: string;
  /** … and after. The event stands in both streams; only the new path's has line counts. */
  readonly to?: string;
  readonly linesAdded?: number;
  readonly linesRemoved?: number;
  /** Set for a binary file, which has no line counts. */
  readonly binary?: true;
  readonly commit: string;
  /** The author's name, or address if there is none. */
  readonly author: string;
  /** When it was committed, as ISO 8601. */
  readonly committedAt: string;
}

/** What the payload of `CommitAuthored` says, as JSON. */
export interface CommitAuthoredData {
  readonly hash: string;
  readonly parents: readonly string[];
  readonly name: string;
  readonly email: string;
  readonly subject: string;
  readonly authoredAt: string;
  readonly committedAt: string;
  /** Files touched, and lines over all of them; zero for a merge. */
  readonly files: number;
  readonly linesAdded: number;
  readonly linesRemoved: number;
}

/** One event before it is encoded. */
export interface EventDraft {
  readonly eventType: string;
  /** Of a file's event. */
  readonly path?: string;
  readonly data: FileEventData | CommitAuthoredData;
}

// No file system takes a longer one, but git does, up to megabytes.
const PATH_BYTES = 16_384;

const EVENT_TYPES = { created: FILE_CREATED, changed: FILE_CHANGED, deleted: FILE_DELETED } as const;

/** The events of one change: one, or for a rename two, the old path's first. */
export function fileEvents(commit: GitCommit, change: GitChange): readonly (EventDraft & { path: string })[] {
  const { linesAdded, linesRemoved, binary } = change;
  const about = {
    commit: commit.hash,
    author: commit.author.name || commit.author.email,
    committedAt: commit.committedAt.toISOString(),
  };
  const counts = {
    ...(linesAdded === undefined ? {} : { linesAdded }),
    ...(linesRemoved === undefined ? {} : { linesRemoved }),
    ...(binary ? { binary } : {}),
  };
  const path = fitName(change.path, PATH_BYTES);
  if (change.kind !== 'renamed') {
    const data = { path, ...counts, ...about };
    return [{ eventType: EVENT_TYPES[change.kind], path: change.path, data }];
  }
  const from = fitName(change.from, PATH_BYTES);
  const names = { from, to: path };
  return [
    { eventType: FILE_RENAMED, path: change.from, data: { path: from, ...names, ...about } },
    { eventType: FILE_RENAMED, path: change.path, data: { path, ...names, ...counts, ...about } },
  ];
}

export function commitAuthored(commit: GitCommit): EventDraft {
  let linesAdded = 0;
  let linesRemoved = 0;
  for (const change of commit.changes) {
    linesAdded += change.linesAdded ?? 0;
    linesRemoved += change.linesRemoved ?? 0;
  }
  const { hash, parents, author, subject } = commit;
  return {
    eventType: COMMIT_AUTHORED,
    data: {
      hash,
      parents,
      name: author.name,
      email: author.email,
      subject,
      authoredAt: commit.authoredAt.toISOString(),
      committedAt: commit.committedAt.toISOString(),
      files: commit.changes.length,
      linesAdded,
      linesRemoved,
    },
  };
}

/** The payload of a file's event, or `undefined` if it is none that the tour wrote. */
export function fileEventData(event: Event): FileEventData | undefined {
  const data = jsonOf(event);
  return hasText(data, 'path') && hasText(data, 'commit') ? (data as unknown as FileEventData) : undefined;
}

/** The commit of which a `CommitAuthored` tells, or `undefined` if it is none that the tour wrote. */
export function authoredCommit(event: Event): string | undefined {
  const data = jsonOf(event);
  return hasText(data, 'hash') ? data.hash : undefined;
}

/** The payload as JSON, or `undefined`. */
export function jsonOf(event: Event): unknown {
  try {
    return JSON.parse(Buffer.from(event.data).toString('utf8'));
  } catch {
    return undefined;
  }
}

export function hasText<Key extends string>(data: unknown, key: Key): data is Record<Key, string> {
  return typeof data === 'object' && data !== null && typeof Reflect.get(data, key) === 'string';
}
