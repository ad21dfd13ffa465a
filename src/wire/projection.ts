import { create } from '@bufbuild/protobuf';
import {
  type Projection as WireProjection,
  type ProjectionFailure as WireProjectionFailure,
  ProjectionFailureSchema,
  type ProjectionGeneration as WireProjectionGeneration,
  ProjectionGenerationSchema,
  ProjectionKind as WireKind,
  ProjectionSchema,
  ProjectionStatus as WireStatus,
} from '../../gen/headwater/v1/projection_pb.js';
import type {
  Projection,
  ProjectionFailure,
  ProjectionGeneration,
  ProjectionKind,
  ProjectionStatus,
} from '../core/projections.js';
import type { LogPosition } from '../core/subscribe.js';
import type { Violations } from '../core/validate.js';
import { fromWireLogPosition, toWireLogPosition } from './log-position.js';
import { readWireStream, toWireStream } from './stream.js';
import { fromWireTimestamp, readWireTimestamp, toWireTimestamp } from './timestamp.js';

export function toWireProjection(projection: Projection): WireProjection {
  const { building, createdAt, failedAggregates, head, kind, live, name, status } = projection;
  return create(ProjectionSchema, {
    name,
    kind: WireKind[kind],
    status: WireStatus[status],
    live: toWireGeneration(live),
    ...(building ? { building: toWireGeneration(building) } : {}),
    head,
    createdAt: toWireTimestamp(createdAt),
    failedAggregates,
  });
}

/** The projection; empty if the answer does not say. */
export function fromWireProjection(projection: WireProjection | undefined): Projection {
  const { building, createdAt, failedAggregates, head, kind, live, name, status } =
    projection ?? create(ProjectionSchema);
  return {
    name,
    kind: readWireKind(kind),
    status: STATUSES[status] ?? 'WAITING',
    live: fromWireGeneration(live ?? create(ProjectionGenerationSchema)),
    building: building && fromWireGeneration(building),
    head,
    createdAt: createdAt ? readWireTimestamp(createdAt) : 0n,
    failedAggregates,
  };
}

export function toWireKind(kind: ProjectionKind): WireKind {
  return WireKind[kind];
}

/** The kind; refused if it is not set or not known here. */
export function fromWireKind(kind: WireKind, violations: Violations): ProjectionKind {
  const known = KINDS[kind];
  if (known === undefined)
    violations.add('kind', kind === 0 ? 'must be set' : `is ${kind}, which is not known here`);
  return known ?? 'STATE';
}

/** As {@link fromWireKind} where the other side is the service, which is believed. */
export function readWireKind(kind: WireKind): ProjectionKind {
  return KINDS[kind] ?? 'STATE';
}

const KINDS: Readonly<Partial<Record<WireKind, ProjectionKind>>> = {
  [WireKind.STATE]: 'STATE',
  [WireKind.READ_MODEL]: 'READ_MODEL',
  [WireKind.AGGREGATES]: 'AGGREGATES',
  [WireKind.REACTOR]: 'REACTOR',
  [WireKind.RELAY]: 'RELAY',
};

const STATUSES: Readonly<Partial<Record<WireStatus, ProjectionStatus>>> = {
  [WireStatus.RUNNING]: 'RUNNING',
  [WireStatus.WAITING]: 'WAITING',
  [WireStatus.PAUSED]: 'PAUSED',
  [WireStatus.STOPPED]: 'STOPPED',
  [WireStatus.FAILED]: 'FAILED',
  [WireStatus.DELETING]: 'DELETING',
};

export function toWireFailure(failure: ProjectionFailure): WireProjectionFailure {
  const { attempts, error, failedAt, position, retryAt, stream } = failure;
  return create(ProjectionFailureSchema, {
    position,
    stream: toWireStream(stream),
    error,
    attempts,
    failedAt: toWireTimestamp(failedAt),
    ...(retryAt === undefined ? {} : { retryAt: toWireTimestamp(retryAt) }),
  });
}

/** What went wrong; its limits are looked at by the service's own validation. */
export function fromWireFailure(
  failure: WireProjectionFailure,
  field: string,
  violations: Violations,
): ProjectionFailure {
  const time = (of: 'failedAt' | 'retryAt', name: string) => {
    const value = failure[of];
    return value && fromWireTimestamp(value, `${field}.${name}`, violations);
  };
  const failedAt = time('failedAt', 'failed_at');
  if (failedAt === undefined) violations.add(`${field}.failed_at`, 'must be set');
  return { ...readFailure(failure), failedAt: failedAt ?? 0n, retryAt: time('retryAt', 'retry_at') };
}

/** As {@link fromWireFailure} where the other side is the service, which is believed. */
export function readFailure(failure: WireProjectionFailure): ProjectionFailure {
  const { attempts, error, failedAt, position, retryAt, stream } = failure;
  return {
    position,
    stream: readWireStream(stream),
    error,
    attempts,
    failedAt: failedAt ? readWireTimestamp(failedAt) : 0n,
    retryAt: retryAt && readWireTimestamp(retryAt),
  };
}

/** The position; refused if it is not set. */
export function fromWirePosition(
  position: { readonly position: bigint; readonly epoch: bigint } | undefined,
  field: string,
  violations: Violations,
): LogPosition {
  if (position === undefined) violations.add(field, 'must be set');
  return fromWireLogPosition(position ?? { position: 0n, epoch: 0n });
}

function toWireGeneration(generation: ProjectionGeneration): WireProjectionGeneration {
  const { comparison, definitionVersion, failure, fence, lag, leasedUntil, metrics, reportedAt, runner } =
    generation;
  return create(ProjectionGenerationSchema, {
    generation: generation.generation,
    definitionVersion,
    position: toWireLogPosition(generation.position),
    lag,
    runner,
    fence,
    ...(leasedUntil === undefined ? {} : { leasedUntil: toWireTimestamp(leasedUntil) }),
    ...(failure ? { failure: toWireFailure(failure) } : {}),
    ...(reportedAt === undefined ? {} : { reportedAt: toWireTimestamp(reportedAt) }),
    metrics: { ...metrics },
    comparison,
  });
}

function fromWireGeneration(generation: WireProjectionGeneration): ProjectionGeneration {
  const { comparison, definitionVersion, failure, fence, lag, leasedUntil, metrics, reportedAt, runner } =
    generation;
  return {
    generation: generation.generation,
    definitionVersion,
    position: fromWireLogPosition(generation.position ?? { position: 0n, epoch: 0n }),
    lag,
    runner,
    fence,
    leasedUntil: leasedUntil && readWireTimestamp(leasedUntil),
    failure: failure && readFailure(failure),
    reportedAt: reportedAt && readWireTimestamp(reportedAt),
    metrics: { ...metrics },
    comparison,
  };
}
