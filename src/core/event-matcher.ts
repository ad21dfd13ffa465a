import type { Event } from './event.js';
import type { Filter, Scope } from './filter.js';
import { FILTER_NAMES, FILTERS } from './limits.js';
import type { EventSelection } from './selection.js';

/** What a matcher looks at: an event of the log, or what another bus carries of one. */
export type MatchedEvent = Pick<Event, 'eventType' | 'stream'>;

/**
 * Which events a handler wants; immutable. What is said about one matcher holds together (AND), the values of one call are
 * alternatives, and of several matchers one must match (OR): see {@link matchesAny}.
 *
 * @example
 * bus.addHandler(handle, matcher().eventType('Opened', 'Closed').aggregateType('Account'), eventType('Migrated'));
 */
export class EventMatcher {
  /** `undefined`: any. */
  readonly eventTypes: ReadonlySet<string> | undefined;
  /** `undefined`: any. */
  readonly aggregateTypes: ReadonlySet<string> | undefined;

  /** Use {@link matcher}. */
  constructor(
    parts: {
      readonly eventTypes?: ReadonlySet<string> | undefined;
      readonly aggregateTypes?: ReadonlySet<string> | undefined;
    } = {},
  ) {
    this.eventTypes = parts.eventTypes;
    this.aggregateTypes = parts.aggregateTypes;
  }

  /** Of one of these types. Throws `TypeError` for none, and where nothing is left that could match. */
  eventType(...types: readonly string[]): EventMatcher {
    return new EventMatcher({
      eventTypes: narrowed(this.eventTypes, types, 'event type'),
      aggregateTypes: this.aggregateTypes,
    });
  }

  /** Of an aggregate of one of these types. Throws `TypeError` for none, and where nothing is left that could match. */
  aggregateType(...types: readonly string[]): EventMatcher {
    return new EventMatcher({
      eventTypes: this.eventTypes,
      aggregateTypes: narrowed(this.aggregateTypes, types, 'aggregate type'),
    });
  }

  matches({ eventType, stream }: MatchedEvent): boolean {
    return (
      (this.eventTypes?.has(eventType) ?? true) && (this.aggregateTypes?.has(stream.aggregateType) ?? true)
    );
  }
}

/** A matcher of which nothing is said yet: it matches all events. */
export function matcher(): EventMatcher {
  return new EventMatcher();
}

/** Matches all events, those of the store's own (`$stream-deleted` …) too. */
export function anyEvent(): EventMatcher {
  return new EventMatcher();
}

/** Matches events of one of these types. */
export function eventType(...types: readonly string[]): EventMatcher {
  return matcher().eventType(...types);
}

/** Matches events of aggregates of one of these types. */
export function aggregateType(...types: readonly string[]): EventMatcher {
  return matcher().aggregateType(...types);
}

/** Whether one of the matchers matches; without matchers, all events do. */
export function matchesAny(matchers: readonly EventMatcher[], event: MatchedEvent): boolean {
  return matchers.length === 0 || matchers.some((one) => one.matches(event));
}

/**
 * What to ask the log for: all that one of the matchers matches. It may be more where the names are too many for a request
 * (100 aggregate types, or 16 filters of 100 event types); so whoever reads by it applies {@link matchesAny} to what comes,
 * and counts what does not match as handled.
 */
export function selectionOf(matchers: readonly EventMatcher[]): EventSelection {
  const aggregateTypes = united(matchers.map((one) => one.aggregateTypes));
  const scope: Scope | undefined =
    aggregateTypes !== undefined && aggregateTypes.length <= FILTER_NAMES
      ? { kind: 'AGGREGATE_TYPES', aggregateTypes }
      : undefined;
  const exact = alternatives(matchers, aggregateTypes);
  const eventTypes = united(matchers.map((one) => one.eventTypes));
  const filters = fits(exact) ? exact : chunked(eventTypes ?? []).map((names) => ({ eventTypes: names }));
  return { ...(scope && { scope }), ...(filters.length > 0 && fits(filters) && { filters }) };
}

/**
 * The matchers as filters; none if one of them would match all that is in the scope. Those about the same aggregate types
 * are put together.
 */
function alternatives(
  matchers: readonly EventMatcher[],
  inScope: readonly string[] | undefined,
): readonly Filter[] {
  const byStreams = new Map<string, EventMatcher[]>();
  for (const one of matchers) {
    const key = JSON.stringify(sorted(one.aggregateTypes));
    byStreams.set(key, [...(byStreams.get(key) ?? []), one]);
  }
  const filters: Filter[] = [];
  for (const [key, about] of [...byStreams].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const aggregateTypes = sorted(about[0]?.aggregateTypes);
    const streams =
      key === JSON.stringify(inScope ?? [])
        ? {}
        : { streams: aggregateTypes.map((aggregateType) => ({ aggregateType })) };
    const eventTypes = united(about.map((one) => one.eventTypes));
    if (eventTypes !== undefined)
      filters.push(...chunked(eventTypes).map((names) => ({ eventTypes: names, ...streams })));
    else if (streams.streams === undefined) return [];
    else filters.push(streams);
  }
  return filters;
}

function fits(filters: readonly Filter[]): boolean {
  return filters.length <= FILTERS && filters.every(({ streams = [] }) => streams.length <= FILTER_NAMES);
}

function narrowed(
  known: ReadonlySet<string> | undefined,
  types: readonly string[],
  what: string,
): ReadonlySet<string> {
  if (types.length === 0) throw new TypeError(`Name at least one ${what}, or match any event`);
  const left = new Set(types.filter((type) => known?.has(type) ?? true));
  if (left.size === 0)
    throw new TypeError(
      `No event matches: its ${what} cannot be one of ${[...(known ?? [])].join(', ')} and also one of ${types.join(', ')}`,
    );
  return left;
}

/** All their names; `undefined` if one of them is not limited, or there are none. */
function united(sets: readonly (ReadonlySet<string> | undefined)[]): readonly string[] | undefined {
  const all = new Set<string>();
  for (const set of sets) {
    if (set === undefined) return undefined;
    for (const name of set) all.add(name);
  }
  return all.size === 0 ? undefined : sorted(all);
}

/** So that the same matchers in another order ask for the same: a group is compared with what is there. */
function sorted(names: ReadonlySet<string> = new Set()): readonly string[] {
  return [...names].sort();
}

function chunked(names: readonly string[]): readonly (readonly string[])[] {
  const chunks: (readonly string[])[] = [];
  for (let from = 0; from < names.length; from += FILTER_NAMES)
    chunks.push(names.slice(from, from + FILTER_NAMES));
  return chunks;
}
