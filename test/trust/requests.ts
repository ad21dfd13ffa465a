import type { StreamAppend } from '../../src/core/append.js';
import type { NewEvent } from '../../src/core/event.js';
import type { ExpectedVersion } from '../../src/core/expected-version.js';
import { type StreamId, streamKey } from '../../src/core/stream.js';
import { systemRuntime } from '../../src/system.js';
import { type RecordedRequest, recordedRequest } from './history.js';
import type { Random } from './random.js';

/** Streams over which all writers quarrel … */
export const HOT_STREAMS = 50;
/** … and streams enough for nobody to meet. */
const COLD_STREAMS = 2000;
/** Contended only until somebody has created them; the number grows with the run. */
const SLOTS_PER_REQUEST = 0.02;
const REMEMBERED = 4000;

export const EVENT_TYPES = ['Opened', 'Changed', 'Moved', 'Closed'];
export const LOTS = 20;

/** What all writers know together. */
export class SharedKnowledge {
  /** The highest version that anybody was told of a stream. */
  readonly versions = new Map<string, number>();
  /** Requests that may be sent once more, whatever became of them. */
  readonly #recent: RecordedRequest[] = [];
  made = 0;

  learn(stream: string, version: number): void {
    if (version > (this.versions.get(stream) ?? 0)) this.versions.set(stream, version);
  }

  versionOf(stream: StreamId): number {
    return this.versions.get(streamKey(stream)) ?? 0;
  }

  remember(request: RecordedRequest): void {
    this.#recent[this.made % REMEMBERED] = request;
    this.made += 1;
  }

  recall(random: Random): RecordedRequest | undefined {
    return this.#recent.length > 0 ? random.of(this.#recent) : undefined;
  }
}

export type RequestKind =
  | 'COMPARE_AND_SET'
  | 'BLIND'
  | 'MANY_STREAMS'
  | 'CREATE'
  | 'CHECK'
  | 'REPEAT'
  | 'MISUSE';

/** Makes the requests of one writer, from chance and from what all writers know. */
export class RequestMaker {
  readonly #random: Random;
  readonly #shared: SharedKnowledge;

  constructor(random: Random, shared: SharedKnowledge) {
    this.#random = random;
    this.#shared = shared;
  }

  next(): { readonly kind: RequestKind; readonly sent: RecordedRequest } {
    const dice = this.#random.next();
    if (dice < 0.14) {
      const recalled = this.#shared.recall(this.#random);
      if (recalled !== undefined && dice < 0.09) return { kind: 'REPEAT', sent: recalled };
      if (recalled !== undefined) return { kind: 'MISUSE', sent: this.#misused(recalled) };
    }
    const kind =
      dice < 0.34
        ? 'COMPARE_AND_SET'
        : dice < 0.8
          ? 'BLIND'
          : dice < 0.9
            ? 'MANY_STREAMS'
            : dice < 0.95
              ? 'CREATE'
              : 'CHECK';
    const sent = recordedRequest({ streams: this.#streams(kind) });
    this.#shared.remember(sent);
    return { kind, sent };
  }

  /** A hot stream, to be read before it is written. */
  hotStream(): StreamId {
    return { aggregateType: 'Counter', aggregateId: `c${this.#random.below(HOT_STREAMS)}` };
  }

  compareAndSet(stream: StreamId, version: number): RecordedRequest {
    const sent = recordedRequest({ streams: [this.#entry(stream, exactly(version), 1)] });
    this.#shared.remember(sent);
    return sent;
  }

  #streams(kind: RequestKind): readonly StreamAppend[] {
    const random = this.#random;
    switch (kind) {
      case 'COMPARE_AND_SET': {
        const stream = this.hotStream();
        return [this.#entry(stream, this.#tracked(stream), 1 + random.below(2))];
      }
      case 'MANY_STREAMS':
        return this.#several(2 + random.below(3));
      case 'CREATE':
        return [this.#entry(this.#slot(), 'NO_STREAM', 1)];
      case 'CHECK':
        return this.#checks();
      default:
        return [this.#entry(this.#coldStream(), 'ANY', this.#batch())];
    }
  }

  #several(count: number): readonly StreamAppend[] {
    const streams = new Map<string, StreamAppend>();
    while (streams.size < count) {
      const dice = this.#random.next();
      const stream = dice < 0.15 ? this.hotStream() : dice < 0.25 ? this.#slot() : this.#coldStream();
      const expected = dice < 0.15 ? this.#tracked(stream) : dice < 0.25 ? 'NO_STREAM' : 'ANY';
      streams.set(streamKey(stream), this.#entry(stream, expected, 1 + this.#random.below(2)));
    }
    return [...streams.values()];
  }

  /** Streams that are only looked at, with or without one that is written. */
  #checks(): readonly StreamAppend[] {
    const hot = this.hotStream();
    const slot = this.#slot();
    const looks = [
      this.#entry(hot, this.#random.chance(0.5) ? this.#tracked(hot) : 'STREAM_EXISTS', 0),
      this.#entry(slot, this.#random.chance(0.5) ? 'NO_STREAM' : 'STREAM_EXISTS', 0),
    ].slice(0, 1 + this.#random.below(2));
    return this.#random.chance(0.7) ? [...looks, this.#entry(this.#coldStream(), 'ANY', 1)] : looks;
  }

  /** The same ids for something else: a part of it, more than it, other data, another type, another order. */
  #misused({ request }: RecordedRequest): RecordedRequest {
    const random = this.#random;
    const index = request.streams.findIndex(({ events }) => events.length > 0);
    const streams = request.streams.map((entry, at): StreamAppend => {
      const [first, ...others] = entry.events;
      if (at !== index || first === undefined) return { ...entry, expectedVersion: 'ANY' };
      const misuses: (readonly NewEvent[])[] = [
        [...entry.events, this.#event()],
        [{ ...first, data: Buffer.from(`not ${random.next()}`) }, ...others],
        [{ ...first, eventType: `${first.eventType}Not` }, ...others],
        ...(others.length > 0 ? [others, [...others, first]] : []),
      ];
      return { ...entry, expectedVersion: 'ANY', events: random.of(misuses) };
    });
    return recordedRequest({ streams });
  }

  #entry(stream: StreamId, expectedVersion: ExpectedVersion, events: number): StreamAppend {
    return { stream, expectedVersion, events: Array.from({ length: events }, () => this.#event()) };
  }

  #event(): NewEvent {
    const random = this.#random;
    return {
      eventId: systemRuntime.newEventId(),
      eventType: random.of(EVENT_TYPES),
      data: Buffer.from(`{"amount":${random.below(1e6)},"note":"${'x'.repeat(random.below(120))}"}`),
      contentType: 'application/json',
      ...(random.chance(0.3) ? { tags: [`lot:${random.below(LOTS)}`] } : {}),
      ...(random.chance(0.1) ? { metadata: { actor: `a${random.below(100)}` } } : {}),
    };
  }

  #tracked(stream: StreamId): ExpectedVersion {
    return exactly(this.#shared.versionOf(stream));
  }

  #coldStream(): StreamId {
    return { aggregateType: 'Item', aggregateId: `i${this.#random.below(COLD_STREAMS)}` };
  }

  #slot(): StreamId {
    const slots = 20 + Math.floor(this.#shared.made * SLOTS_PER_REQUEST);
    return { aggregateType: 'Slot', aggregateId: `s${Math.max(0, slots - 1 - this.#random.below(40))}` };
  }

  #batch(): number {
    const dice = this.#random.next();
    if (dice < 0.85) return 1;
    return dice < 0.97 ? 2 + this.#random.below(4) : 6 + this.#random.below(15);
  }
}

function exactly(version: number): ExpectedVersion {
  return version === 0 ? 'NO_STREAM' : BigInt(version);
}
