import type { Appended, AppendRequest, StreamAppend } from '../core/append.js';
import type { Event, NewEvent } from '../core/event.js';
import type { ExpectedVersion } from '../core/expected-version.js';
import { eventsOf, type LoadPage, type LoadRequest } from '../core/load.js';
import type { EventStore } from '../core/event-store.js';
import type { StreamId } from '../core/stream.js';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** An event of a test: of type `Happened` with JSON data, unless told otherwise. */
export function newEvent(fields: Partial<NewEvent> & { readonly json?: unknown } = {}): NewEvent {
  const { json, ...rest } = fields;
  return {
    eventType: 'Happened',
    data: encoder.encode(JSON.stringify(json ?? {})),
    contentType: 'application/json',
    ...rest,
  };
}

/** A stream of a test: of the aggregate type `Thing`, unless told otherwise. */
export function thing(aggregateId: string, aggregateType = 'Thing'): StreamId {
  return { aggregateType, aggregateId };
}

/** What an append does to one stream. */
export function to(
  stream: StreamId,
  expectedVersion: ExpectedVersion,
  ...events: readonly NewEvent[]
): StreamAppend {
  return { stream, expectedVersion, events };
}

/** An append of events to one stream, whatever its version. */
export function appendTo(
  stream: StreamId,
  ...events: readonly NewEvent[]
): AppendRequest & { onConflict?: 'THROW' } {
  return { streams: [to(stream, 'ANY', ...events)] };
}

/** Appends so many events to a stream in one go, with the data 1, 2, 3 …. */
export async function fill(store: EventStore, stream: StreamId, count: number): Promise<Appended> {
  return store.append(
    appendTo(stream, ...Array.from({ length: count }, (_, index) => newEvent({ json: index + 1 }))),
  );
}

/** The versions that a read of the stream shows. */
export async function shown(
  store: EventStore,
  stream: StreamId,
  request: LoadRequest = {},
): Promise<readonly number[]> {
  const events = await loaded(store, { ...request, scope: { kind: 'STREAM', stream } });
  return events.map(({ version }) => Number(version));
}

/** The data of an event as JSON. */
export function jsonOf(event: Event): unknown {
  return JSON.parse(decoder.decode(event.data));
}

/** All events of a load. */
export async function loaded(store: EventStore, request: LoadRequest = {}): Promise<readonly Event[]> {
  const events: Event[] = [];
  for await (const event of eventsOf(store.load(request))) events.push(event);
  return events;
}

/** All pages of a load. */
export async function loadedPages(
  store: EventStore,
  request: LoadRequest = {},
): Promise<readonly LoadPage[]> {
  const pages: LoadPage[] = [];
  for await (const page of store.load(request)) pages.push(page);
  return pages;
}

/** A UUID that is the same in every run. */
export function eventId(number: number): string {
  return `0190a000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`;
}

/** Numbers from 0 inclusive to 1 exclusive that are the same in every run (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
