import { guardExistence } from '../../commands/existence.js';
import type { DecideRequest } from '../../commands/decider.js';
import { StreamDeletedError, StreamNotFoundError } from '../../core/errors.js';
import type { Event } from '../../core/event.js';
import type { EventStore } from '../../core/event-store.js';
import type { Snapshot } from '../../core/snapshot.js';
import type { StreamId } from '../../core/stream.js';

/** What of a store is needed to show an aggregate to a worker. */
export type AggregateSource = Pick<EventStore, 'load' | 'getSnapshot' | 'getStream'>;

/** A part of what a worker is shown. */
export interface Shown {
  /** In the first part only. */
  readonly snapshot: Snapshot | undefined;
  readonly events: readonly Event[];
  /** Of the last event up to here; in the last part the aggregate's. */
  readonly version: bigint;
  /** Behind which version all parts begin; 0 for everything. */
  readonly afterVersion: bigint;
  readonly more: boolean;
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
  for await (const { events, more } of eventsBehind(store, aggregate, known, signal)) {
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
  let snapshot = await store.getSnapshot(aggregate, {}, { signal });
  for (;;) {
    let version = snapshot?.version ?? 0n;
    let first = true;
    let again = false;
    for await (const { events, more } of eventsBehind(store, aggregate, version, signal)) {
      const [next] = events;
      if (first && snapshot !== undefined && next !== undefined && next.version !== version + 1n) {
        // Created anew since the snapshot was read, or truncated: then it is the same one still.
        const newest = await store.getSnapshot(aggregate, {}, { signal });
        again = newest?.version !== snapshot.version;
        snapshot = newest;
        if (again) break;
      }
      version = events.at(-1)?.version ?? version;
      // Hidden by truncation or age; only the stream itself knows.
      if (events.length === 0 && !more) ({ version } = await store.getStream(aggregate, { signal }));
      yield { snapshot: first ? snapshot : undefined, events, version, afterVersion: 0n, more };
      first = false;
    }
    if (!again) return;
  }
}

/** Pages that say whether more follow; at least one, and none but the last is empty. */
async function* eventsBehind(
  store: AggregateSource,
  stream: StreamId,
  version: bigint,
  signal: AbortSignal,
): AsyncGenerator<{ readonly events: readonly Event[]; readonly more: boolean }, void, undefined> {
  const filters = version === 0n ? [] : [{ versions: { first: version + 1n } }];
  let held: readonly Event[] | undefined;
  for await (const { events } of store.load({ scope: { kind: 'STREAM', stream }, filters }, { signal })) {
    if (events.length === 0) continue;
    if (held !== undefined) yield { events: held, more: true };
    held = events;
  }
  yield { events: held ?? [], more: false };
}
