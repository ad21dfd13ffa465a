import { v5 } from 'uuid';
import type { NewEvent } from '../core/event.js';
import { APPEND_STREAMS, DEFAULT_LIMITS, type Limits } from '../core/limits.js';
import type { StreamId } from '../core/stream.js';
import { utf8Bytes } from '../core/validate.js';
import { commitAuthored, type EventDraft, fileEvents } from './commit-events.js';
import type { GitCommit } from './git-commit.js';
import { authorStream, commitTag, fileStream, pathTag } from './tour-streams.js';

/** What one append writes, before its expected versions are known. */
export interface CommitAppend {
  /** No stream stands here twice. */
  readonly streams: readonly { readonly stream: StreamId; readonly events: readonly NewEvent[] }[];
  readonly events: number;
  readonly bytes: number;
  /** Counted from 1. */
  readonly part: number;
  /** The last part has the author's event: a commit of which that is in the log is there as a whole. */
  readonly last: boolean;
}

export interface CommitToAppendsOptions {
  /** See `repositoryKey`. */
  readonly key: string;
  /**
   * What one append may hold. A commit is split by it, so use the same ones each time for the same log.
   * @default the service's own defaults
   */
  readonly limits?: Pick<Limits, 'appendEvents' | 'appendBytes'> | undefined;
}

const NAMESPACE = '2f1c1d54-5c0e-4d0a-9d8f-6a1f0d3b7c55';

/**
 * A commit as appends: one, over the streams of all files that it touches and its author's; several only if it is over
 * the limits. Merges and empty commits write their author's event alone.
 *
 * Everything follows from the commit, the event ids too (UUIDv5 of hash, stream and place in it): who appends the same
 * commit again finds it in the log. Lazy, so that a commit of a hundred thousand files is not encoded at once.
 */
export function* commitToAppends(
  commit: GitCommit,
  options: CommitToAppendsOptions,
): Generator<CommitAppend, void, undefined> {
  const { key, limits = DEFAULT_LIMITS } = options;
  let part = new Part(1);
  for (const { stream, drafts } of streamsOf(commit, key)) {
    for (const [ordinal, draft] of drafts.entries()) {
      const event = newEvent(commit.hash, stream, ordinal, draft);
      const bytes = eventSize(event);
      if (!part.takes(stream, bytes, limits)) {
        yield part.finish(false);
        part = new Part(part.number + 1);
      }
      part.add(stream, event, bytes);
    }
  }
  yield part.finish(true);
}

interface StreamDrafts {
  readonly stream: StreamId;
  readonly drafts: EventDraft[];
}

/** In the order in which the commit first names them; the author's is the last. */
function streamsOf(commit: GitCommit, key: string): Iterable<StreamDrafts> {
  const streams = new Map<string, StreamDrafts>();
  for (const change of commit.changes) {
    for (const draft of fileEvents(commit, change)) {
      const entry = streams.get(draft.path);
      if (entry === undefined)
        streams.set(draft.path, { stream: fileStream(key, draft.path), drafts: [draft] });
      else entry.drafts.push(draft);
    }
  }
  const author = { stream: authorStream(key, commit.author), drafts: [commitAuthored(commit)] };
  return [...streams.values(), author];
}

function newEvent(hash: string, stream: StreamId, ordinal: number, draft: EventDraft): NewEvent {
  const { aggregateType, aggregateId } = stream;
  return {
    eventId: v5(`${hash}\n${aggregateType}\n${aggregateId}\n${ordinal}`, NAMESPACE),
    eventType: draft.eventType,
    data: Buffer.from(JSON.stringify(draft.data)),
    contentType: 'application/json',
    metadata: { correlation_id: hash },
    tags: draft.path === undefined ? [commitTag(hash)] : [commitTag(hash), pathTag(draft.path)],
  };
}

/** As the service counts it. */
function eventSize(event: NewEvent): number {
  let bytes = event.data.byteLength + utf8Bytes(event.eventType);
  for (const [key, value] of Object.entries(event.metadata ?? {})) bytes += utf8Bytes(key) + utf8Bytes(value);
  for (const tag of event.tags ?? []) bytes += utf8Bytes(tag);
  return bytes;
}

class Part {
  readonly number: number;
  readonly #streams: { readonly stream: StreamId; readonly events: NewEvent[] }[] = [];
  #events = 0;
  #bytes = 0;

  constructor(number: number) {
    this.number = number;
  }

  takes(stream: StreamId, bytes: number, limits: Pick<Limits, 'appendEvents' | 'appendBytes'>): boolean {
    if (this.#events === 0) return true;
    const streams = this.#streams.length + (this.#streams.at(-1)?.stream === stream ? 0 : 1);
    return (
      this.#events < limits.appendEvents &&
      this.#bytes + bytes <= limits.appendBytes &&
      streams <= APPEND_STREAMS
    );
  }

  add(stream: StreamId, event: NewEvent, bytes: number): void {
    const last = this.#streams.at(-1);
    if (last?.stream === stream) last.events.push(event);
    else this.#streams.push({ stream, events: [event] });
    this.#events += 1;
    this.#bytes += bytes;
  }

  finish(last: boolean): CommitAppend {
    return { streams: this.#streams, events: this.#events, bytes: this.#bytes, part: this.number, last };
  }
}
