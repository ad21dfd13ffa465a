import type { AppendOutcome, AppendRequest, VersionConflict } from '../core/append.js';
import { EventIdReusedError, StreamNotFoundError } from '../core/errors.js';
import { DEFAULT_CONTENT_TYPE, type Event, type Microseconds, type NewEvent } from '../core/event.js';
import { expectedVersionHolds } from '../core/expected-version.js';
import { type LoadPage, type LoadRequest, withLoadDefaults } from '../core/load.js';
import type { Epoch, Log, LogHead, Selection } from '../core/log.js';
import { matcher, positionBounds } from '../core/matcher.js';
import type { Runtime } from '../core/runtime.js';
import { type StreamVersion, streamKey } from '../core/stream.js';
import { pages } from './pages.js';

const EPOCH = 1n;

/** An event, and whether it is the last of its append. */
interface Entry {
  readonly event: Event;
  readonly endsAppend: boolean;
}

/** A log in memory: what the Postgres store does, without I/O. Grows for as long as it is kept. */
export class MemoryLog implements Log {
  readonly #runtime: Runtime;
  /** The event at position p is at index p - 1. */
  readonly #entries: Entry[] = [];
  readonly #versions = new Map<string, bigint>();
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
      const actual = this.#versions.get(streamKey(stream)) ?? 0n;
      if (!expectedVersionHolds(expectedVersion, actual))
        conflicts.push({ stream: { ...stream }, expected: expectedVersion, actual });
    }
    if (conflicts.length > 0) return { outcome: 'REFUSED', conflicts };
    return this.#write(streams);
  }

  head(signal?: AbortSignal): Promise<LogHead> {
    signal?.throwIfAborted();
    return Promise.resolve({ position: BigInt(this.#entries.length), epoch: EPOCH });
  }

  epochs(): Promise<readonly Epoch[]> {
    return Promise.resolve([{ epoch: EPOCH, startedAfterPosition: 0n }]);
  }

  positionBefore(time: Microseconds): Promise<bigint> {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#entries[middle - 1]?.event.recordedAt ?? 0n) < time) low = middle;
      else high = middle - 1;
    }
    return Promise.resolve(BigInt(low));
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
    yield* pages((position) => this.#eventAt(position), range, matches, signal);
  }

  async *load(request: LoadRequest, signal?: AbortSignal): AsyncGenerator<LoadPage, void, undefined> {
    const { scope, filters, direction, limit } = withLoadDefaults(request);
    const head = await this.head(signal);
    if (scope.kind === 'STREAM' && !this.#versions.has(streamKey(scope.stream)))
      throw new StreamNotFoundError(scope.stream);
    const bounds = positionBounds(filters);
    const to = bounds.last !== undefined && bounds.last < head.position ? bounds.last : head.position;
    const after = bounds.first - 1n < to ? bounds.first - 1n : to;
    const range = { after, to, direction, limit, epoch: EPOCH };
    yield* pages((position) => this.#eventAt(position), range, matcher(scope, filters), signal);
  }

  onAdvance(listener: () => void): () => void {
    const entry = () => listener();
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  #eventAt(position: bigint): Event | undefined {
    return this.#entries[Number(position) - 1]?.event;
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
    const stored = this.#entries.slice(first - 1, first - 1 + events.length);
    const same =
      stored.length === events.length &&
      (first === 1 || this.#entries[first - 2]?.endsAppend === true) &&
      stored.every(
        ({ event: old, endsAppend }, index) =>
          endsAppend === (index === events.length - 1) && isSame(old, events[index]),
      );
    if (!same) throw reused();
    const versions = new Map<string, StreamVersion>();
    for (const { event } of stored)
      versions.set(streamKey(event.stream), { stream: event.stream, version: event.version });
    return {
      outcome: 'APPENDED',
      firstPosition: BigInt(first),
      lastPosition: BigInt(first + events.length - 1),
      versions: [...versions.values()],
      eventIds: stored.map(({ event }) => event.eventId),
      recordedAt: stored[0]?.event.recordedAt,
      epoch: EPOCH,
      deduplicated: true,
    };
  }

  #write(streams: readonly Prepared[]): AppendOutcome {
    const before = this.#entries.length;
    const last = this.#entries.at(-1)?.event.recordedAt ?? 0n;
    const now = this.#runtime.now();
    const recordedAt = now > last ? now : last;
    const total = streams.reduce((sum, { events }) => sum + events.length, 0);
    const versions: StreamVersion[] = [];
    for (const { stream: given, events } of streams) {
      if (events.length === 0) continue;
      const stream = Object.freeze({ aggregateType: given.aggregateType, aggregateId: given.aggregateId });
      const key = streamKey(stream);
      let version = this.#versions.get(key) ?? 0n;
      for (const event of events) {
        version += 1n;
        const position = this.#entries.length + 1;
        this.#byId.set(event.eventId, position);
        this.#entries.push({
          event: stored(event, { stream, version, position: BigInt(position), recordedAt }),
          endsAppend: position === before + total,
        });
      }
      this.#versions.set(key, version);
      versions.push({ stream, version });
    }
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
