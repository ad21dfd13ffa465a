import type { PageRequest } from './consumer-groups.js';
import { InvalidRequestError } from './errors.js';
import { LIST_PAGE, MAX_BIGINT, MAX_INTEGER, NAME_BYTES } from './limits.js';
import type {
  AcquireRequest,
  AggregateProgress,
  LoadProjectionRequest,
  ProjectionFailure,
  ProjectionLease,
  ProjectionReport,
  ProjectionSave,
} from './projections.js';
import { type StreamId, streamKey } from './stream.js';
import type { LogPosition } from './subscribe.js';
import { validateLogPosition, validateStream } from './validate-append.js';
import { nameProblem, textProblem, typeNameProblem, utf8Bytes, Violations } from './validate.js';

/** Bytes of states and errors of one save, and of one answer to a load. */
export const PROJECTION_STATE_BYTES = 4 * 1024 * 1024;
/** Aggregates of one save or load. */
export const PROJECTION_AGGREGATES = 1000;
/** Counts of one report … */
export const PROJECTION_METRICS = 32;
/** … and bytes of the name of each. */
export const METRIC_NAME_BYTES = 64;
/** Bytes that are kept of an error, or of what differs. */
export const PROJECTION_TEXT_BYTES = 4096;
/** The media type of states where none is said. */
export const STATE_CONTENT_TYPE = 'application/json';

type LeaseName = Pick<ProjectionLease, 'name' | 'generation' | 'fence'>;

/** Throws `InvalidRequestError` for what cannot be a projection's name. */
export function validateProjectionName(name: string): void {
  const violations = new Violations();
  projectionName(name, violations);
  violations.throwIfAny();
}

/** Throws `InvalidRequestError` with every field that is wrong; the page token is looked at where it is read. */
export function validateProjectionPage(request: PageRequest & { readonly name?: string }): void {
  const violations = new Violations();
  if ('name' in request) projectionName(request.name ?? '', violations);
  if (request.pageSize !== undefined) within(request.pageSize, 1, LIST_PAGE, 'page_size', violations);
  violations.throwIfAny();
}

/** Throws `InvalidRequestError` with every field that is wrong. */
export function validateWaitFor(name: string, minPosition: LogPosition): void {
  const violations = new Violations();
  projectionName(name, violations);
  validateLogPosition(minPosition, 'min_position', violations);
  violations.throwIfAny();
}

/** Throws `InvalidRequestError` with every field that is wrong. */
export function validateRetryAggregates(request: {
  readonly name: string;
  readonly stream?: StreamId;
}): void {
  const violations = new Violations();
  projectionName(request.name, violations);
  if (request.stream) validateStream(request.stream, 'stream', violations);
  violations.throwIfAny();
}

/** Throws `InvalidRequestError` with every field that is wrong. */
export function validateAcquire(request: AcquireRequest): void {
  const violations = new Violations();
  projectionName(request.name, violations);
  within(request.definitionVersion, 1, MAX_INTEGER, 'definition_version', violations);
  const runner = textProblem(request.runner) ?? tooLong(request.runner, NAME_BYTES);
  if (runner !== undefined) violations.add('runner', runner);
  const runnerId = nameProblem(request.runnerId);
  if (runnerId !== undefined) violations.add('runner_id', runnerId);
  if (request.liveGeneration !== undefined)
    within(request.liveGeneration, 0n, MAX_BIGINT, 'live_generation', violations);
  violations.throwIfAny();
}

/** Throws `InvalidRequestError` with every field that is wrong. */
export function validateLease(lease: LeaseName): void {
  const violations = new Violations();
  leaseName(lease, violations);
  violations.throwIfAny();
}

/** Throws `InvalidRequestError` with every field that is wrong. */
export function validateReport(lease: LeaseName, report: ProjectionReport): void {
  const violations = new Violations();
  leaseName(lease, violations);
  const { position, failure, failed, metrics = {}, resetDone } = report;
  if (position) validateLogPosition(position, 'position', violations);
  if (failure) validateFailure(failure, 'failure', violations, failure.stream.aggregateType === '');
  else if (failed) violations.add('failed', 'needs failure: because of what it stands still');
  const entries = Object.entries(metrics);
  if (entries.length > PROJECTION_METRICS)
    violations.add('metrics', `has ${entries.length} counts, the limit is ${PROJECTION_METRICS}`);
  else for (const [name, value] of entries) metric(name, value, violations);
  if (resetDone !== undefined) within(resetDone, 0n, MAX_BIGINT, 'reset_done', violations);
  violations.throwIfAny();
}

/** Throws `InvalidRequestError` with every field that is wrong. */
export function validateSave(lease: LeaseName, save: ProjectionSave): void {
  const violations = new Violations();
  leaseName(lease, violations);
  const { position, state, contentType, aggregates = [], resetDone } = save;
  validateLogPosition(position, 'position', violations);
  if (contentType !== undefined) {
    const problem = nameProblem(contentType);
    if (problem !== undefined) violations.add('content_type', problem);
  }
  if (resetDone !== undefined) within(resetDone, 0n, MAX_BIGINT, 'reset_done', violations);
  if (aggregates.length > PROJECTION_AGGREGATES)
    violations.add('aggregates', `has ${aggregates.length} entries, the limit is ${PROJECTION_AGGREGATES}`);
  violations.throwIfAny();
  aggregates.forEach((one, index) => validateProgress(one, `aggregates[${index}]`, violations));
  twice(
    aggregates.map(({ stream }) => stream),
    'aggregates',
    violations,
  );
  const bytes = aggregates.reduce((sum, one) => sum + progressBytes(one), state?.byteLength ?? 0);
  if (bytes > PROJECTION_STATE_BYTES)
    violations.add('state', `is ${bytes} bytes in all, the limit of one save is ${PROJECTION_STATE_BYTES}`);
  violations.throwIfAny();
}

/** Throws `InvalidRequestError` with every field that is wrong. */
export function validateLoadProjection(request: LoadProjectionRequest): void {
  const violations = new Violations();
  projectionName(request.name, violations);
  const { generation, streams = [], minPosition } = request;
  if (generation !== undefined) within(generation, 0n, MAX_BIGINT, 'generation', violations);
  if (minPosition) validateLogPosition(minPosition, 'min_position', violations);
  if (streams.length > PROJECTION_AGGREGATES)
    violations.add('streams', `has ${streams.length} streams, the limit is ${PROJECTION_AGGREGATES}`);
  violations.throwIfAny();
  streams.forEach((stream, index) => validateStream(stream, `streams[${index}]`, violations));
  twice(streams, 'streams', violations);
  violations.throwIfAny();
}

/** What counts against the bytes of a save or a load. */
export function progressBytes({ state, failure }: Pick<AggregateProgress, 'state' | 'failure'>): number {
  return state.byteLength + Math.min(PROJECTION_TEXT_BYTES, failure?.error.length ?? 0);
}

/**
 * What is kept of a text for people that comes from anywhere, such as an exception: as much as there is room for, without
 * what cannot be stored. It is not refused, since a runner must be able to say what went wrong.
 */
export function keptText(text: string): string {
  const plain = text.slice(0, PROJECTION_TEXT_BYTES).replaceAll('\u0000', '\uFFFD').toWellFormed();
  if (utf8Bytes(plain) <= PROJECTION_TEXT_BYTES) return plain;
  let [bytes, kept] = [0, ''];
  for (const character of plain) {
    bytes += utf8Bytes(character);
    if (bytes > PROJECTION_TEXT_BYTES) break;
    kept += character;
  }
  return kept;
}

/** The position in the page token of failed aggregates. */
export function failedBehind(key: string | undefined): bigint {
  if (key === undefined) return -1n;
  if (/^\d{1,18}$/.test(key)) return BigInt(key);
  throw new InvalidRequestError([{ field: 'page_token', description: 'is not one that this service made' }]);
}

/** The refusal of a save that would go back. */
export function positionGoesBack(position: bigint, kept: bigint): InvalidRequestError {
  return new InvalidRequestError([
    {
      field: 'position.position',
      description: `is ${position}, and the projection stands at ${kept}: only a reset goes back`,
    },
  ]);
}

/** The refusal of a load whose answer would be too large. */
export function tooManyStates(bytes: number): InvalidRequestError {
  return new InvalidRequestError([
    {
      field: 'streams',
      description: `have ${bytes} bytes of states, the limit of one answer is ${PROJECTION_STATE_BYTES}: ask for fewer`,
    },
  ]);
}

function projectionName(name: string, violations: Violations): void {
  const problem = typeNameProblem(name);
  if (problem !== undefined) violations.add('name', problem);
}

function leaseName({ name, generation, fence }: LeaseName, violations: Violations): void {
  projectionName(name, violations);
  within(generation, 1n, MAX_BIGINT, 'generation', violations);
  within(fence, 1n, MAX_BIGINT, 'fence', violations);
}

function validateFailure(
  failure: ProjectionFailure,
  path: string,
  violations: Violations,
  ofNoEvent = false,
): void {
  within(failure.position, 0n, MAX_BIGINT, `${path}.position`, violations);
  if (!ofNoEvent) validateStream(failure.stream, `${path}.stream`, violations);
  within(failure.attempts, 0, MAX_INTEGER, `${path}.attempts`, violations);
}

function validateProgress(one: AggregateProgress, path: string, violations: Violations): void {
  validateStream(one.stream, `${path}.stream`, violations);
  within(one.version, 0n, MAX_BIGINT, `${path}.version`, violations);
  if (one.failure) validateFailure(one.failure, `${path}.failure`, violations);
}

function metric(name: string, value: number, violations: Violations): void {
  const problem = nameProblem(name) ?? tooLong(name, METRIC_NAME_BYTES);
  if (problem !== undefined) violations.add('metrics', `has a name that ${problem}`);
  else if (!Number.isFinite(value)) violations.add(`metrics[${JSON.stringify(name)}]`, `is ${value}`);
}

function twice(streams: readonly StreamId[], path: string, violations: Violations): void {
  if (new Set(streams.map(streamKey)).size !== streams.length) violations.add(path, 'has a stream twice');
}

function tooLong(text: string, limit: number): string | undefined {
  const bytes = utf8Bytes(text);
  return bytes > limit ? `is ${bytes} bytes long, the limit is ${limit}` : undefined;
}

function within<N extends number | bigint>(
  value: N,
  least: N,
  most: N,
  path: string,
  violations: Violations,
): void {
  if ((typeof value === 'number' && !Number.isInteger(value)) || value < least || value > most)
    violations.add(path, `is ${value}, it must be from ${least} to ${most}`);
}
