import { InvalidRequestError, StreamNotFoundError } from '../core/errors.js';
import type { Event, NewEvent } from '../core/event.js';
import type { CallOptions, EventLog } from '../core/event-store.js';
import { FILTERS, PAGE_EVENTS } from '../core/limits.js';
import { eventsOf } from '../core/load.js';
import type { Range } from '../core/filter.js';
import { streamKey, type StreamId } from '../core/stream.js';

/** The media type of an event that only points at another one. */
export const LINK_CONTENT_TYPE = 'application/vnd.headwater.link+json';
/** The type of links, so that who reads the log for events of a type does not meet them twice. */
export const LINK_EVENT_TYPE = 'Link';

/** What a link points at. */
export interface LinkTarget {
  readonly stream: StreamId;
  readonly version: bigint;
  readonly position: bigint;
}

/** An event that points at this one; at what it points at, if it is a link itself. */
export function linkTo(event: Event): NewEvent {
  if (isLink(event)) return { eventType: LINK_EVENT_TYPE, contentType: LINK_CONTENT_TYPE, data: event.data };
  const { stream, version, position } = event;
  const text = JSON.stringify({
    aggregate_type: stream.aggregateType,
    aggregate_id: stream.aggregateId,
    version: String(version),
    position: String(position),
  });
  return { eventType: LINK_EVENT_TYPE, contentType: LINK_CONTENT_TYPE, data: new TextEncoder().encode(text) };
}

export function isLink(event: Event): boolean {
  return event.contentType === LINK_CONTENT_TYPE;
}

/** What the link points at. Throws `InvalidRequestError` for data that is no link's. */
export function linkTarget(event: Event): LinkTarget {
  try {
    const link = JSON.parse(new TextDecoder().decode(event.data)) as Readonly<Record<string, unknown>>;
    const { aggregate_type: aggregateType, aggregate_id: aggregateId } = link;
    if (typeof aggregateType === 'string' && typeof aggregateId === 'string')
      return {
        stream: { aggregateType, aggregateId },
        version: BigInt(link['version'] as string),
        position: BigInt(link['position'] as string),
      };
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error;
  }
  const description = `of the event at position ${event.position} is no link, though its content type says so`;
  throw new InvalidRequestError([{ field: 'data', description }]);
}

/**
 * The events with links replaced by what they point at, in the same order. A link to what is not shown any more (truncated,
 * expired) stays as it is. Reads stream by stream, so that a page of links into a few streams is a few reads.
 *
 * @param events at most 1,000, such as those of a page
 */
export async function resolveLinks(
  store: Pick<EventLog, 'load'>,
  events: readonly Event[],
  options: CallOptions = {},
): Promise<readonly Event[]> {
  if (events.length > PAGE_EVENTS)
    throw new RangeError(
      `${events.length} events are to be resolved, the limit is ${PAGE_EVENTS}: do so page by page`,
    );
  const targets = events.map((event) =>
    isLink(event) && event.erased !== true ? linkTarget(event) : undefined,
  );
  const wanted = new Map<string, { readonly stream: StreamId; readonly versions: Set<bigint> }>();
  for (const target of targets) {
    if (target === undefined) continue;
    const key = streamKey(target.stream);
    const entry = wanted.get(key) ?? { stream: target.stream, versions: new Set() };
    entry.versions.add(target.version);
    wanted.set(key, entry);
  }
  const found = new Map<string, Event>();
  for (const { stream, versions } of wanted.values())
    for (const event of await load(store, stream, [...versions], options))
      found.set(versionKey(event), event);
  return events.map((event, index) => {
    const target = targets[index];
    return (target === undefined ? undefined : found.get(versionKey(target))) ?? event;
  });
}

async function load(
  store: Pick<EventLog, 'load'>,
  stream: StreamId,
  versions: readonly bigint[],
  options: CallOptions,
): Promise<readonly Event[]> {
  const ranges = rangesOf(versions);
  const events: Event[] = [];
  try {
    for (let first = 0; first < ranges.length; first += FILTERS) {
      const filters = ranges.slice(first, first + FILTERS).map((range) => ({ versions: range }));
      const pages = store.load({ scope: { kind: 'STREAM', stream }, filters, includeDeleted: true }, options);
      for await (const event of eventsOf(pages)) events.push(event);
    }
  } catch (error) {
    // A link from another log: nothing here is what it points at.
    if (!(error instanceof StreamNotFoundError)) throw error;
  }
  return events;
}

function rangesOf(versions: readonly bigint[]): readonly Required<Range<bigint>>[] {
  const ranges: { first: bigint; last: bigint }[] = [];
  for (const version of [...versions].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))) {
    const last = ranges.at(-1);
    if (last?.last === version - 1n) last.last = version;
    else ranges.push({ first: version, last: version });
  }
  return ranges;
}

function versionKey({ stream, version }: Pick<Event, 'stream' | 'version'>): string {
  return `${streamKey(stream)}\n${version}`;
}
