import type { Event } from './event.js';
import { type EventFields, noFields, type PackedEvents } from './packed-events.js';
import type { StreamId } from './stream.js';
import { UUID_LENGTH, writeUuid } from './uuid-text.js';

const NO_METADATA: Readonly<Record<string, string>> = Object.freeze({});
const NO_TAGS: readonly string[] = Object.freeze([]);
const NOTHING = Buffer.alloc(0);
const TWO_32 = 2 ** 32;
const uuidText = Buffer.alloc(UUID_LENGTH);

/** The events as objects, each with data of its own. */
export function unpackEvents(packed: PackedEvents): readonly Event[] {
  const view = new EventView(packed);
  return Array.from({ length: packed.count }, (_, index) => view.at(index).unpack());
}

/**
 * One packed event after the other, to be looked at: of what is asked for, and of nothing else, a value is made. So most events
 * that come to live subscriptions, which are for nobody, cost a few strings and not a dozen objects.
 *
 * It is the same object for all of them, so whoever wants to keep one asks for {@link unpack}.
 */
export class EventView implements Omit<Event, 'erased'> {
  readonly #packed: PackedEvents;
  readonly #fields: EventFields = noFields();
  readonly #aggregateType = new RepeatedText();
  readonly #aggregateId = new RepeatedText();
  readonly #eventType = new RepeatedText();
  readonly #contentType = new RepeatedText();
  #stream: StreamId | undefined;
  #tags: readonly string[] | undefined;
  #metadata: Readonly<Record<string, string>> | undefined;

  constructor(packed: PackedEvents) {
    this.#packed = packed;
  }

  /** Turns to another event; `index` from 0. */
  at(index: number): this {
    this.#packed.read(index, this.#fields);
    this.#stream = undefined;
    this.#tags = undefined;
    this.#metadata = undefined;
    return this;
  }

  get eventId(): string {
    writeUuid(this.#fields.bytes, this.#fields.eventId, uuidText, 0);
    return uuidText.toString('latin1');
  }

  get stream(): StreamId {
    const { bytes, aggregateId, aggregateIdEnd, aggregateType, aggregateTypeEnd } = this.#fields;
    return (this.#stream ??= {
      aggregateType: this.#aggregateType.at(bytes, aggregateType, aggregateTypeEnd),
      aggregateId: this.#aggregateId.at(bytes, aggregateId, aggregateIdEnd),
    });
  }

  get version(): bigint {
    return bigintOf(this.#fields.versionHigh, this.#fields.versionLow);
  }

  get position(): bigint {
    return bigintOf(this.#fields.positionHigh, this.#fields.positionLow);
  }

  get eventType(): string {
    const { bytes, eventType, eventTypeEnd } = this.#fields;
    return this.#eventType.at(bytes, eventType, eventTypeEnd);
  }

  /** A copy. */
  get data(): Buffer {
    const { bytes, data, dataEnd } = this.#fields;
    return Buffer.from(bytes.subarray(data, dataEnd));
  }

  get contentType(): string {
    const { bytes, contentType, contentTypeEnd } = this.#fields;
    return this.#contentType.at(bytes, contentType, contentTypeEnd);
  }

  get metadata(): Readonly<Record<string, string>> {
    const { bytes, metadata, metadataEnd } = this.#fields;
    // Most often "{}", or nothing at all.
    return (this.#metadata ??=
      metadataEnd - metadata <= 2
        ? NO_METADATA
        : (JSON.parse(bytes.toString('utf8', metadata, metadataEnd)) as Record<string, string>));
  }

  get tags(): readonly string[] {
    const { bytes, tags } = this.#fields;
    if (tags.length === 0) return NO_TAGS;
    if (this.#tags === undefined) {
      const texts: string[] = [];
      for (let index = 0; index < tags.length; index += 2)
        texts.push(bytes.toString('utf8', tags[index] ?? 0, tags[index + 1] ?? 0));
      this.#tags = texts;
    }
    return this.#tags;
  }

  get schemaVersion(): number {
    return this.#fields.schemaVersion;
  }

  get recordedAt(): bigint {
    return BigInt(this.#fields.recordedSeconds) * 1_000_000n + BigInt(this.#fields.recordedMicros);
  }

  /** The event itself. */
  unpack(): Event {
    const event: Event = {
      eventId: this.eventId,
      stream: this.stream,
      version: this.version,
      position: this.position,
      eventType: this.eventType,
      data: this.data,
      contentType: this.contentType,
      metadata: this.metadata,
      tags: this.tags,
      schemaVersion: this.schemaVersion,
      recordedAt: this.recordedAt,
    };
    return this.#fields.erased ? { ...event, erased: true } : event;
  }
}

/** Texts of a column that are the same in many rows one after the other: made once, and one string for all. */
class RepeatedText {
  #bytes: Uint8Array = NOTHING;
  #from = 0;
  #to = 0;
  #text = '';

  at(bytes: Buffer, from: number, to: number): string {
    if (!this.#isSame(bytes, from, to)) {
      this.#text = bytes.toString('utf8', from, to);
      this.#bytes = bytes;
      this.#from = from;
      this.#to = to;
    }
    return this.#text;
  }

  #isSame(bytes: Uint8Array, from: number, to: number): boolean {
    const last = this.#bytes;
    const before = this.#from;
    const length = to - from;
    if (this.#to - before !== length) return false;
    for (let index = 0; index < length; index++)
      if (bytes[from + index] !== last[before + index]) return false;
    return true;
  }
}

function bigintOf(high: number, low: number): bigint {
  const number = high * TWO_32 + low;
  return Number.isSafeInteger(number) ? BigInt(number) : (BigInt(high) << 32n) | BigInt(low);
}
