import type { Microseconds } from './event.js';

/** The state of an aggregate at a version, to be kept. */
export interface NewSnapshot {
  /** The version of the last event that is in it. */
  readonly version: bigint;
  /** As its owner writes it; at most 1 MiB. */
  readonly data: Uint8Array;
  readonly contentType: string;
  /**
   * The version of the state's shape; a snapshot of another is not used.
   * @default 1
   */
  readonly schemaVersion?: number;
}

/** A snapshot that is kept. */
export interface Snapshot extends Required<NewSnapshot> {
  readonly takenAt: Microseconds;
}

/** Bytes of a snapshot's data. */
export const SNAPSHOT_BYTES = 1024 * 1024;
/** Snapshots that are kept of one aggregate. */
export const SNAPSHOTS_KEPT = 3;
