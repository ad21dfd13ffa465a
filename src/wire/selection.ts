import { create, toBinary } from '@bufbuild/protobuf';
import {
  type Selection as WireSelection,
  SelectionSchema,
  type StartPoint as WireStartPoint,
  StartPointSchema,
} from '../../gen/headwater/v1/selection_pb.js';
import type { EventSelection } from '../core/selection.js';
import type { SubscribeStart } from '../core/subscribe.js';
import type { Violations } from '../core/validate.js';
import { fromWireFilter, fromWireScope, toWireFilter, toWireScope } from './filter.js';
import { fromWireStart, toWireStart } from './subscribe.js';

/** Bytes of a selection: it is kept, and comes back in lists. */
const SELECTION_BYTES = 256 * 1024;

export function toWireSelection({ filters = [], scope }: EventSelection): WireSelection {
  return create(SelectionSchema, { scope: toWireScope(scope), filters: filters.map(toWireFilter) });
}

/** Which events; adds what has no equal in the log. Its names are looked at elsewhere. */
export function fromWireSelection(selection: WireSelection, violations: Violations): EventSelection {
  const bytes = toBinary(SelectionSchema, selection).byteLength;
  if (bytes > SELECTION_BYTES)
    violations.add('selection', `is ${bytes} bytes long, the limit is ${SELECTION_BYTES}`);
  const filters = selection.filters.map((filter, index) =>
    fromWireFilter(filter, `selection.filters[${index}]`, violations),
  );
  const scope = fromWireScope(selection.scope, violations);
  return { ...(scope.kind === 'LOG' ? {} : { scope }), ...(filters.length === 0 ? {} : { filters }) };
}

export function toWireStartPoint(start: SubscribeStart): WireStartPoint {
  return create(StartPointSchema, { start: toWireStart(start) });
}

export function fromWireStartPoint({ start }: WireStartPoint, violations: Violations): SubscribeStart {
  return fromWireStart(start, violations, 'start.');
}
