import type { StreamId } from '../../src/core/stream.js';
import { systemRuntime } from '../../src/system.js';
import { nextPayload, type Payload, type StreamWalk } from '../workload.js';

/** A row of the events table, as the service would write it. */
export interface FloorRow {
  readonly position: number;
  readonly stream: StreamId;
  readonly version: number;
  readonly eventId: string;
  readonly payload: Omit<Payload, 'data'> & { readonly data: Uint8Array };
  /** Not written to the row; whoever follows an event goes by them. */
  readonly tags?: readonly string[];
}

/** A row of the commands table. */
export interface CommandRow {
  readonly commandId: string;
  readonly commandType: string;
  readonly hash: Buffer;
  readonly result: Uint8Array;
  readonly position: number;
}

let position = 0;

/** Positions are counted here, since nobody else writes to the floor's table. */
export function nextPosition(): number {
  position += 1;
  return position;
}

/** The next event of the walk. */
export function nextRow(walk: StreamWalk): FloorRow {
  const { stream, version } = walk.step();
  return {
    position: nextPosition(),
    stream,
    version: version + 1,
    eventId: systemRuntime.newEventId(),
    payload: nextPayload(),
  };
}
