import type { Event } from './event.js';
import type { Snapshot } from './snapshot.js';
import type { LogPosition } from './subscribe.js';

/** Which snapshot an aggregate is loaded from: none, the newest one, or the newest of a shape. */
export type FromSnapshot = 'NONE' | 'ANY' | { readonly schemaVersion: number };

/** An aggregate as it is now, for whoever folds it; all of it is of one moment. */
export interface LoadedAggregate {
  /** The version of its last event, hidden ones included; 0 if it never had one. */
  readonly version: bigint;
  /** Then there is neither a snapshot nor an event. */
  readonly deleted: boolean;
  /** The newest that fits, of its present life, and of before no erasure that is under way. */
  readonly snapshot: Snapshot | undefined;
  /** What is shown of it behind the snapshot, in order. */
  readonly events: readonly Event[];
  /** There are more events than are given at once; the rest must be loaded. */
  readonly more: boolean;
  /** How far the log was read for it. */
  readonly readTo: LogPosition;
}
