import type { Appended } from '../core/append.js';

/** What find_repeat tells of an append that is in the log; numbers are texts, since JSON's are not exact. */
export interface FoundAppend {
  readonly first_position: string;
  readonly last_position: string;
  /** Microseconds. */
  readonly recorded_at: string;
  /** Type, id and version of the last event in each stream. */
  readonly versions: readonly (readonly [string, string, string])[];
}

/** And find_command of a command; bytes are hex. */
export interface FoundCommand extends FoundAppend {
  readonly command_type: string;
  readonly body_hash: string;
  readonly result: string;
  readonly event_ids: readonly string[];
}

/** Where it stands. */
export function whereFound({
  first_position,
  last_position,
  versions,
}: FoundAppend): Pick<Appended, 'firstPosition' | 'lastPosition' | 'versions'> {
  return {
    firstPosition: BigInt(first_position),
    lastPosition: BigInt(last_position),
    versions: versions.map(([aggregateType, aggregateId, version]) => ({
      stream: { aggregateType, aggregateId },
      version: BigInt(version),
    })),
  };
}
