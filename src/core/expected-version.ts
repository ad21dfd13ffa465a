/**
 * What the caller believes about a stream before it appends: the version of its last event (at least 1), that it
 * has no events, that it has some, or nothing.
 */
export type ExpectedVersion = bigint | 'NO_STREAM' | 'STREAM_EXISTS' | 'ANY';

/**
 * Whether the belief is true of a stream whose last event has the version `actual` (0: it has none). A deleted stream is
 * none; of other beliefs about it nothing is said here, since {@link StreamDeletedError} comes first.
 */
export function expectedVersionHolds(expected: ExpectedVersion, actual: bigint, deleted = false): boolean {
  switch (expected) {
    case 'ANY':
      return true;
    case 'NO_STREAM':
      return actual === 0n || deleted;
    case 'STREAM_EXISTS':
      return actual > 0n;
    default:
      return actual === expected;
  }
}
