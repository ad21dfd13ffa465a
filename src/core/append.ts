import type { Microseconds, NewEvent } from './event.js';
import type { ExpectedVersion } from './expected-version.js';
import type { StreamId, StreamVersion } from './stream.js';

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
   * How a refusal for expected versions is answered: thrown as {@link WrongExpectedVersionError}, or returned.
   * @default "THROW"
   */
  readonly onConflict?: 'THROW' | 'RETURN';
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
}

/** An append that was refused for its expected versions: nothing was written. */
export interface Refused {
  readonly outcome: 'REFUSED';
  /** Every stream that failed, in the order of the request; never empty. */
  readonly conflicts: readonly VersionConflict[];
}

/** A stream that was not at the expected version. */
export interface VersionConflict {
  readonly stream: StreamId;
  readonly expected: ExpectedVersion;
  /** The version that the stream has; 0 if it has no events. */
  readonly actual: bigint;
}

export type AppendOutcome = Appended | Refused;
