import type { Filter, Range, Scope, StreamPattern } from './filter.js';
import { COMPARISONS, FILTER_NAMES, FILTER_TAGS, FILTERS, MAX_BIGINT } from './limits.js';
import type { LoadRequest } from './load.js';
import { streamKey } from './stream.js';
import type { SubscribeRequest } from './subscribe.js';
import { validateLogPosition, validateStream } from './validate-append.js';
import { validateComparison } from './validate-comparison.js';
import { nameProblem, typeNameProblem, Violations } from './validate.js';

/** Throws `InvalidRequestError` with every field that is wrong. */
export function validateLoad(request: LoadRequest): void {
  const violations = new Violations();
  validateSelection(request, violations);
  if (request.limit !== undefined && (request.limit < 1n || request.limit > MAX_BIGINT))
    violations.add('limit', `is ${request.limit}, it must be from 1 to ${MAX_BIGINT}, or left out for all`);
  if (request.minPosition) validateLogPosition(request.minPosition, 'min_position', violations);
  violations.throwIfAny();
}

/** Throws `InvalidRequestError` with every field that is wrong. */
export function validateSubscribe(request: SubscribeRequest): void {
  const violations = new Violations();
  validateSelection(request, violations);
  if (request.start?.kind === 'AFTER') validateLogPosition(request.start.after, 'after', violations);
  violations.throwIfAny();
}

/**
 * Adds what is wrong with scope and filters.
 *
 * @param path in front of the fields: `selection.` where they do not stand in the request itself
 */
export function validateSelection(
  request: { readonly scope?: Scope; readonly filters?: readonly Filter[] },
  violations: Violations,
  path = '',
): void {
  if (request.scope) validateScope(request.scope, violations, path);
  const filters = request.filters ?? [];
  if (filters.length > FILTERS)
    violations.add(`${path}filters`, `has ${filters.length} filters, the limit is ${FILTERS}`);
  else filters.forEach((filter, index) => validateFilter(filter, `${path}filters[${index}]`, violations));
}

function validateScope(scope: Scope, violations: Violations, path: string): void {
  switch (scope.kind) {
    case 'LOG':
      return;
    case 'STREAM':
      validateStream(scope.stream, `${path}stream`, violations);
      return;
    case 'STREAMS':
      if (!count(scope.streams.length, 1, `${path}streams.streams`, 'streams', violations)) return;
      scope.streams.forEach((stream, index) =>
        validateStream(stream, `${path}streams.streams[${index}]`, violations),
      );
      if (new Set(scope.streams.map(streamKey)).size !== scope.streams.length)
        violations.add(`${path}streams.streams`, 'has a stream twice');
      return;
    case 'AGGREGATE_TYPES':
      names(scope.aggregateTypes, 1, `${path}aggregate_types.aggregate_types`, typeNameProblem, violations);
  }
}

function validateFilter(filter: Filter, path: string, violations: Violations): void {
  if (filter.eventTypes) names(filter.eventTypes, 0, `${path}.event_types`, nameProblem, violations);
  if (filter.tags) names(filter.tags, 0, `${path}.tags`, nameProblem, violations, FILTER_TAGS);
  const streams = filter.streams ?? [];
  if (count(streams.length, 0, `${path}.streams`, 'patterns', violations))
    streams.forEach((pattern, index) => validatePattern(pattern, `${path}.streams[${index}]`, violations));
  range(filter.versions, `${path}.versions`, 1n, violations);
  range(filter.positions, `${path}.positions`, 1n, violations);
  range(filter.recorded, `${path}.recorded`, undefined, violations);
  const comparisons = filter.metadata ?? [];
  if (comparisons.length > COMPARISONS)
    violations.add(`${path}.metadata`, `has ${comparisons.length} comparisons, the limit is ${COMPARISONS}`);
  else
    comparisons.forEach((comparison, index) =>
      validateComparison(comparison, `${path}.metadata[${index}]`, violations),
    );
}

function validatePattern(pattern: StreamPattern, path: string, violations: Violations): void {
  const { aggregateType, aggregateId, aggregateIdPrefix } = pattern;
  const check = (field: string, problem: string | undefined) => {
    if (problem !== undefined) violations.add(`${path}.${field}`, problem);
  };
  if (aggregateType !== undefined) check('aggregate_type', typeNameProblem(aggregateType));
  if (aggregateId !== undefined) check('aggregate_id', nameProblem(aggregateId));
  if (aggregateIdPrefix !== undefined) check('aggregate_id_prefix', nameProblem(aggregateIdPrefix));
  if (aggregateId !== undefined && aggregateIdPrefix !== undefined)
    violations.add(path, 'has aggregate_id and aggregate_id_prefix; it may have one of them');
}

function names(
  values: readonly string[],
  least: number,
  path: string,
  problemOf: (value: string) => string | undefined,
  violations: Violations,
  most = FILTER_NAMES,
): void {
  if (!count(values.length, least, path, 'names', violations, most)) return;
  values.forEach((value, index) => {
    const problem = problemOf(value);
    if (problem !== undefined) violations.add(`${path}[${index}]`, problem);
  });
}

function count(
  length: number,
  least: number,
  path: string,
  what: string,
  violations: Violations,
  most = FILTER_NAMES,
): boolean {
  if (length >= least && length <= most) return true;
  violations.add(path, `has ${length} ${what}, it must have from ${least} to ${most}`);
  return false;
}

function range(
  bounds: Range<bigint> | undefined,
  path: string,
  least: bigint | undefined,
  violations: Violations,
): void {
  if (bounds === undefined) return;
  for (const end of ['first', 'last'] as const) {
    const value = bounds[end];
    if (value === undefined) continue;
    if (value > MAX_BIGINT || value < (least ?? -MAX_BIGINT))
      violations.add(
        `${path}.${end}`,
        `is ${value}, it must be from ${least ?? -MAX_BIGINT} to ${MAX_BIGINT}`,
      );
  }
  if (bounds.first !== undefined && bounds.last !== undefined && bounds.first > bounds.last)
    violations.add(path, `begins at ${bounds.first}, behind its end ${bounds.last}`);
}
