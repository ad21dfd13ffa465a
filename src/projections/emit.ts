import type { AppendRequest } from '../core/append.js';
import { causedBy } from '../core/caused-by.js';
import { StreamDeletedError, StreamNotFoundError, WrongExpectedVersionError } from '../core/errors.js';
import type { Event, NewEvent } from '../core/event.js';
import type { EventStore } from '../core/event-store.js';
import type { ExpectedVersion } from '../core/expected-version.js';
import { DEFAULT_LIMITS, LIST_PAGE } from '../core/limits.js';
import { streamKey, type StreamId } from '../core/stream.js';
import { derivedId } from './derived-id.js';
import { linkTo } from './links.js';

/** The aggregate type of the streams in which it is recorded that the streams of a projection were deleted. */
export const EMISSION_AGGREGATE_TYPE = 'HeadwaterEmission';
/** Streams that are deleted side by side. */
const DELETED_AT_ONCE = 16;

/** What a handler may emit; all of an event's effects are appended together when its handler is done. */
export interface EmitContext {
  /** An event of its own. Its id is derived, whatever it says, and its metadata tells of the cause. */
  readonly emit: (stream: StreamId, event: NewEvent) => void;
  /** An event that points at the other; `resolveLinks` gives what it points at. */
  readonly linkTo: (stream: StreamId, event: Event) => void;
}

export interface EmitterOptions {
  readonly store: Pick<EventStore, 'append' | 'listStreams' | 'deleteStream' | 'getStream'>;
  /** Whose events they are. */
  readonly projection: string;
  /**
   * The aggregate types of its own, to which nobody else appends: what it may emit to, and what is deleted with
   * `deleteEmitted`.
   */
  readonly emits: readonly string[];
  /**
   * It may also append to streams of other types, which are never deleted with it.
   * @default false
   */
  readonly elsewhere?: boolean;
}

/**
 * Writes what the handlers of a projection emit, before its position is kept. Ids are derived from the projection, the event
 * and the place among its effects, so that what was emitted before a crash is known for a repeat afterwards: by whatever
 * runner, and by whatever generation, since a rebuilt one that emits the same adds nothing. One that emits other events for
 * an event that was answered already fails with `EventIdReusedError`.
 *
 * Which streams it emitted to is not remembered; they are those of the types that are its own. That they were deleted is an
 * event in a stream of its own, whose version goes into the ids from then on, so that what is emitted again is new.
 */
export class Emitter {
  readonly #options: EmitterOptions;
  readonly #own: ReadonlySet<string>;
  #emission: bigint;

  private constructor(options: EmitterOptions, emission: bigint) {
    this.#options = options;
    this.#own = new Set(options.emits);
    this.#emission = emission;
  }

  /** Fails as `getStream` does. */
  static async open(options: EmitterOptions, signal: AbortSignal): Promise<Emitter> {
    return new Emitter(options, await emissionOf(options, signal));
  }

  /** Whether the event is in a stream of its own: not to be handled, or it would answer itself for ever. */
  isOwn(event: Event): boolean {
    return this.#own.has(event.stream.aggregateType);
  }

  /** Gathers the effects of an event. */
  of(cause: Event): Emission {
    return new Emission(cause, (stream) => this.#mayEmitTo(stream));
  }

  /** Appends what was gathered, once; fails as `append` does. May be called again. */
  async append(emission: Emission, signal: AbortSignal): Promise<void> {
    const { cause, effects } = emission;
    const inherited = causedBy(cause);
    const identified = effects.map(({ stream, event }, index) => ({
      stream,
      event: {
        ...event,
        eventId: this.idOf(cause, String(index)),
        metadata: { ...event.metadata, ...inherited },
      },
    }));
    await this.write(identified, signal);
  }

  /** Appends events that have their ids, together; streams of its own that were deleted are created anew. */
  async write(effects: readonly Effect[], signal: AbortSignal): Promise<void> {
    if (effects.length === 0) return;
    const expected = new Map<string, ExpectedVersion>();
    // Each round settles one stream, and others may come in between only by deleting or creating it at the same time.
    for (let rounds = effects.length + 10; ; rounds--) {
      try {
        await this.#options.store.append(requestOf(effects, expected), { signal });
        return;
      } catch (error) {
        if (rounds === 0) throw error;
        if (error instanceof StreamDeletedError && this.#own.has(error.stream.aggregateType))
          expected.set(streamKey(error.stream), 'NO_STREAM');
        else if (error instanceof WrongExpectedVersionError)
          for (const { stream } of error.conflicts) expected.delete(streamKey(stream));
        else throw error;
      }
    }
  }

  /** The id of an effect that is not appended now. */
  idOf(cause: Event, ...facts: readonly string[]): string {
    return derivedId(cause, [this.#options.projection, String(this.#emission), ...facts]);
  }

  /** Deletes all streams of its own types, so that what is emitted afterwards is new. Goes on where a crash ended it. */
  async deleteEmitted(signal: AbortSignal): Promise<void> {
    const { store, emits, projection } = this.#options;
    if (emits.length === 0) return;
    const data = new TextEncoder().encode(JSON.stringify({ aggregate_types: emits }));
    const event = { eventType: 'EmittedStreamsDeleted', contentType: 'application/json', data };
    const stream = emissionStream(projection);
    // Begun twice, it counts twice, which does no harm: ids only have to be other ones.
    await store.append({ streams: [{ stream, expectedVersion: 'ANY', events: [event] }] }, { signal });
    this.#emission = await emissionOf(this.#options, signal);
    for (const aggregateType of emits) await this.#deleteAll(aggregateType, signal);
  }

  async #deleteAll(aggregateType: string, signal: AbortSignal): Promise<void> {
    const { store, projection } = this.#options;
    let pageToken: string | undefined;
    do {
      const page = await store.listStreams(
        { aggregateType, pageSize: LIST_PAGE, ...(pageToken === undefined ? {} : { pageToken }) },
        { signal },
      );
      for (let first = 0; first < page.streams.length; first += DELETED_AT_ONCE)
        await Promise.all(
          page.streams.slice(first, first + DELETED_AT_ONCE).map(async ({ stream }) => {
            const metadata = { deleted_with: projection };
            try {
              await store.deleteStream({ stream, expectedVersion: 'ANY', metadata }, { signal });
            } catch (error) {
              if (!(error instanceof StreamDeletedError)) throw error;
            }
          }),
        );
      pageToken = page.nextPageToken;
    } while (pageToken !== undefined);
  }

  #mayEmitTo({ aggregateType }: StreamId): void {
    const { elsewhere = false, emits, projection } = this.#options;
    if (!elsewhere && !this.#own.has(aggregateType))
      throw new TypeError(
        `${projection} emits to a stream of type ${JSON.stringify(aggregateType)}, which is not among those that it ` +
          `says it emits to: ${JSON.stringify(emits)}`,
      );
  }
}

/** An event that is to be written. */
export interface Effect {
  readonly stream: StreamId;
  readonly event: NewEvent;
}

/** The effects of one event, in order. */
export class Emission implements EmitContext {
  readonly cause: Event;
  readonly effects: Effect[] = [];
  readonly #check: (stream: StreamId) => void;

  constructor(cause: Event, check: (stream: StreamId) => void) {
    this.cause = cause;
    this.#check = check;
  }

  get size(): number {
    return this.effects.length;
  }

  emit(stream: StreamId, event: NewEvent): void {
    this.#check(stream);
    if (this.size >= DEFAULT_LIMITS.appendEvents)
      throw new RangeError(
        `The event at position ${this.cause.position} has more than ${DEFAULT_LIMITS.appendEvents} effects, which go ` +
          'into one append',
      );
    this.effects.push({ stream, event });
  }

  linkTo(stream: StreamId, event: Event): void {
    this.emit(stream, linkTo(event));
  }
}

function requestOf(
  effects: readonly Effect[],
  expected: ReadonlyMap<string, ExpectedVersion>,
): AppendRequest & { readonly onConflict?: 'THROW' } {
  const streams = new Map<
    string,
    { stream: StreamId; expectedVersion: ExpectedVersion; events: NewEvent[] }
  >();
  for (const { stream, event } of effects) {
    const key = streamKey(stream);
    const entry = streams.get(key) ?? { stream, expectedVersion: expected.get(key) ?? 'ANY', events: [] };
    entry.events.push(event);
    streams.set(key, entry);
  }
  return { streams: [...streams.values()] };
}

function emissionStream(projection: string): StreamId {
  return { aggregateType: EMISSION_AGGREGATE_TYPE, aggregateId: projection };
}

async function emissionOf(
  { store, projection, emits }: EmitterOptions,
  signal: AbortSignal,
): Promise<bigint> {
  if (emits.length === 0) return 0n;
  try {
    return (await store.getStream(emissionStream(projection), { signal })).version;
  } catch (error) {
    if (error instanceof StreamNotFoundError) return 0n;
    throw error;
  }
}
