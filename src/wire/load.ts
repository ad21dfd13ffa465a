import { create } from '@bufbuild/protobuf';
import {
  Direction,
  type LoadRequest as WireLoadRequest,
  LoadRequestSchema,
  type LoadResponse as WireLoadResponse,
  LoadResponseSchema,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import type { LoadPage, LoadRequest } from '../core/load.js';
import { Violations } from '../core/validate.js';
import { fromWireEvent, toWireEvent } from './event.js';
import { fromWireFilter, fromWireScope, toWireFilter, toWireScope } from './filter.js';
import { fromWireLogPosition, toWireLogPosition } from './log-position.js';

export function toWireLoadRequest(request: LoadRequest): WireLoadRequest {
  return create(LoadRequestSchema, {
    scope: toWireScope(request.scope),
    filters: request.filters?.map(toWireFilter) ?? [],
    direction: request.direction === 'BACKWARDS' ? Direction.BACKWARDS : Direction.FORWARDS,
    limit: request.limit ?? 0n,
    includeDeleted: request.includeDeleted ?? false,
    ...(request.minPosition ? { minPosition: toWireLogPosition(request.minPosition) } : {}),
    staleOk: request.staleOk ?? false,
  });
}

/** What to read; throws `InvalidRequestError` for what is unset, unknown or has no equal in the log. */
export function fromWireLoadRequest(request: WireLoadRequest): LoadRequest {
  const violations = new Violations();
  const scope = fromWireScope(request.scope, violations);
  const filters = request.filters.map((filter, index) =>
    fromWireFilter(filter, `filters[${index}]`, violations),
  );
  const direction = fromWireDirection(request.direction, violations);
  violations.throwIfAny();
  const { includeDeleted, limit, minPosition, staleOk } = request;
  return {
    scope,
    filters,
    direction,
    ...(limit === 0n ? {} : { limit }),
    ...(includeDeleted ? { includeDeleted } : {}),
    ...(minPosition ? { minPosition: fromWireLogPosition(minPosition) } : {}),
    ...(staleOk ? { staleOk } : {}),
  };
}

function fromWireDirection(value: Direction, violations: Violations): 'FORWARDS' | 'BACKWARDS' {
  switch (value) {
    case Direction.UNSPECIFIED:
    case Direction.FORWARDS:
      return 'FORWARDS';
    case Direction.BACKWARDS:
      return 'BACKWARDS';
    default:
      violations.add('direction', `is ${String(value)}, which this service does not know`);
      return 'FORWARDS';
  }
}

/** The plain way, and the meaning that {@link encodeLoadPage} must have. */
export function toWireLoadPage(page: LoadPage): WireLoadResponse {
  return create(LoadResponseSchema, {
    events: page.events.map(toWireEvent),
    scannedAfter: page.scannedAfter,
    scannedTo: page.scannedTo,
    epoch: page.epoch,
  });
}

export function fromWireLoadPage(page: WireLoadResponse): LoadPage {
  return {
    events: page.events.map(fromWireEvent),
    scannedAfter: page.scannedAfter,
    scannedTo: page.scannedTo,
    epoch: page.epoch,
  };
}
