import type { AppendOutcome, AppendRequest, VersionConflict } from '../core/append.js';
import { EventIdReusedError, StreamNotFoundError } from '../core/errors.js';
import { DEFAULT_CONTENT_TYPE, type Event, type Microseconds, type NewEvent } from '../core/event.js';
import { expectedVersionHolds } from '../core/expected-version.js';
import type { Scope } from '../core/filter.js';
import { type LoadPage, type LoadRequest, withLoadDefaults } from '../core/load.js';
import type { Epoch, Log, LogHead, Selection } from '../core/log.js';
import { matcher, positionBounds } from '../core/matcher.js';
import type { Runtime } from '../core/runtime.js';
import { type StreamId, type StreamVersion, streamKey } from '../core/stream.js';
import { countBefore, pages } from './pages.js';

const EPOCH = 1n;

/** A log in memory: what the Postgres store does, without I/O. Grows for as long as it is kept. */
export class MemoryLog implements Log {
  readonly #runtime: Runtime;
  /** The event at position p is at index p - 1. */
  readonly #events: Event[] = [];
  /** The position of each event that is the last of its append. */
  readonly #appendEnds = new Set<number>();
  /** Each stream's events besides, so that loading one does not look through the whole log. */
  readonly #streams = new Map<string, Event[]>();
  readonly #byId = new Map<string, number>();
  readonly #listeners = new Set<() => void>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Decides and writes at once; the request is validated already. Throws `EventIdReusedError`. */
  append(request: AppendRequest): AppendOutcome {
    const streams = request.streams.map(({ events, ...entry }) => ({
      ...entry,
      events: events.map((event) => ({
        ...event,
        eventId: event.eventId?.toLowerCase() ?? this.#runtime.newEventId(),
      })),
    }));
    const repeat = this.#repeat(streams);
    if (repeat) return repeat;
    const conflicts: VersionConflict[] = [];
    for (const { stream, expectedVersion } of streams) {
      const actual = this.#version(stream);
      if (!expectedVersionHolds(expectedVersion, actual))
        conflicts.push({ stream: { ...stream }, expected: expectedVersion, actual });
    }
    if (conflicts.length > 0) return { outcome: 'REFUSED', conflicts };
    return this.#write(streams);
  }

  head(signal?: AbortSignal): Promise<LogHead> {
    signal?.throwIfAborted();
    return Promise.resolve({ position: BigInt(this.#events.length), epoch: EPOCH });
  }

  epochs(): Promise<readonly Epoch[]> {
    return Promise.resolve([{ epoch: EPOCH, startedAfterPosition: 0n }]);
  }

  positionBefore(time: Microseconds): Promise<bigint> {
    return Promise.resolve(BigInt(countBefore(this.#events, ({ recordedAt }) => recordedAt < time)));
  }

  async *scan(
    selection: Selection,
    after: bigint,
    signal?: AbortSignal,
  ): AsyncGenerator<LoadPage, void, undefined> {
    const head = await this.head(signal);
    const to = head.position > after ? head.position : after;
    const matches = matcher(selection.scope, selection.filters);
    const range = { after, to, direction: 'FORWARDS', limit: undefined, epoch: EPOCH } as const;
    yield* pages(this.#candidates(selection.scope), range, matches, signal);
  }

  async *load(request: LoadRequest, signal?: AbortSignal): AsyncGenerator<LoadPage, void, undefined> {
    const { scope, filters, direction, limit } = withLoadDefaults(request);
    const head = await this.head(signal);
    if (scope.kind === 'STREAM' && this.#version(scope.stream) === 0n)
      throw new StreamNotFoundError(scope.stream);
    const bounds = positionBounds(filters);
    const to = bounds.last !== undefined && bounds.last < head.position ? bounds.last : head.position;
    const after = bounds.first - 1n < to ? bounds.first - 1n : to;
    const range = { after, to, direction, limit, epoch: EPOCH };
    yield* pages(this.#candidates(scope), range, matcher(scope, filters), signal);
  }

  onAdvance(listener: () => void): () => void {
    const entry = () => listener();
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  #version(stream: StreamId): bigint {
    return BigInt(this.#streams.get(streamKey(stream))?.length ?? 0);
  }

  #candidates(scope: Scope): readonly Event[] {
    return scope.kind === 'STREAM' ? (this.#streams.get(streamKey(scope.stream)) ?? []) : this.#events;
  }

  /** The answer of the first time, if this is the same append again: same ids, streams, order, types, data and extent. */
  #repeat(streams: readonly Prepared[]): AppendOutcome | undefined {
    const events = streams.flatMap(({ stream, events: some }) => some.map((event) => ({ stream, event })));
    const known = events.find(({ event }) => this.#byId.has(event.eventId));
    if (known === undefined) return undefined;
    const reused = () =>
      new EventIdReusedError(known.event.eventId, BigInt(this.#byId.get(known.event.eventId) ?? 0));
    const first = this.#byId.get(events[0]?.event.eventId ?? '');
    if (first === undefined) throw reused();
    const stored = this.#events.slice(first - 1, first - 1 + events.length);
    const same =
      stored.length === events.length &&
      (first === 1 || this.#appendEnds.has(first - 1)) &&
      stored.every(
        (old, index) =>
          this.#appendEnds.has(first + index) === (index === events.length - 1) && isSame(old, events[index]),
      );
    if (!same) throw reused();
    const versions = new Map<string, StreamVersion>();
    for (const { stream, version } of stored) versions.set(streamKey(stream), { stream, version });
    return {
      outcome: 'APPENDED',
      firstPosition: BigInt(first),
      lastPosition: BigInt(first + events.length - 1),
      versions: [...versions.values()],
      eventIds: stored.map(({ eventId }) => eventId),
      recordedAt: stored[0]?.recordedAt,
      epoch: EPOCH,
      deduplicated: true,
    };
  }

  #write(streams: readonly Prepared[]): AppendOutcome {
    const before = this.#events.length;
    const last = this.#events.at(-1)?.recordedAt ?? 0n;
    const now = this.#runtime.now();
    const recordedAt = now > last ? now : last;
    const total = streams.reduce((sum, { events }) => sum + events.length, 0);
    const versions: StreamVersion[] = [];
    for (const { stream: given, events } of streams) {
      if (events.length === 0) continue;
      const stream = Object.freeze({ aggregateType: given.aggregateType, aggregateId: given.aggregateId });
      const key = streamKey(stream);
      const own = this.#streams.get(key) ?? [];
      this.#streams.set(key, own);
      let version = BigInt(own.length);
      for (const event of events) {
        version += 1n;
        const position = this.#events.length + 1;
        const entry = stored(event, { stream, version, position: BigInt(position), recordedAt });
        this.#byId.set(event.eventId, position);
        this.#events.push(entry);
        own.push(entry);
      }
      versions.push({ stream, version });
    }
    if (total > 0) this.#appendEnds.add(before + total);
    if (total > 0) for (const listener of this.#listeners) listener();
    return {
      outcome: 'APPENDED',
      firstPosition: total > 0 ? BigInt(before + 1) : 0n,
      lastPosition: total > 0 ? BigInt(before + total) : 0n,
      versions,
      eventIds: streams.flatMap(({ events }) => events.map(({ eventId }) => eventId)),
      recordedAt: total > 0 ? recordedAt : undefined,
      epoch: EPOCH,
      deduplicated: false,
    };
  }
}

type Identified = NewEvent & { readonly eventId: string };
type Prepared = Omit<AppendRequest['streams'][number], 'events'> & { readonly events: readonly Identified[] };

/** A copy that no later change of the caller's objects reaches. */
function stored(
  event: Identified,
  place: Pick<Event, 'stream' | 'version' | 'position' | 'recordedAt'>,
): Event {
  return {
    ...place,
    eventId: event.eventId,
    eventType: event.eventType,
    data: Uint8Array.from(event.data),
    contentType: event.contentType ?? DEFAULT_CONTENT_TYPE,
    metadata: Object.freeze({ ...event.metadata }),
    tags: Object.freeze([...(event.tags ?? [])]),
    schemaVersion: event.schemaVersion ?? 1,
  };
}

function isSame(
  old: Event,
  given: { readonly stream: Event['stream']; readonly event: Identified } | undefined,
): boolean {
  return (
    given !== undefined &&
    old.eventId === given.event.eventId &&
    streamKey(old.stream) === streamKey(given.stream) &&
    old.eventType === given.event.eventType &&
    old.data.byteLength === given.event.data.byteLength &&
    old.data.every((byte, index) => byte === given.event.data[index])
  );
}
