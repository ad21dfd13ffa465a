import type { ServerWritableStream } from '@grpc/grpc-js';
import type { SubscribeRequest as WireSubscribeRequest } from '../../gen/headwater/v1/event_store_service_pb.js';
import type { Event } from '../../src/core/event.js';
import type { SubscribeRequest } from '../../src/core/subscribe.js';
import { encodeSubscriptionMessage } from '../../src/wire/encode-page.js';
import { fromWireSubscribeRequest } from '../../src/wire/subscribe.js';
import type { FloorRow } from './floor-rows.js';

/** As long as that of the bench's prefixes: the account without its last digit. */
const withoutLast = (aggregateId: string) => aggregateId.slice(0, -1);
/** Each is told once a second how far the log goes, a few at a time. */
const TELL_MS = 20;
const TELL_PART = TELL_MS / 1000;

type Call = ServerWritableStream<WireSubscribeRequest, Buffer>;

/**
 * Subscriptions of one log that get the messages that ours would: what a group has for a call in one message, and what several
 * get encoded once. It knows just the filters of the bench, has no place to go on from, and waits for nobody who is slow.
 */
export class ComposedSubscriptions {
  readonly #everything = new Set<Call>();
  readonly #byKey = new Map<string, Set<Call>>();
  /** Each, and up to where it was told. */
  readonly #calls: { readonly call: Call; readonly told: bigint }[] = [];
  readonly #telling = setInterval(() => this.#tell(), TELL_MS);
  #position = 0n;

  add(call: Call): void {
    const key = keyOf(fromWireSubscribeRequest(call.request));
    const same = key === undefined ? this.#everything : (this.#byKey.get(key) ?? new Set());
    same.add(call);
    if (key !== undefined) this.#byKey.set(key, same);
    this.#calls.push({ call, told: this.#position });
    call.on('cancelled', () => same.delete(call));
    call.write(this.#message([], { kind: 'CAUGHT_UP' }));
  }

  publish(rows: readonly FloorRow[]): void {
    if (this.#calls.length === 0) return;
    const found = new Map<Call, Event[]>();
    const events = rows.map(eventOf);
    for (const event of events)
      for (const key of keysOf(event))
        for (const call of this.#byKey.get(key) ?? []) {
          const mine = found.get(call);
          if (mine === undefined) found.set(call, [event]);
          else mine.push(event);
        }
    this.#position = events.at(-1)?.position ?? this.#position;
    if (this.#everything.size > 0) {
      const message = this.#message(events);
      for (const call of this.#everything) call.write(message);
    }
    for (const [call, mine] of found) call.write(this.#message(mine));
  }

  stop(): void {
    clearInterval(this.#telling);
  }

  /** Who has been told all is left in peace, as by ours. */
  #tell(): void {
    const message = this.#message([]);
    for (const { call, told } of this.#calls.splice(0, Math.ceil(this.#calls.length * TELL_PART))) {
      if (call.cancelled) continue;
      if (this.#position > told) call.write(message);
      this.#calls.push({ call, told: this.#position });
    }
  }

  #message(events: readonly Event[], signal?: { readonly kind: 'CAUGHT_UP' }): Buffer {
    const scanned = { scannedAfter: this.#position, scannedTo: this.#position, epoch: 1n };
    return encodeSubscriptionMessage({ events, ...scanned, ...(signal ? { signal } : {}) });
  }
}

/** What is looked up for an event; undefined of who follows all. */
function keyOf({ scope, filters = [] }: SubscribeRequest): string | undefined {
  const [filter] = filters;
  if (scope?.kind === 'STREAM') return `stream ${scope.stream.aggregateId}`;
  if (scope?.kind === 'AGGREGATE_TYPES') return `type ${scope.aggregateTypes[0]}`;
  if (filter?.tags?.[0] !== undefined) return `tag ${filter.tags[0]}`;
  const prefix = filter?.streams?.[0]?.aggregateIdPrefix;
  return prefix === undefined ? undefined : `prefix ${prefix} ${filter?.eventTypes?.[0]}`;
}

function keysOf({ eventType, stream: { aggregateId, aggregateType }, tags }: Event): readonly string[] {
  return [
    `stream ${aggregateId}`,
    `type ${aggregateType}`,
    `prefix ${withoutLast(aggregateId)} ${eventType}`,
    ...tags.map((tag) => `tag ${tag}`),
  ];
}

function eventOf({ eventId, payload, position, stream, tags = [], version }: FloorRow): Event {
  const { contentType, data, eventType, metadata } = payload;
  return {
    eventId,
    stream,
    version: BigInt(version),
    position: BigInt(position),
    eventType,
    data,
    contentType,
    metadata,
    tags,
    schemaVersion: 1,
    recordedAt: BigInt(Date.now()) * 1000n,
  };
}
