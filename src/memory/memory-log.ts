import type { AppendRequest, Appended, Refused } from '../core/append.js';
import { EventIdReusedError, StreamNotFoundError } from '../core/errors.js';
import type { Event, Microseconds, NewEvent } from '../core/event.js';
import { expectedVersionHolds } from '../core/expected-version.js';
import type { Scope } from '../core/filter.js';
import { type LoadPage, type LoadRequest, withLoadDefaults } from '../core/load.js';
import type { Epoch, Log, LogHead, Selection } from '../core/log.js';
import { matcher, positionBounds } from '../core/matcher.js';
import type { Runtime } from '../core/runtime.js';
import { type StreamId, streamKey, type StreamVersion } from '../core/stream.js';
import { keptEvent } from './copy-event.js';
import { pages, partitionPoint } from './pages.js';

/** A log that lives as long as its process has one life. */
const EPOCH = 1n;

/**
 * The log in memory. Requests must be valid already; events that are read are the log's own, to be copied before they
 * leave the store.
 */
export class MemoryLog implements Log {
  readonly #runtime: Runtime;
  /** The event at position p stands at p - 1. */
  readonly #events: Event[] = [];
  readonly #streams = new Map<string, Event[]>();
  readonly #byId = new Map<string, { readonly event: Event; readonly appended: Appended }>();
  readonly #listeners = new Set<() => void>();

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** Decides and writes at once, before it returns. Throws `EventIdReusedError`. */
  append(request: AppendRequest): Appended | Refused {
    const arrivals = request.streams.flatMap(({ stream, events }) =>
      events.map((event) => ({ stream, event, eventId: event.eventId?.toLowerCase() })),
    );
    const earlier = this.#earlier(arrivals);
    if (earlier !== undefined) return { ...earlier, deduplicated: true };
    const conflicts = request.streams
      .map(({ stream, expectedVersion }) => ({
        stream: { ...stream },
        expected: expectedVersion,
        actual: this.#version(stream),
      }))
      .filter(({ expected, actual }) => !expectedVersionHolds(expected, actual));
    if (conflicts.length > 0) return { outcome: 'REFUSED', conflicts };
    return this.#write(arrivals);
  }

  head(signal?: AbortSignal): Promise<LogHead> {
    return answer(signal, () => ({ position: this.#head, epoch: EPOCH }));
  }

  epochs(signal?: AbortSignal): Promise<readonly Epoch[]> {
    return answer(signal, () => [{ epoch: EPOCH, startedAfterPosition: 0n }]);
  }

  positionBefore(time: Microseconds, signal?: AbortSignal): Promise<bigint> {
    return answer(signal, () => BigInt(partitionPoint(this.#events, ({ recordedAt }) => recordedAt < time)));
  }

  async *scan(
    selection: Selection,
    after: bigint,
    signal?: AbortSignal,
  ): AsyncGenerator<LoadPage, void, undefined> {
    const { scope, filters } = selection;
    const to = after > this.#head ? after : this.#head;
    yield* this.#pages({ scope, filters, direction: 'FORWARDS', after, to, limit: undefined }, signal);
  }

  /**
   * See `EventStore.load`. Where the filters bound positions, the range that is scanned is no wider than these, and never
   * goes beyond the head.
   */
  async *load(request: LoadRequest, signal?: AbortSignal): AsyncGenerator<LoadPage, void, undefined> {
    const { scope, filters, direction, limit } = withLoadDefaults(request);
    signal?.throwIfAborted();
    if (scope.kind === 'STREAM' && this.#version(scope.stream) === 0n)
      throw new StreamNotFoundError(scope.stream);
    const bounds = positionBounds(filters);
    const to = bounds.last !== undefined && bounds.last < this.#head ? bounds.last : this.#head;
    const after = bounds.first - 1n < to ? bounds.first - 1n : to;
    yield* this.#pages({ scope, filters, direction, after, to, limit }, signal);
  }

  onAdvance(listener: () => void): () => void {
    // So that a listener that is given twice is called twice, and stopped one by one.
    const own = () => listener();
    this.#listeners.add(own);
    return () => {
      this.#listeners.delete(own);
    };
  }

  get #head(): bigint {
    return BigInt(this.#events.length);
  }

  #version(stream: StreamId): bigint {
    return BigInt(this.#streams.get(streamKey(stream))?.length ?? 0);
  }

  /** The answer of the append that this one repeats, if one of its ids is known. */
  #earlier(arrivals: readonly Arrival[]): Appended | undefined {
    for (const { eventId } of arrivals) {
      const known = eventId === undefined ? undefined : this.#byId.get(eventId);
      if (known === undefined) continue;
      const { appended, event } = known;
      const isSame =
        appended.eventIds.length === arrivals.length &&
        arrivals.every(
          (arrival, index) =>
            arrival.eventId !== undefined &&
            arrival.eventId === appended.eventIds[index] &&
            isRepeat(arrival, this.#byId.get(arrival.eventId)?.event),
        );
      if (!isSame) throw new EventIdReusedError(event.eventId, event.position);
      return appended;
    }
    return undefined;
  }

  #write(arrivals: readonly Arrival[]): Appended {
    const firstIndex = this.#events.length;
    const now = this.#runtime.now();
    const last = this.#events.at(-1)?.recordedAt ?? now;
    const recordedAt = now > last ? now : last;
    const written = arrivals.map(({ stream, event, eventId }, index) => {
      const key = streamKey(stream);
      const before = this.#streams.get(key) ?? [];
      this.#streams.set(key, before);
      const kept = keptEvent(event, {
        eventId: eventId ?? this.#runtime.newEventId(),
        stream: before[0]?.stream ?? Object.freeze({ ...stream }),
        version: BigInt(before.length + 1),
        position: BigInt(firstIndex + index + 1),
        recordedAt,
      });
      before.push(kept);
      this.#events.push(kept);
      return kept;
    });
    const appended = appendedOf(written);
    for (const event of written) this.#byId.set(event.eventId, { event, appended });
    if (written.length > 0) for (const listener of this.#listeners) listener();
    return appended;
  }

  async *#pages(
    request: Selection & PageRange,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<LoadPage, void, undefined> {
    const { scope, filters, ...range } = request;
    const matches = matcher(scope, filters);
    signal?.throwIfAborted();
    for (const page of pages({ ...range, events: this.#candidates(scope), matches, epoch: EPOCH })) {
      yield page;
      signal?.throwIfAborted();
    }
  }

  /** One stream has a list of its own, so that loading an aggregate does not look through the whole log. */
  #candidates(scope: Scope): readonly Event[] {
    return scope.kind === 'STREAM' ? (this.#streams.get(streamKey(scope.stream)) ?? []) : this.#events;
  }
}

interface PageRange {
  readonly direction: 'FORWARDS' | 'BACKWARDS';
  readonly after: bigint;
  readonly to: bigint;
  readonly limit: bigint | undefined;
}

/** An event of a request, and where it is to go. */
interface Arrival {
  readonly stream: StreamId;
  readonly event: NewEvent;
  /** In lower case. */
  readonly eventId: string | undefined;
}

/** Metadata is not compared: a retry may carry another trace. */
function isRepeat({ stream, event }: Arrival, kept: Event | undefined): boolean {
  return (
    kept !== undefined &&
    streamKey(stream) === streamKey(kept.stream) &&
    event.eventType === kept.eventType &&
    event.data.byteLength === kept.data.byteLength &&
    event.data.every((byte, index) => byte === kept.data[index])
  );
}

function appendedOf(written: readonly Event[]): Appended {
  const versions = new Map<string, StreamVersion>();
  for (const { stream, version } of written)
    versions.set(streamKey(stream), Object.freeze({ stream, version }));
  return Object.freeze({
    outcome: 'APPENDED',
    firstPosition: written.at(0)?.position ?? 0n,
    lastPosition: written.at(-1)?.position ?? 0n,
    versions: Object.freeze([...versions.values()]),
    eventIds: Object.freeze(written.map(({ eventId }) => eventId)),
    recordedAt: written.at(0)?.recordedAt,
    epoch: EPOCH,
    deduplicated: false,
  });
}

async function answer<T>(signal: AbortSignal | undefined, give: () => T): Promise<T> {
  signal?.throwIfAborted();
  return give();
}
