import type { Microseconds } from '../core/event.js';
import type {
  AggregateProgress,
  LoadProjectionRequest,
  ProjectionFailure,
  ProjectionKind,
  ProjectionReport,
  ProjectionSave,
  SavedProjection,
} from '../core/projections.js';
import { streamKey } from '../core/stream.js';
import type { LogPosition } from '../core/subscribe.js';
import {
  keptText,
  positionGoesBack,
  PROJECTION_AGGREGATES,
  PROJECTION_STATE_BYTES,
  progressBytes,
  STATE_CONTENT_TYPE,
  tooManyStates,
} from '../core/validate-projection.js';
import {
  type AggregateRecord,
  emptied,
  failedOf,
  type GenerationRecord,
  type ProjectionRecord,
} from './projection-records.js';

/**
 * Keeps what a runner reports. A position that is further back came late, and moves nothing; nor does one of a projection
 * whose state is kept here, for it would be ahead of the state.
 */
export function reported(
  record: ProjectionRecord,
  generation: GenerationRecord,
  report: ProjectionReport,
  now: Microseconds,
): void {
  const { position, failure, failed = false, metrics = {}, comparison = '', resetDone = 0n } = report;
  const begunAnew = resetDone > generation.resetDone;
  if (begunAnew) emptied(generation);
  generation.resetDone = carriedOut(record, generation, resetDone);
  if (position) generation.reportedAt = now;
  if (position && !savesMoveIt(record.kind) && (begunAnew || isAhead(position, generation.position)))
    generation.position = copied(position);
  generation.failure = failure && keptFailure(failure);
  generation.failed = failed;
  if (Object.keys(metrics).length > 0) generation.metrics = { ...metrics };
  if (comparison !== '') generation.comparison = keptText(comparison);
}

/** Keeps position and state. Throws `InvalidRequestError` if the position is further back without a reset. */
export function saved(
  record: ProjectionRecord,
  generation: GenerationRecord,
  save: ProjectionSave,
  now: Microseconds,
): void {
  const { position, state, contentType = STATE_CONTENT_TYPE, aggregates = [], resetDone = 0n } = save;
  if (resetDone === 0n && position.position < generation.position.position)
    throw positionGoesBack(position.position, generation.position.position);
  if (resetDone > 0n) {
    emptied(generation);
    generation.resetDone = carriedOut(record, generation, resetDone);
  }
  generation.position = copied(position);
  generation.reportedAt = now;
  generation.contentType = contentType;
  if (state) generation.state = Uint8Array.from(state);
  for (const one of aggregates)
    generation.aggregates.set(streamKey(one.stream), { ...copiedProgress(one), due: false });
}

/** What was saved. Throws `InvalidRequestError` if the aggregates asked for do not fit into one answer. */
export function loaded(
  generation: GenerationRecord,
  { streams = [], due = false }: LoadProjectionRequest,
  now: Microseconds,
): Omit<SavedProjection, 'kind'> {
  const asked = streams.flatMap((stream) => generation.aggregates.get(streamKey(stream)) ?? []);
  const bytes = asked.reduce((sum, one) => sum + progressBytes(one), 0);
  if (bytes > PROJECTION_STATE_BYTES) throw tooManyStates(bytes);
  return {
    generation: generation.generation,
    position: copied(generation.position),
    state: Uint8Array.from(generation.state),
    contentType: generation.contentType || STATE_CONTENT_TYPE,
    aggregates: [...asked, ...(due ? dueOf(generation, now, asked) : [])].map(copiedProgress),
  };
}

/** Those that failed and are to be tried again, by position: as many as fit behind what was asked for by name. */
function dueOf(
  generation: GenerationRecord,
  now: Microseconds,
  asked: readonly AggregateRecord[],
): readonly AggregateRecord[] {
  let bytes = asked.reduce((sum, one) => sum + progressBytes(one), 0);
  return failedOf(generation)
    .filter(({ due, failure }) => due || (failure.retryAt !== undefined && failure.retryAt <= now))
    .filter(({ stream }) => !asked.some((one) => streamKey(one.stream) === streamKey(stream)))
    .filter((one) => (bytes += progressBytes(one)) <= PROJECTION_STATE_BYTES)
    .slice(0, PROJECTION_AGGREGATES - asked.length);
}

/** A number that was never wanted would let later resets be taken for done. */
function carriedOut(
  { resetWanted }: ProjectionRecord,
  { resetDone: before }: GenerationRecord,
  resetDone: bigint,
) {
  const wanted = resetDone < resetWanted ? resetDone : resetWanted;
  return wanted > before ? wanted : before;
}

function savesMoveIt(kind: ProjectionKind): boolean {
  return kind === 'STATE' || kind === 'AGGREGATES';
}

function isAhead(position: LogPosition, kept: LogPosition): boolean {
  return position.position >= kept.position;
}

function copied(position: { readonly position: bigint; readonly epoch?: bigint }) {
  const { position: at, epoch = 0n } = position;
  return epoch === 0n ? { position: at } : { position: at, epoch };
}

function copiedProgress({ stream, version, state, failure }: AggregateProgress): AggregateProgress {
  return {
    stream: { ...stream },
    version,
    state: Uint8Array.from(state),
    failure: failure && keptFailure(failure),
  };
}

function keptFailure(failure: ProjectionFailure): ProjectionFailure {
  return { ...failure, stream: { ...failure.stream }, error: keptText(failure.error) };
}
