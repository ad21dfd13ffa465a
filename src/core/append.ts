import type { Event, Microseconds, NewEvent } from './event.js';
import type { ExpectedVersion } from './expected-version.js';
import type { StreamId, StreamVersion } from './stream.js';
import type { LogPosition } from './subscribe.js';

/** What one append does to one stream. */
export interface StreamAppend {
  readonly stream: StreamId;
  readonly expectedVersion: ExpectedVersion;
  /** In order. Empty: the stream's version is only checked. */
  readonly events: readonly NewEvent[];
}

/** One atomic append: all of it is in the log or none of it. */
export interface AppendRequest {
  /** The streams that are written or only checked, without repetition; at most 1,000. */
  readonly streams: readonly StreamAppend[];
  /**
   * What must not have happened meanwhile, in whatever stream.
   * @default no condition
   */
  readonly condition?: AppendCondition;
  /**
   * The command that this append is the outcome of, kept in the ledger of commands in the same transaction, also where
   * there are no events.
   * @default none
   */
  readonly command?: CommandEntry;
  /**
   * How a refusal for expected versions or the condition is answered: thrown as {@link WrongExpectedVersionError} or
   * {@link AppendConditionFailedError}, or returned.
   * @default "THROW"
   */
  readonly onConflict?: 'THROW' | 'RETURN';
  /**
   * With `onConflict: 'RETURN'`: so many bytes at most of the events that came between come along with a refusal, so that
   * the caller can decide again without another read; at most 1 MiB.
   * @default 0: none
   */
  readonly interveningBytes?: number;
}

/**
 * Holds if no event above `after` matches one of the items: what a decision was based on has not changed since it was
 * read. Checked in the commit itself. The semantics are those of https://dcb.events.
 */
export interface AppendCondition {
  /** At least one, at most 100, with at most 1,000 event types and tags in all. */
  readonly items: readonly ConditionItem[];
  /**
   * Up to where the caller has read: only events above it count.
   * @default the beginning of the log
   */
  readonly after?: LogPosition;
}

/**
 * A command in the ledger. The same id with the same `bodyHash` is answered as the first time, whatever the events of the
 * append are now; with another one it is refused with `CommandIdReusedError`. Refusals are not kept.
 */
export interface CommandEntry {
  /** 1 to 255 bytes, no control characters. */
  readonly commandId: string;
  readonly commandType: string;
  /** SHA-256 of what was asked for: 32 bytes. */
  readonly bodyHash: Uint8Array;
  /** What to answer when it is sent again; at most 64 KiB. */
  readonly result: Uint8Array;
}

/** Matches the events that have one of the types and all of the tags; with neither, all events. */
export interface ConditionItem {
  /** @default all */
  readonly eventTypes?: readonly string[];
  /** @default all */
  readonly tags?: readonly string[];
}

/** An append that is committed. */
export interface Appended {
  readonly outcome: 'APPENDED';
  /** The position of its first event; 0 if it had none. */
  readonly firstPosition: bigint;
  /** The position of its last event; 0 if it had none. */
  readonly lastPosition: bigint;
  /** The last version written to each stream, in the order of the request; streams only checked are left out. */
  readonly versions: readonly StreamVersion[];
  /** The ids of the events, in the order of the request. */
  readonly eventIds: readonly string[];
  /** When the store took the events; `undefined` if there were none. */
  readonly recordedAt: Microseconds | undefined;
  /** The epoch of the log, to be kept with the position. */
  readonly epoch: bigint;
  /** The events were in the log already: this is a repeat, answered as the first time. */
  readonly deduplicated: boolean;
  /** Of a repeat of a command: the result that was kept the first time. */
  readonly commandResult?: Uint8Array;
}

/** An append that was refused for its expected versions or its condition: nothing was written. */
export interface Refused {
  readonly outcome: 'REFUSED';
  /** Every stream that failed, in the order of the request; empty if it was the condition. */
  readonly conflicts: readonly VersionConflict[];
  /** The position of the first event that breaks the condition; `undefined` if it was expected versions. */
  readonly conditionFailedAt?: bigint;
  /** With `interveningBytes`, the events that came between, in position order. */
  readonly intervening?: InterveningEvents;
}

/** The events that came between what a caller believed and what is. */
export interface InterveningEvents {
  readonly events: readonly Event[];
  /** There are more than had room; those that are missing come behind the last one. */
  readonly truncated: boolean;
}

/** A stream that was not at the expected version. */
export interface VersionConflict {
  readonly stream: StreamId;
  readonly expected: ExpectedVersion;
  /** The version that the stream has; 0 if it never had an event. */
  readonly actual: bigint;
}

export type AppendOutcome = Appended | Refused;
