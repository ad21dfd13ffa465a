import type { StreamId } from '../core/stream.js';
import type { Parameters } from './parameters.js';
import { quotedSchema } from './schema.js';

/** Some versions of a stream, both bounds included; none if the last is below the first. */
export interface VersionRange {
  readonly stream: StreamId;
  readonly first: bigint;
  readonly last: bigint;
}

/** Where a statement looks for events, besides between which positions. */
export type Place =
  | { readonly kind: 'LOG' }
  | { readonly kind: 'AGGREGATE_TYPES'; readonly aggregateTypes: readonly string[] }
  /** At least one range to look into. */
  | {
      readonly kind: 'VERSIONS';
      readonly ranges: readonly VersionRange[];
      /** Whether all of these versions lie between the positions that are asked for. */
      readonly within: boolean;
    };

/** What stands behind FROM, for the events under the name `e`, and the conditions that belong to it. */
export function placeClauses(
  schema: string,
  place: Place,
  parameters: Parameters,
): { from: string; conditions: readonly string[] } {
  const events = `${quotedSchema(schema)}.events`;
  switch (place.kind) {
    case 'LOG':
      return { from: `${events} e`, conditions: [] };
    case 'AGGREGATE_TYPES': {
      const { aggregateTypes } = place;
      const condition =
        aggregateTypes.length === 1
          ? `e.aggregate_type = ${parameters.text(aggregateTypes[0] ?? '')}`
          : `e.aggregate_type = ANY (${parameters.texts(aggregateTypes)})`;
      return { from: `${events} e`, conditions: [condition] };
    }
    case 'VERSIONS': {
      const { ranges } = place;
      const [only] = ranges;
      if (only !== undefined && ranges.length === 1)
        return {
          from: `${events} e`,
          conditions: [
            `e.aggregate_type = ${parameters.text(only.stream.aggregateType)}`,
            `e.aggregate_id = ${parameters.text(only.stream.aggregateId)}`,
            `e.version >= ${parameters.bigint(only.first)}`,
            `e.version <= ${parameters.bigint(only.last)}`,
          ],
        };
      const types = parameters.texts(ranges.map(({ stream }) => stream.aggregateType));
      const ids = parameters.texts(ranges.map(({ stream }) => stream.aggregateId));
      const firsts = parameters.bigints(ranges.map(({ first }) => first));
      const lasts = parameters.bigints(ranges.map(({ last }) => last));
      // OFFSET 0 keeps the planner from walking all positions instead, in search of these streams.
      return {
        from: `unnest(${types}, ${ids}, ${firsts}, ${lasts}) n (aggregate_type, aggregate_id, first, last)
                 CROSS JOIN LATERAL
                 (SELECT o.* FROM ${events} o
                   WHERE o.aggregate_type = n.aggregate_type AND o.aggregate_id = n.aggregate_id
                     AND o.version >= n.first AND o.version <= n.last
                  OFFSET 0) e`,
        conditions: [],
      };
    }
  }
}
