import type { AppendRequest, ConditionItem } from '../../src/core/append.js';
import type { ExpectedVersion } from '../../src/core/expected-version.js';
import { type StreamId, streamKey } from '../../src/core/stream.js';
import type { StreamChange } from '../../src/core/stream-changes.js';

// What an event store is, as simply as it can be said: a list of events, and a few numbers a stream. Written from the design
// and not from the stores, of which it shares no code.

/** An event as the model knows it. */
export interface ModelEvent {
  readonly id: string;
  readonly stream: StreamId;
  readonly version: bigint;
  readonly position: bigint;
  readonly type: string;
  /** JSON of a number, or of what a change says. */
  readonly data: string;
  readonly tags: readonly string[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly erased: boolean;
}

export interface ModelStream {
  version: bigint;
  deleted: boolean;
  hiddenBefore: bigint;
  truncatedBefore: bigint;
  maxCount: bigint | undefined;
}

/** What a write came to. */
export type ModelOutcome =
  | { readonly kind: 'DONE'; readonly first: bigint; readonly last: bigint; readonly repeated: boolean }
  | { readonly kind: 'CONFLICT'; readonly actual: readonly bigint[] }
  | { readonly kind: 'CONDITION'; readonly position: bigint }
  | { readonly kind: 'ERROR'; readonly reason: string };

export class Model {
  readonly log: ModelEvent[] = [];
  readonly streams = new Map<string, ModelStream & { readonly id: StreamId }>();
  /** The appends that were made, to send them again. */
  readonly appends: { readonly request: AppendRequest; readonly first: bigint; readonly last: bigint }[] = [];
  readonly changes: { readonly change: StreamChange; readonly position: bigint }[] = [];

  /** @param base the log's head when the model began */
  constructor(readonly base: bigint) {}

  get head(): bigint {
    return this.base + BigInt(this.log.length);
  }

  stream(id: StreamId): (ModelStream & { readonly id: StreamId }) | undefined {
    return this.streams.get(streamKey(id));
  }

  append(request: AppendRequest): ModelOutcome {
    const ids = request.streams.flatMap(({ events }) => events.map(({ eventId }) => eventId ?? ''));
    const known = ids.filter((id) => this.log.some((event) => event.id === id));
    if (known.length > 0) {
      const before = this.appends.find(({ request: made }) => made === request);
      if (before) return { kind: 'DONE', first: before.first, last: before.last, repeated: true };
      return { kind: 'ERROR', reason: 'EVENT_ID_REUSED' };
    }
    for (const { stream, expectedVersion } of request.streams)
      if (this.stream(stream)?.deleted && expectedVersion !== 'NO_STREAM')
        return { kind: 'ERROR', reason: 'STREAM_DELETED' };
    const actual = request.streams
      .filter(({ stream, expectedVersion }) => !this.#holds(stream, expectedVersion))
      .map(({ stream }) => this.stream(stream)?.version ?? 0n);
    if (actual.length > 0) return { kind: 'CONFLICT', actual };
    const { condition } = request;
    if (condition) {
      const after = condition.after?.position ?? 0n;
      if (after > this.head) return { kind: 'ERROR', reason: 'POSITION_UNKNOWN' };
      const breaking = this.log.find(
        (event) => event.position > after && condition.items.some((item) => isAbout(item, event)),
      );
      if (breaking) return { kind: 'CONDITION', position: breaking.position };
    }
    const first = this.head + 1n;
    for (const { stream, events } of request.streams) {
      if (events.length === 0) continue;
      const state = this.stream(stream) ?? this.#created(stream);
      if (state.deleted) {
        state.deleted = false;
        state.hiddenBefore = state.version + 1n;
      }
      for (const event of events) {
        state.version += 1n;
        this.log.push({
          id: event.eventId ?? '',
          stream,
          version: state.version,
          position: this.head + 1n,
          type: event.eventType,
          data: new TextDecoder().decode(event.data),
          tags: event.tags ?? [],
          metadata: event.metadata ?? {},
          erased: false,
        });
      }
    }
    const wrote = this.head >= first;
    if (wrote) this.appends.push({ request, first, last: this.head });
    return { kind: 'DONE', first: wrote ? first : 0n, last: wrote ? this.head : 0n, repeated: false };
  }

  change(change: StreamChange & { readonly eventId: string }, data: string, type: string): ModelOutcome {
    if (this.log.some(({ id }) => id === change.eventId)) {
      const before = this.changes.find((made) => made.change === change);
      if (before) return { kind: 'DONE', first: before.position, last: before.position, repeated: true };
      return { kind: 'ERROR', reason: 'EVENT_ID_REUSED' };
    }
    const state = this.stream(change.stream);
    if (state === undefined) return { kind: 'ERROR', reason: 'STREAM_NOT_FOUND' };
    if (state.deleted && ['DELETE', 'TRUNCATE', 'SET_RETENTION'].includes(change.kind))
      return { kind: 'ERROR', reason: 'STREAM_DELETED' };
    if (!state.deleted && change.kind === 'RESTORE') return { kind: 'ERROR', reason: 'STREAM_NOT_DELETED' };
    const expected = change.expectedVersion;
    if (expected === 'NO_STREAM' || (typeof expected === 'bigint' && expected !== state.version))
      return { kind: 'CONFLICT', actual: [state.version] };
    if (change.kind === 'TRUNCATE' && change.beforeVersion > state.version + 1n)
      return { kind: 'ERROR', reason: 'INVALID_REQUEST' };
    if (change.kind === 'ERASE_EVENTS' && change.versions.some(({ last }) => last > state.version))
      return { kind: 'ERROR', reason: 'INVALID_REQUEST' };
    const before = state.version;
    state.version += 1n;
    const position = this.head + 1n;
    const { stream, metadata = {} } = change;
    this.log.push({
      id: change.eventId,
      stream,
      version: state.version,
      position,
      type,
      data,
      tags: [],
      metadata,
      erased: false,
    });
    this.changes.push({ change, position });
    switch (change.kind) {
      case 'DELETE':
        state.deleted = true;
        break;
      case 'RESTORE':
        state.deleted = false;
        break;
      case 'TRUNCATE':
        if (change.beforeVersion > state.truncatedBefore) state.truncatedBefore = change.beforeVersion;
        break;
      case 'SET_RETENTION':
        state.truncatedBefore = this.firstKept(stream);
        state.maxCount = change.retention.maxCount;
        break;
      case 'ERASE':
        state.deleted = true;
        this.#erase(stream, 1n, before);
        break;
      case 'ERASE_EVENTS':
        for (const { first, last } of change.versions) this.#erase(stream, first, last);
    }
    return { kind: 'DONE', first: position, last: position, repeated: false };
  }

  /** The lowest version that the stream keeps. */
  firstKept(id: StreamId): bigint {
    const state = this.stream(id);
    if (state === undefined) return 1n;
    let first = state.truncatedBefore;
    if (state.maxCount !== undefined) {
      const own = this.log.filter((event) => same(event.stream, id) && !event.type.startsWith('$'));
      const counted = own.at(-Number(state.maxCount));
      // With fewer than so many nothing is lost; with so many, what is in front of the oldest of them.
      if (counted !== undefined && own.length > Number(state.maxCount) && counted.version > first)
        first = counted.version;
    }
    return first;
  }

  /** Whether a read of its stream shows the event. */
  shows(event: ModelEvent, includeDeleted: boolean): boolean {
    const state = this.stream(event.stream);
    if (state === undefined) return false;
    if (event.version < this.firstKept(event.stream)) return false;
    return includeDeleted || (!state.deleted && event.version >= state.hiddenBefore);
  }

  /** Whether readers of the log may or may not see it: it is hidden for good and will be emptied soon. */
  fades(event: ModelEvent): boolean {
    return !event.type.startsWith('$') && event.version < this.firstKept(event.stream);
  }

  #holds(id: StreamId, expected: ExpectedVersion): boolean {
    const state = this.stream(id);
    if (expected === 'ANY') return true;
    if (expected === 'NO_STREAM') return state === undefined || state.deleted;
    if (expected === 'STREAM_EXISTS') return state !== undefined;
    return state?.version === expected;
  }

  #created(id: StreamId): ModelStream & { readonly id: StreamId } {
    const state = {
      id,
      version: 0n,
      deleted: false,
      hiddenBefore: 1n,
      truncatedBefore: 1n,
      maxCount: undefined,
    };
    this.streams.set(streamKey(id), state);
    return state;
  }

  #erase(id: StreamId, first: bigint, last: bigint): void {
    this.log.forEach((event, index) => {
      if (
        same(event.stream, id) &&
        event.version >= first &&
        event.version <= last &&
        !event.type.startsWith('$')
      )
        this.log[index] = { ...event, data: '', tags: [], metadata: {}, erased: true };
    });
  }
}

export function same(a: StreamId, b: StreamId): boolean {
  return a.aggregateId === b.aggregateId && a.aggregateType === b.aggregateType;
}

function isAbout({ eventTypes = [], tags = [] }: ConditionItem, event: ModelEvent): boolean {
  return (
    (eventTypes.length === 0 || eventTypes.includes(event.type)) &&
    tags.every((tag) => event.tags.includes(tag))
  );
}
