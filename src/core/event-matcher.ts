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
 * What to ask the log for: all that one of the matchers matches, and sometimes more. Filters know event types, but
 * aggregate types stand in the scope, which is one for all filters; so of "Opened of Account, or Closed of Order" also
 * Closed of Account comes. Whoever reads by this selection applies {@link matchesAny} to what comes, and counts what does
 * not match as handled.
 */
export function selectionOf(matchers: readonly EventMatcher[]): EventSelection {
  const aggregateTypes = united(matchers.map((one) => one.aggregateTypes));
  const eventTypes = united(matchers.map((one) => one.eventTypes));
  // More names than a request may have: the whole log is a superset too.
  const scope: Scope | undefined =
    aggregateTypes !== undefined && aggregateTypes.length <= FILTER_NAMES
      ? { kind: 'AGGREGATE_TYPES', aggregateTypes }
      : undefined;
  const filters: readonly Filter[] =
    eventTypes !== undefined && eventTypes.length <= FILTER_NAMES * FILTERS ? chunked(eventTypes) : [];
  return { ...(scope && { scope }), ...(filters.length > 0 && { filters }) };
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

/** Sorted, so that the same matchers in another order ask for the same: a group is compared with what is there. */
function united(sets: readonly (ReadonlySet<string> | undefined)[]): readonly string[] | undefined {
  const all = new Set<string>();
  for (const set of sets) {
    if (set === undefined) return undefined;
    for (const name of set) all.add(name);
  }
  return all.size === 0 ? undefined : [...all].sort();
}

function chunked(names: readonly string[]): readonly Filter[] {
  const filters: Filter[] = [];
  for (let from = 0; from < names.length; from += FILTER_NAMES)
    filters.push({ eventTypes: names.slice(from, from + FILTER_NAMES) });
  return filters;
}
