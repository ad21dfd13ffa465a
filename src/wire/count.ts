import { create } from '@bufbuild/protobuf';
import {
  type CountEventsRequest as WireCountEventsRequest,
  CountEventsRequestSchema,
  type CountEventsResponse as WireCountEventsResponse,
  CountEventsResponseSchema,
} from '../../gen/headwater/v1/event_store_service_pb.js';
import type { CountEventsRequest, EventCount } from '../core/stream-list.js';
import { Violations } from '../core/validate.js';
import { fromWireFilter, fromWireScope, toWireFilter, toWireScope } from './filter.js';

export function toWireCountEventsRequest(request: CountEventsRequest): WireCountEventsRequest {
  return create(CountEventsRequestSchema, {
    scope: toWireScope(request.scope),
    filters: request.filters?.map(toWireFilter) ?? [],
    includeDeleted: request.includeDeleted ?? false,
  });
}

/** What to count; throws `InvalidRequestError` for what is unset, unknown or has no equal in the log. */
export function fromWireCountEventsRequest(request: WireCountEventsRequest): CountEventsRequest {
  const violations = new Violations();
  const scope = fromWireScope(request.scope, violations);
  const filters = request.filters.map((filter, index) =>
    fromWireFilter(filter, `filters[${index}]`, violations),
  );
  violations.throwIfAny();
  return { scope, filters, ...(request.includeDeleted ? { includeDeleted: true } : {}) };
}

export function toWireEventCount({ count, position, epoch }: EventCount): WireCountEventsResponse {
  return create(CountEventsResponseSchema, { count, position, epoch });
}

export function fromWireEventCount({ count, position, epoch }: WireCountEventsResponse): EventCount {
  return { count, position, epoch };
}
