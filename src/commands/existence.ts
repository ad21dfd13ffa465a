import type { Existence } from '../core/command.js';
import { StreamDeletedError, StreamNotFoundError, WrongExpectedVersionError } from '../core/errors.js';
import type { StreamId } from '../core/stream.js';

/** As much of an aggregate as tells whether it is there. */
export interface Presence {
  /** Of its last event; 0 if it never had one. */
  readonly version: bigint;
  readonly deleted: boolean;
}

/**
 * Throws unless the aggregate is there as a command asks: `StreamNotFoundError`, `StreamDeletedError`, or
 * `WrongExpectedVersionError` for one that must not exist.
 *
 * A deleted aggregate refuses every command but those that must not find one: to create it anew is a decision, which a
 * command that asks nothing has not made.
 */
export function guardExistence(existence: Existence, stream: StreamId, presence: Presence): void {
  const { version, deleted } = presence;
  if (existence === 'MUST_NOT_EXIST') {
    if (version > 0n && !deleted)
      throw new WrongExpectedVersionError([{ stream, expected: 'NO_STREAM', actual: version }]);
    return;
  }
  if (deleted) throw new StreamDeletedError(stream);
  if (existence === 'MUST_EXIST' && version === 0n) throw new StreamNotFoundError(stream);
}
