import type { EventSelection } from './selection.js';

/**
 * The selection as JSON, for where it is kept: what means the same by its defaults is the same text. A number that may be
 * larger than a double holds exactly is written as `{"integer": "…"}`.
 */
export function selectionToJson({ scope, filters }: EventSelection): string {
  return JSON.stringify(
    plain({
      ...(scope === undefined || scope.kind === 'LOG' ? {} : { scope }),
      ...(filters === undefined || filters.length === 0 ? {} : { filters }),
    }),
  );
}

/** What {@link selectionToJson} made a text of. */
export function selectionFromJson(json: string): EventSelection {
  return JSON.parse(json, (_, value: unknown) =>
    isInteger(value) ? BigInt(value.integer) : value,
  ) as EventSelection;
}

/** With keys in one order, without those that are not set. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return { integer: value.toString() };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, field]) => [key, plain(field)]),
  );
}

function isInteger(value: unknown): value is { readonly integer: string } {
  return (
    typeof value === 'object' && value !== null && 'integer' in value && typeof value.integer === 'string'
  );
}
