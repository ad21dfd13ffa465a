import { create } from '@bufbuild/protobuf';
import {
  ComparisonOperator as WireOperator,
  type MetadataComparison as WireComparison,
  MetadataComparisonSchema,
  ValueKind as WireKind,
} from '../../gen/headwater/v1/filter_pb.js';
import type { ComparisonOperator, MetadataComparison, ValueKind } from '../core/filter.js';
import type { Violations } from '../core/validate.js';

export function toWireComparison(comparison: MetadataComparison): WireComparison {
  return create(MetadataComparisonSchema, {
    key: comparison.key,
    operator: WireOperator[comparison.operator],
    kind: comparison.kind === undefined ? WireKind.UNSPECIFIED : WireKind[comparison.kind],
    values: [...comparison.values],
  });
}

/** The comparison; an operator that is unset, and what is unknown, is refused. */
export function fromWireComparison(
  comparison: WireComparison,
  field: string,
  violations: Violations,
): MetadataComparison {
  const kind = fromWireKind(comparison.kind, `${field}.kind`, violations);
  return {
    key: comparison.key,
    operator: fromWireOperator(comparison.operator, `${field}.operator`, violations),
    ...(kind === undefined ? {} : { kind }),
    values: comparison.values,
  };
}

function fromWireOperator(value: WireOperator, field: string, violations: Violations): ComparisonOperator {
  switch (value) {
    case WireOperator.EQUAL:
      return 'EQUAL';
    case WireOperator.NOT_EQUAL:
      return 'NOT_EQUAL';
    case WireOperator.GREATER:
      return 'GREATER';
    case WireOperator.GREATER_OR_EQUAL:
      return 'GREATER_OR_EQUAL';
    case WireOperator.LESS:
      return 'LESS';
    case WireOperator.LESS_OR_EQUAL:
      return 'LESS_OR_EQUAL';
    case WireOperator.IN:
      return 'IN';
    case WireOperator.NOT_IN:
      return 'NOT_IN';
    case WireOperator.MATCHES:
      return 'MATCHES';
    case WireOperator.UNSPECIFIED:
      violations.add(field, 'must be set');
      return 'EQUAL';
    default:
      violations.add(field, `is ${String(value)}, which this service does not know`);
      return 'EQUAL';
  }
}

function fromWireKind(value: WireKind, field: string, violations: Violations): ValueKind | undefined {
  switch (value) {
    case WireKind.UNSPECIFIED:
      return undefined;
    case WireKind.STRING:
      return 'STRING';
    case WireKind.NUMBER:
      return 'NUMBER';
    case WireKind.BOOLEAN:
      return 'BOOLEAN';
    default:
      violations.add(field, `is ${String(value)}, which this service does not know`);
      return undefined;
  }
}
