import type { Microseconds } from '../core/event.js';
import { projectionStatus } from '../core/projection-status.js';
import type {
  AggregateProgress,
  Projection,
  ProjectionFailure,
  ProjectionGeneration,
  ProjectionKind,
  ProjectionLease,
  ProjectionOrders,
} from '../core/projections.js';
import type { LogPosition } from '../core/subscribe.js';

/** An aggregate as it is kept. */
export interface AggregateRecord extends AggregateProgress {
  /** It was asked to be tried again. */
  readonly due: boolean;
}

/** A generation as it is kept. */
export interface GenerationRecord {
  readonly generation: bigint;
  readonly definitionVersion: number;
  position: LogPosition;
  state: Uint8Array;
  contentType: string;
  readonly aggregates: Map<string, AggregateRecord>;
  runner: string;
  /** Of who has the lease, or had it last; empty: it was given back. */
  runnerId: string;
  fence: bigint;
  leasedUntil: Microseconds | undefined;
  failure: ProjectionFailure | undefined;
  failed: boolean;
  reportedAt: Microseconds | undefined;
  metrics: Readonly<Record<string, number>>;
  comparison: string;
  resetDone: bigint;
  /** Of one being built: it takes the live one's place as soon as it has caught up. */
  swap: boolean;
}

/** A projection as it is kept. */
export interface ProjectionRecord {
  readonly name: string;
  readonly kind: ProjectionKind;
  readonly createdAt: Microseconds;
  wish: ProjectionOrders['wish'];
  resetWanted: bigint;
  resumed: bigint;
  deleteEmitted: boolean;
  /** The last number that was given to a generation. */
  lastGeneration: bigint;
  live: GenerationRecord;
  building: GenerationRecord | undefined;
}

export function newGeneration(
  generation: bigint,
  definitionVersion: number,
  swap: boolean,
): GenerationRecord {
  return {
    generation,
    definitionVersion,
    position: { position: 0n },
    state: new Uint8Array(),
    contentType: '',
    aggregates: new Map(),
    runner: '',
    runnerId: '',
    fence: 0n,
    leasedUntil: undefined,
    failure: undefined,
    failed: false,
    reportedAt: undefined,
    metrics: {},
    comparison: '',
    resetDone: 0n,
    swap,
  };
}

/** Throws away what was kept. */
export function emptied(record: GenerationRecord): void {
  record.position = { position: 0n };
  record.state = new Uint8Array();
  record.contentType = '';
  record.aggregates.clear();
}

/** Whether somebody works on it. */
export function isLeased({ leasedUntil }: GenerationRecord, now: Microseconds): boolean {
  return leasedUntil !== undefined && leasedUntil > now;
}

export function projectionOf(record: ProjectionRecord, head: bigint, now: Microseconds): Projection {
  const { name, kind, createdAt, live, building } = record;
  return {
    name,
    kind,
    status: projectionStatus({ wish: record.wish, failed: live.failed, leased: isLeased(live, now) }),
    live: generationOf(live, head, now),
    building: building && generationOf(building, head, now),
    head,
    createdAt,
    failedAggregates: BigInt(failedOf(live).length),
  };
}

/** Those that have failed, by position. */
export function failedOf({ aggregates }: GenerationRecord): readonly (AggregateRecord & {
  readonly failure: ProjectionFailure;
})[] {
  return [...aggregates.values()]
    .flatMap((one) => (one.failure ? [{ ...one, failure: one.failure }] : []))
    .sort((one, other) => (one.failure.position < other.failure.position ? -1 : 1));
}

export function leaseOf(record: ProjectionRecord, generation: GenerationRecord): ProjectionLease {
  return {
    name: record.name,
    generation: generation.generation,
    live: generation === record.live,
    fence: generation.fence,
    position: { ...generation.position },
  };
}

/** What the runner of a generation is to do. */
export function ordersOf(
  record: ProjectionRecord,
  generation: GenerationRecord,
  now: Microseconds,
): ProjectionOrders {
  const isLive = generation === record.live;
  const other = isLive ? record.building : record.live;
  const outstanding = isLive && record.resetWanted > generation.resetDone;
  return {
    wish: record.wish,
    resetWanted: outstanding ? record.resetWanted : 0n,
    resumed: record.resumed,
    deleteEmitted: record.deleteEmitted,
    swap: !isLive && generation.swap,
    aggregatesChanged: [...generation.aggregates.values()].some(({ due }) => due),
    acquire:
      other !== undefined &&
      !isLeased(other, now) &&
      (other.definitionVersion === generation.definitionVersion || record.wish === 'DELETE'),
  };
}

function generationOf(record: GenerationRecord, head: bigint, now: Microseconds): ProjectionGeneration {
  const { position } = record.position;
  return {
    generation: record.generation,
    definitionVersion: record.definitionVersion,
    position: { ...record.position },
    lag: head > position ? head - position : 0n,
    runner: isLeased(record, now) ? record.runner : '',
    fence: record.fence,
    leasedUntil: record.leasedUntil,
    failure: record.failure,
    reportedAt: record.reportedAt,
    metrics: { ...record.metrics },
    comparison: record.comparison,
  };
}

/** The generation that was built, or that a runner's own database says is live, takes the live one's place. */
export function becomeLive(record: ProjectionRecord, generation: GenerationRecord): void {
  record.live = generation;
  record.building = undefined;
  // It was built from the beginning: what a reset is for is done.
  generation.resetDone = record.resetWanted;
  generation.swap = false;
}
