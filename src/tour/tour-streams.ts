import type { Event } from '../core/event.js';
import { NAME_BYTES } from '../core/limits.js';
import type { StreamId } from '../core/stream.js';
import { fitName } from './fit-name.js';
import type { GitAuthor } from './git-commit.js';

export const FILE = 'File';
export const AUTHOR = 'Author';
export const REPOSITORY = 'Repository';

const KEY_DIGITS = 12;
const NAME_ROOM = NAME_BYTES - KEY_DIGITS - ':'.length;

/**
 * Stands in front of every aggregate id of one repository, so that several share a store: the first 12 digits of the
 * commit that its history began with. All clones of a repository have the same, wherever they lie and whatever they are
 * called; so do its forks, whose events come to stand in the same streams. A shallow clone counts as a repository of its
 * own, as its first commit is told differently.
 */
export function repositoryKey(firstCommit: string): string {
  return firstCommit.slice(0, KEY_DIGITS);
}

/** A file's stream, which is all that happened under that path: a file that moves goes on in another one. */
export function fileStream(key: string, path: string): StreamId {
  return { aggregateType: FILE, aggregateId: `${key}:${fitName(path, NAME_ROOM)}` };
}

/** An author's stream, by e-mail address as recorded, else by name. */
export function authorStream(key: string, author: GitAuthor): StreamId {
  const who = author.email || author.name || '(unknown)';
  return { aggregateType: AUTHOR, aggregateId: `${key}:${fitName(who, NAME_ROOM)}` };
}

/** The stream that records which heads were imported to the end. */
export function repositoryStream(key: string): StreamId {
  return { aggregateType: REPOSITORY, aggregateId: key };
}

export function isOfRepository(key: string, { stream }: Event): boolean {
  return stream.aggregateId.startsWith(`${key}:`);
}

export function commitTag(hash: string): string {
  return `commit:${hash}`;
}

/** Shortened as in the file's aggregate id, if the path is long. */
export function pathTag(path: string): string {
  return `path:${fitName(path, NAME_ROOM)}`;
}
