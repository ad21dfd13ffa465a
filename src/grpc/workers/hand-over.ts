import { guardExistence } from '../../commands/existence.js';
import type { DecideRequest } from '../../commands/decider.js';
import { StreamDeletedError, StreamNotFoundError } from '../../core/errors.js';
import type { StreamId } from '../../core/stream.js';
import { type AggregatePage, aggregatePages, type AggregateSource, pagesBehind } from '../aggregate-pages.js';

/** A part of what a worker is shown. */
export interface Shown extends AggregatePage {
  /** Behind which version all parts begin; 0 for everything. */
  readonly afterVersion: bigint;
}

/**
 * What a worker must be shown to decide: what lies behind `known`, or the newest snapshot and the events behind it. Page
 * by page, so that an aggregate of any length takes the memory of two. Throws if the aggregate is not there as the command
 * asks.
 *
 * @param known the version that the worker has; 0 for none
 */
export async function* handOver(
  store: AggregateSource,
  { aggregate, existence }: Pick<DecideRequest, 'aggregate' | 'existence'>,
  known: bigint,
  signal: AbortSignal,
): AsyncGenerator<Shown, void, undefined> {
  try {
    for await (const part of known > 0n
      ? behind(store, aggregate, known, signal)
      : everything(store, aggregate, signal)) {
      guardExistence(existence, aggregate, { version: part.version, deleted: false });
      yield part;
    }
  } catch (error) {
    const deleted = error instanceof StreamDeletedError;
    if (!deleted && !(error instanceof StreamNotFoundError)) throw error;
    guardExistence(existence, aggregate, { version: 0n, deleted });
    yield { snapshot: undefined, events: [], version: 0n, afterVersion: 0n, more: false };
  }
}

async function* behind(
  store: AggregateSource,
  aggregate: StreamId,
  known: bigint,
  signal: AbortSignal,
): AsyncGenerator<Shown, void, undefined> {
  let version = known;
  let first = true;
  for await (const { events, more } of pagesBehind(store, aggregate, known, { signal })) {
    // Something in between is hidden: the aggregate was created anew, or truncated. What the worker has is of no use.
    if (first && events[0] !== undefined && events[0].version !== known + 1n) {
      yield* everything(store, aggregate, signal);
      return;
    }
    first = false;
    version = events.at(-1)?.version ?? version;
    yield { snapshot: undefined, events, version, afterVersion: known, more };
  }
}

async function* everything(
  store: AggregateSource,
  aggregate: StreamId,
  signal: AbortSignal,
): AsyncGenerator<Shown, void, undefined> {
  for await (const page of aggregatePages(store, aggregate, { signal })) yield { ...page, afterVersion: 0n };
}
