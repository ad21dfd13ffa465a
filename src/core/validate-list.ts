import { LIST_PAGE } from './limits.js';
import type { CountEventsRequest, ListAggregateTypesRequest, ListStreamsRequest } from './stream-list.js';
import type { StreamId } from './stream.js';
import { validateStream } from './validate-append.js';
import { validateSelection } from './validate-read.js';
import { nameProblem, typeNameProblem, Violations } from './validate.js';

/** Throws `InvalidRequestError` with every field that is wrong. */
export function validateGetStream(stream: StreamId): void {
  const violations = new Violations();
  validateStream(stream, 'stream', violations);
  violations.throwIfAny();
}

/** Throws `InvalidRequestError` with every field that is wrong; the page token is looked at where it is read. */
export function validateListStreams(request: ListStreamsRequest): void {
  const violations = new Violations();
  const { aggregateType, aggregateIdPrefix } = request;
  if (aggregateType !== undefined) {
    const problem = typeNameProblem(aggregateType);
    if (problem !== undefined) violations.add('aggregate_type', problem);
  }
  if (aggregateIdPrefix !== undefined) {
    const problem = nameProblem(aggregateIdPrefix);
    if (problem !== undefined) violations.add('aggregate_id_prefix', problem);
    if (aggregateType === undefined)
      violations.add('aggregate_id_prefix', 'needs aggregate_type: ids are looked for within one type');
  }
  pageSize(request.pageSize, violations);
  violations.throwIfAny();
}

/** Throws `InvalidRequestError` with every field that is wrong; the page token is looked at where it is read. */
export function validateListAggregateTypes(request: ListAggregateTypesRequest): void {
  const violations = new Violations();
  pageSize(request.pageSize, violations);
  violations.throwIfAny();
}

/** Throws `InvalidRequestError` with every field that is wrong. */
export function validateCountEvents(request: CountEventsRequest): void {
  const violations = new Violations();
  validateSelection(request, violations);
  violations.throwIfAny();
}

function pageSize(size: number | undefined, violations: Violations): void {
  if (size !== undefined && !(Number.isInteger(size) && size >= 1 && size <= LIST_PAGE))
    violations.add('page_size', `is ${size}, it must be from 1 to ${LIST_PAGE}`);
}
