import { createHash, randomInt } from 'node:crypto';
import type { AppendRequest } from '../src/core/append.js';
import type { NewEvent } from '../src/core/event.js';
import type { ExpectedVersion } from '../src/core/expected-version.js';
import type { StreamId } from '../src/core/stream.js';
import { systemRuntime } from '../src/system.js';

const DATA_BYTES = 200;
/** Many small streams, as most event-sourced systems have them. */
const STREAM_EVENTS = 10;

/** What an event carries, made once: neither side is to pay for making it up. */
export interface Payload {
  readonly eventType: string;
  readonly data: Buffer;
  readonly hash: Buffer;
  readonly contentType: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export const PAYLOADS: readonly Payload[] = Array.from({ length: 64 }, (_, index) => {
  const facts = { amount: randomInt(1_000_000), currency: 'EUR', by: `teller-${index}`, note: '' };
  const note = 'a'.repeat(DATA_BYTES - JSON.stringify(facts).length);
  const data = Buffer.from(JSON.stringify({ ...facts, note }));
  return {
    eventType: index % 3 === 0 ? 'MoneyWithdrawn' : 'MoneyDeposited',
    data,
    hash: createHash('sha256').update(data).digest(),
    contentType: 'application/json',
    metadata: { correlation_id: systemRuntime.newEventId(), actor: `user-${index}` },
  };
});
let next = 0;

export function nextPayload(): Payload {
  next = (next + 1) % PAYLOADS.length;
  const payload = PAYLOADS[next];
  if (payload === undefined) throw new Error('There is no payload');
  return payload;
}

/** One appender's way from stream to stream, with exact expected versions. */
export class StreamWalk {
  #stream: StreamId = newStream();
  #version = 0;

  /** The stream that so many events go to, and the version before them. */
  step(events = 1): { readonly stream: StreamId; readonly version: number } {
    if (this.#version > 0 && this.#version + events > STREAM_EVENTS) {
      this.#stream = newStream();
      this.#version = 0;
    }
    const version = this.#version;
    this.#version += events;
    return { stream: this.#stream, version };
  }

  request(events = 1, tags?: readonly string[]): AppendRequest {
    const { stream, version } = this.step(events);
    return appendTo(stream, version === 0 ? 'NO_STREAM' : BigInt(version), events, tags);
  }
}

/** An append of so many events, with ids. */
export function appendTo(
  stream: StreamId,
  expectedVersion: ExpectedVersion,
  events = 1,
  tags?: readonly string[],
): AppendRequest {
  const newEvents = Array.from({ length: events }, newEvent);
  return {
    streams: [
      { stream, expectedVersion, events: tags ? newEvents.map((event) => ({ ...event, tags })) : newEvents },
    ],
  };
}

/** A tag that no event has yet. */
export function newTag(kind: string): string {
  return `${kind}:${systemRuntime.newEventId()}`;
}

export function walks(count: number): readonly StreamWalk[] {
  return Array.from({ length: count }, () => new StreamWalk());
}

export function newStream(): StreamId {
  return { aggregateType: 'Account', aggregateId: systemRuntime.newEventId() };
}

function newEvent(): NewEvent {
  const { eventType, data, contentType, metadata } = nextPayload();
  return { eventId: systemRuntime.newEventId(), eventType, data, contentType, metadata };
}
