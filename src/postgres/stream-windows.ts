import type { Queries } from './database.js';
import { Parameters } from './parameters.js';
import type { VersionRange } from './place.js';
import { quotedSchema } from './schema.js';

/** Versions of some streams to be read next, and the positions that are covered by reading them. */
export interface StreamWindows {
  readonly after: bigint;
  readonly to: bigint;
  /** As many as were asked for, in their order; some may be empty. */
  readonly ranges: readonly VersionRange[];
}

/** `functions/stream_windows.sql`: at most `most` versions of each of the ranges, from one end of the positions on. */
export async function streamWindows(
  database: Queries,
  schema: string,
  wanted: StreamWindows & { readonly most: bigint; readonly direction: 'FORWARDS' | 'BACKWARDS' },
  signal?: AbortSignal,
): Promise<StreamWindows> {
  const { ranges, after, to, most, direction } = wanted;
  const parameters = new Parameters();
  const given = [
    parameters.texts(ranges.map(({ stream }) => stream.aggregateType)),
    parameters.texts(ranges.map(({ stream }) => stream.aggregateId)),
    parameters.bigints(ranges.map(({ first }) => first)),
    parameters.bigints(ranges.map(({ last }) => last)),
    parameters.bigint(after),
    parameters.bigint(to),
    parameters.bigint(most),
    parameters.boolean(direction === 'BACKWARDS'),
  ];
  const rows = await database.query(
    'read',
    `SELECT first_version, last_version, after_position, up_to_position
       FROM ${quotedSchema(schema)}.stream_windows(${given.join(', ')})`,
    parameters.values,
    { signal },
  );
  const [any] = rows;
  return {
    after: BigInt(any?.[2] ?? after),
    to: BigInt(any?.[3] ?? to),
    ranges: ranges.map(({ stream }, index) => {
      const [first, last] = rows[index] ?? [];
      return { stream, first: BigInt(first ?? 1), last: BigInt(last ?? 0) };
    }),
  };
}
