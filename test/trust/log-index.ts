import { type ExpectedVersion } from '../../src/core/expected-version.js';
import { type AppendOperation, type LoggedEvent, signatureOf } from './history.js';

/** One append as it stands in the log. */
export interface LoggedAppend {
  readonly first: number;
  readonly last: number;
  readonly events: readonly LoggedEvent[];
  readonly signature: string;
  /** All calls that asked for exactly this. */
  readonly operations: readonly AppendOperation[];
  /** It cannot have been decided before the first of them was called … */
  readonly invokedBy: number;
  /** … and had been when the first of them was told so. */
  readonly knownBy: number;
}

/** From and to a position, both included; states of the log between appends. */
export type Interval = readonly [from: number, to: number];

export const EVERYWHERE: Interval = [0, Number.POSITIVE_INFINITY];

/** The final log, made ready for questions about its past. */
export class LogIndex {
  readonly appends: readonly LoggedAppend[];
  readonly bySignature = new Map<string, LoggedAppend>();
  /** The append that an event id is in. */
  readonly byEventId = new Map<string, LoggedAppend>();
  readonly operationsBySignature: ReadonlyMap<string, readonly AppendOperation[]>;
  /** Of every event that was sent, in whatever append. */
  readonly sentDigests: ReadonlySet<string>;
  readonly #streams = new Map<string, number[]>();
  /** By the time at which an append was known: the highest position known. */
  readonly #known: { readonly at: number; readonly position: number }[] = [];
  /** By position: the latest call among all appends up to it. */
  readonly #invoked: { readonly at: number; readonly first: number }[] = [];

  constructor(log: readonly LoggedEvent[], operations: readonly AppendOperation[]) {
    this.operationsBySignature = bySignature(operations);
    this.sentDigests = new Set(
      operations.flatMap(({ sent }) =>
        sent.streams.flatMap(({ events }) => events.map(({ digest }) => digest)),
      ),
    );
    this.appends = appendsOf(log, this.operationsBySignature);
    for (const append of this.appends) {
      if (!this.bySignature.has(append.signature)) this.bySignature.set(append.signature, append);
      for (const { eventId } of append.events)
        if (!this.byEventId.has(eventId)) this.byEventId.set(eventId, append);
    }
    for (const { stream, position } of log) {
      const positions = this.#streams.get(stream);
      if (positions === undefined) this.#streams.set(stream, [position]);
      else positions.push(position);
    }
    this.#prepareTimes();
  }

  /** How many events the stream had when the log ended at `position`. */
  versionAt(stream: string, position: number): number {
    return countUpTo(this.#streams.get(stream) ?? [], position);
  }

  /** When the stream had this version. */
  whileAt(stream: string, version: number): Interval | undefined {
    const positions = this.#streams.get(stream) ?? [];
    if (version > positions.length) return undefined;
    return [version === 0 ? 0 : (positions[version - 1] ?? 0), (positions[version] ?? Infinity) - 1];
  }

  /** When the belief about the stream was true. */
  whileHolds(stream: string, expected: ExpectedVersion): Interval | undefined {
    switch (expected) {
      case 'ANY':
        return EVERYWHERE;
      case 'NO_STREAM':
        return this.whileAt(stream, 0);
      case 'STREAM_EXISTS': {
        const first = this.#streams.get(stream)?.[0];
        return first === undefined ? undefined : [first, Infinity];
      }
      default:
        return this.whileAt(stream, Number(expected));
    }
  }

  /** Where the log can have ended while a call was under way. */
  window(invoked: number, returned: number): Interval {
    const known = lastBefore(this.#known, (entry) => entry.at < invoked);
    const beyond = firstNotBefore(this.#invoked, (entry) => entry.at < returned);
    return [known?.position ?? 0, beyond === undefined ? Infinity : beyond.first - 1];
  }

  /** Whether the log ended somewhere in all of these, between two appends. */
  someMoment(intervals: readonly (Interval | undefined)[]): boolean {
    let from = 0;
    let to = Infinity;
    for (const interval of intervals) {
      if (interval === undefined) return false;
      from = Math.max(from, interval[0]);
      to = Math.min(to, interval[1]);
    }
    if (from > to) return false;
    const end = lastBefore(this.appends, ({ last }) => last <= to)?.last ?? 0;
    return end >= from;
  }

  #prepareTimes(): void {
    let latest = Number.NEGATIVE_INFINITY;
    for (const { first, invokedBy } of this.appends) {
      latest = Math.max(latest, invokedBy);
      this.#invoked.push({ at: latest, first });
    }
    const known = this.appends.filter(({ knownBy }) => knownBy < Infinity);
    let highest = 0;
    for (const { knownBy, last } of known.sort((a, b) => a.knownBy - b.knownBy)) {
      highest = Math.max(highest, last);
      this.#known.push({ at: knownBy, position: highest });
    }
  }
}

function bySignature(operations: readonly AppendOperation[]): Map<string, AppendOperation[]> {
  const found = new Map<string, AppendOperation[]>();
  for (const operation of operations) {
    const { signature } = operation.sent;
    if (signature === '') continue;
    const same = found.get(signature);
    if (same === undefined) found.set(signature, [operation]);
    else same.push(operation);
  }
  return found;
}

function appendsOf(
  log: readonly LoggedEvent[],
  operations: ReadonlyMap<string, readonly AppendOperation[]>,
): readonly LoggedAppend[] {
  const appends: LoggedAppend[] = [];
  let events: LoggedEvent[] = [];
  log.forEach((event, index) => {
    events.push(event);
    if (event.endsAppend !== true && index < log.length - 1) return;
    const signature = signatureOf(events);
    const asked = operations.get(signature) ?? [];
    appends.push({
      first: events[0]?.position ?? 0,
      last: event.position,
      events,
      signature,
      operations: asked,
      // Nobody asked: found by another rule, and not to disturb this one.
      invokedBy: asked.length > 0 ? Math.min(...asked.map(({ invoked }) => invoked)) : -Infinity,
      knownBy: Math.min(
        ...asked.map(({ result, returned }) => (result.kind === 'APPENDED' ? returned : Infinity)),
      ),
    });
    events = [];
  });
  return appends;
}

function countUpTo(positions: readonly number[], position: number): number {
  let low = 0;
  let high = positions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((positions[middle] ?? Infinity) <= position) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** In a list where `before` is true of a beginning only: the last of it. */
function lastBefore<T>(list: readonly T[], before: (item: T) => boolean): T | undefined {
  return list[split(list, before) - 1];
}

function firstNotBefore<T>(list: readonly T[], before: (item: T) => boolean): T | undefined {
  return list[split(list, before)];
}

function split<T>(list: readonly T[], before: (item: T) => boolean): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const item = list[middle];
    if (item !== undefined && before(item)) low = middle + 1;
    else high = middle;
  }
  return low;
}
