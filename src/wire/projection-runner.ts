import { create } from '@bufbuild/protobuf';
import {
  type AcquireProjectionRequest,
  AcquireProjectionRequestSchema,
  type AcquireProjectionResponse,
  AcquireProjectionResponseSchema,
  type AggregateProgress as WireAggregateProgress,
  AggregateProgressSchema,
  type LoadProjectionRequest as WireLoadProjectionRequest,
  LoadProjectionRequestSchema,
  type LoadProjectionResponse,
  LoadProjectionResponseSchema,
  ProjectionWish,
  type ReportProjectionRequest,
  ReportProjectionRequestSchema,
  type ReportProjectionResponse,
  ReportProjectionResponseSchema,
  type SaveProjectionRequest,
  SaveProjectionRequestSchema,
} from '../../gen/headwater/v1/projection_service_pb.js';
import type {
  Acquired,
  AcquireRequest,
  AggregateProgress,
  LoadProjectionRequest,
  ProjectionLease,
  ProjectionOrders,
  ProjectionReport,
  ProjectionSave,
  SavedProjection,
} from '../core/projections.js';
import {
  validateAcquire,
  validateLease,
  validateLoadProjection,
  validateReport,
  validateSave,
} from '../core/validate-projection.js';
import { Violations } from '../core/validate.js';
import { fromWireLogPosition, toWireLogPosition } from './log-position.js';
import { readWireMilliseconds, toWireMilliseconds } from './milliseconds.js';
import {
  fromWireFailure,
  fromWireKind,
  readWireKind,
  fromWirePosition,
  readFailure,
  toWireFailure,
  toWireKind,
} from './projection.js';
import { readWireStream, toWireStream } from './stream.js';

type LeaseName = Pick<ProjectionLease, 'name' | 'generation' | 'fence'>;

/** A report, and under which lease. */
export interface LeaseReport {
  readonly lease: LeaseName;
  readonly report: ProjectionReport;
}

/** A save, and under which lease. */
export interface LeaseSave {
  readonly lease: LeaseName;
  readonly save: ProjectionSave;
}

export function toWireLeaseName({ name, generation, fence }: LeaseName): LeaseName {
  return { name, generation, fence };
}

/** Whose lease; throws `InvalidRequestError` for what cannot be one. */
export function fromWireLeaseName(wire: LeaseName): LeaseName {
  const lease = toWireLeaseName(wire);
  validateLease(lease);
  return lease;
}

export function toWireAcquireRequest(request: AcquireRequest): AcquireProjectionRequest {
  return create(AcquireProjectionRequestSchema, {
    ...request,
    kind: toWireKind(request.kind),
    liveGeneration: request.liveGeneration ?? 0n,
  });
}

export function fromWireAcquireRequest(wire: AcquireProjectionRequest): AcquireRequest {
  const { definitionVersion, liveGeneration, name, runner, runnerId } = wire;
  const violations = new Violations();
  const kind = fromWireKind(wire.kind, violations);
  violations.throwIfAny();
  const request = { name, kind, definitionVersion: definitionVersion || 1, runner, runnerId, liveGeneration };
  validateAcquire(request);
  return request;
}

export function toWireAcquired({ leaseMs, leases, stopped }: Acquired): AcquireProjectionResponse {
  return create(AcquireProjectionResponseSchema, {
    leases: leases.map(({ fence, generation, live, position }) => ({
      generation,
      live,
      fence,
      position: toWireLogPosition(position),
    })),
    leaseDuration: toWireMilliseconds(leaseMs),
    stopped,
  });
}

export function fromWireAcquired(
  { leaseDuration, leases, stopped }: AcquireProjectionResponse,
  name: string,
): Acquired {
  return {
    leases: leases.map(({ fence, generation, live, position }) => ({
      name,
      generation,
      live,
      fence,
      position: fromWireLogPosition(position ?? { position: 0n, epoch: 0n }),
    })),
    leaseMs: readWireMilliseconds(leaseDuration),
    stopped,
  };
}

export function toWireReport({ lease, report }: LeaseReport): ReportProjectionRequest {
  const { comparison = '', failed = false, failure, metrics = {}, position, resetDone = 0n } = report;
  return create(ReportProjectionRequestSchema, {
    ...toWireLeaseName(lease),
    ...(position ? { position: toWireLogPosition(position) } : {}),
    ...(failure ? { failure: toWireFailure(failure) } : {}),
    failed,
    metrics: { ...metrics },
    comparison,
    resetDone,
  });
}

export function fromWireReport(wire: ReportProjectionRequest): LeaseReport {
  const { comparison, failed, failure, metrics, position, resetDone } = wire;
  const violations = new Violations();
  const report: ProjectionReport = {
    ...(position ? { position: fromWireLogPosition(position) } : {}),
    failure: failure && fromWireFailure(failure, 'failure', violations),
    failed,
    metrics,
    comparison,
    resetDone,
  };
  violations.throwIfAny();
  const lease = toWireLeaseName(wire);
  validateReport(lease, report);
  return { lease, report };
}

export function toWireOrders({ wish, ...orders }: ProjectionOrders): ReportProjectionResponse {
  return create(ReportProjectionResponseSchema, { ...orders, wish: ProjectionWish[wish] });
}

export function fromWireOrders(wire: ReportProjectionResponse): ProjectionOrders {
  const { acquire, aggregatesChanged, deleteEmitted, resetWanted, resumed, swap, wish } = wire;
  return {
    // One that is not known here comes of a newer service: to do nothing is never wrong.
    wish: WISHES[wish] ?? 'PAUSE',
    resetWanted,
    resumed,
    deleteEmitted,
    swap,
    aggregatesChanged,
    acquire,
  };
}

const WISHES: Readonly<Partial<Record<ProjectionWish, ProjectionOrders['wish']>>> = {
  [ProjectionWish.RUN]: 'RUN',
  [ProjectionWish.PAUSE]: 'PAUSE',
  [ProjectionWish.STOP]: 'STOP',
  [ProjectionWish.DELETE]: 'DELETE',
};

export function toWireSave({ lease, save }: LeaseSave): SaveProjectionRequest {
  const { aggregates = [], contentType = '', position, resetDone = 0n, state } = save;
  return create(SaveProjectionRequestSchema, {
    ...toWireLeaseName(lease),
    position: toWireLogPosition(position),
    ...(state ? { state } : {}),
    contentType,
    aggregates: aggregates.map(toWireProgress),
    resetDone,
  });
}

/** What to keep, its states copied. */
export function fromWireSave(wire: SaveProjectionRequest): LeaseSave {
  const { aggregates, contentType, resetDone, state } = wire;
  const violations = new Violations();
  const save: ProjectionSave = {
    position: fromWirePosition(wire.position, 'position', violations),
    ...(state ? { state: Uint8Array.from(state) } : {}),
    ...(contentType === '' ? {} : { contentType }),
    aggregates: aggregates.map((one, index) => ({
      ...readProgress(one),
      failure: one.failure && fromWireFailure(one.failure, `aggregates[${index}].failure`, violations),
    })),
    ...(resetDone === 0n ? {} : { resetDone }),
  };
  violations.throwIfAny();
  const lease = toWireLeaseName(wire);
  validateSave(lease, save);
  return { lease, save };
}

export function toWireLoadRequest(request: LoadProjectionRequest): WireLoadProjectionRequest {
  const { due = false, generation = 0n, minPosition, name, streams = [] } = request;
  return create(LoadProjectionRequestSchema, {
    name,
    generation,
    streams: streams.map(toWireStream),
    due,
    ...(minPosition ? { minPosition: toWireLogPosition(minPosition) } : {}),
  });
}

export function fromWireLoadRequest(wire: WireLoadProjectionRequest): LoadProjectionRequest {
  const { due, generation, minPosition, name, streams } = wire;
  const request = {
    name,
    generation,
    streams: streams.map(readWireStream),
    due,
    ...(minPosition ? { minPosition: fromWireLogPosition(minPosition) } : {}),
  };
  validateLoadProjection(request);
  return request;
}

export function toWireSavedProjection(saved: SavedProjection): LoadProjectionResponse {
  return create(LoadProjectionResponseSchema, {
    position: toWireLogPosition(saved.position),
    state: saved.state,
    contentType: saved.contentType,
    aggregates: saved.aggregates.map(toWireProgress),
    generation: saved.generation,
    kind: toWireKind(saved.kind),
  });
}

export function fromWireSavedProjection(wire: LoadProjectionResponse): SavedProjection {
  return {
    kind: readWireKind(wire.kind),
    generation: wire.generation,
    position: fromWireLogPosition(wire.position ?? { position: 0n, epoch: 0n }),
    state: Uint8Array.from(wire.state),
    contentType: wire.contentType,
    aggregates: wire.aggregates.map(readProgress),
  };
}

function toWireProgress({ failure, state, stream, version }: AggregateProgress): WireAggregateProgress {
  return create(AggregateProgressSchema, {
    stream: toWireStream(stream),
    version,
    state,
    ...(failure ? { failure: toWireFailure(failure) } : {}),
  });
}

function readProgress({ failure, state, stream, version }: WireAggregateProgress): AggregateProgress {
  return {
    stream: readWireStream(stream),
    version,
    state: Uint8Array.from(state),
    failure: failure && readFailure(failure),
  };
}
