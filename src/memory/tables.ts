import type { LedgerCommand } from '../core/command.js';
import type { Event, Microseconds } from '../core/event.js';
import type { Snapshot } from '../core/snapshot.js';
import type { Retention, StreamId } from '../core/stream.js';
import { streamKey } from '../core/stream.js';
import { isSystemEventType, SYSTEM_VERSIONS_KEPT } from '../core/system-events.js';
import { countBefore } from './count-before.js';
import { expire } from './expire.js';

/** The one life that a log in memory has. */
export const EPOCH = 1n;

/** An event as it is kept. */
export interface Entry {
  /** Replaced by its shell when the event is emptied. */
  event: Event;
  /** Of the data as it was received. */
  readonly fingerprint: string;
  /** Truncated or expired: no reader is given it any more. */
  gone: boolean;
}

/** A stream as it is kept; see `StreamInfo` and `StreamVisibility`. */
export interface StreamState {
  readonly stream: StreamId;
  /** The event of version v is at index v - 1. */
  readonly entries: Entry[];
  createdAt: Microseconds;
  deletedAt: Microseconds | undefined;
  hiddenBefore: bigint;
  /** Versions below are hidden … */
  truncatedBefore: bigint;
  /** … and those below this one are emptied. */
  emptiedBefore: bigint;
  retention: Retention;
  systemVersions: readonly bigint[];
  /** The version of the last erasure; 0 if there was none. */
  erasedVersion: bigint;
  /** By version, ascending; at most three. */
  snapshots: readonly Snapshot[];
}

/** What is to become an event. */
export type Draft = Pick<
  Event,
  'eventId' | 'eventType' | 'data' | 'contentType' | 'metadata' | 'tags' | 'schemaVersion'
> & { readonly fingerprint: string };

/** All that a log in memory holds. Grows for as long as it is kept. */
export class Tables {
  /** The event at position p is at index p - 1. */
  readonly log: Entry[] = [];
  /** The position of each event that is the last of its append. */
  readonly appendEnds = new Set<number>();
  /** The position of each event by its id. */
  readonly byId = new Map<string, number>();
  /** Streams whose events expire with time, and not only when something is written to them. */
  readonly aging = new Set<StreamState>();
  /** The commands that were carried out, by their id. */
  readonly commands = new Map<string, LedgerCommand>();
  readonly #streams = new Map<string, StreamState>();

  get head(): bigint {
    return BigInt(this.log.length);
  }

  get streams(): Iterable<StreamState> {
    return this.#streams.values();
  }

  stream(id: StreamId): StreamState | undefined {
    return this.#streams.get(streamKey(id));
  }

  entryOfId(eventId: string): Entry | undefined {
    return this.log[(this.byId.get(eventId) ?? 0) - 1];
  }

  /** When what is written now counts as recorded: time never runs backwards along positions. */
  recordedAt(now: Microseconds): Microseconds {
    const last = this.log.at(-1)?.event.recordedAt ?? now;
    return now > last ? now : last;
  }

  /** Adds an event to a stream, which begins or begins anew with it if there is none or it is deleted. */
  add(id: StreamId, draft: Draft, recordedAt: Microseconds): Event {
    const { fingerprint, ...content } = draft;
    const state = this.stream(id) ?? this.#begin(id, recordedAt);
    const version = BigInt(state.entries.length + 1);
    const event = { ...content, stream: state.stream, version, position: this.head + 1n, recordedAt };
    const entry: Entry = { event, fingerprint, gone: false };
    this.log.push(entry);
    state.entries.push(entry);
    this.byId.set(event.eventId, this.log.length);
    if (isSystemEventType(event.eventType))
      state.systemVersions = [...state.systemVersions, version].slice(-SYSTEM_VERSIONS_KEPT);
    return event;
  }

  /** Says that the last event ends its append. */
  endAppend(): void {
    this.appendEnds.add(this.log.length);
  }

  /** Empties what has come of age, so that it is gone at once for all readers. */
  expireAged(now: Microseconds): void {
    for (const state of this.aging) expire(state, now);
  }

  /** The position of the last event recorded before that time; 0 if there is none. */
  positionBefore(time: Microseconds): bigint {
    return BigInt(countBefore(this.log, ({ event }) => event.recordedAt < time));
  }

  #begin(id: StreamId, createdAt: Microseconds): StreamState {
    const state: StreamState = {
      stream: Object.freeze({ aggregateType: id.aggregateType, aggregateId: id.aggregateId }),
      entries: [],
      createdAt,
      deletedAt: undefined,
      hiddenBefore: 1n,
      truncatedBefore: 1n,
      emptiedBefore: 1n,
      retention: Object.freeze({}),
      systemVersions: [],
      erasedVersion: 0n,
      snapshots: [],
    };
    this.#streams.set(streamKey(id), state);
    return state;
  }
}

/** The version of its last event; 0 if it never had one. */
export function versionOf(state: StreamState | undefined): bigint {
  return BigInt(state?.entries.length ?? 0);
}
