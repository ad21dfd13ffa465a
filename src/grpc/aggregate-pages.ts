import { StreamDeletedError, StreamNotFoundError } from '../core/errors.js';
import type { Event } from '../core/event.js';
import type { EventStore } from '../core/event-store.js';
import type { LoadRequest } from '../core/load.js';
import type { Snapshot } from '../core/snapshot.js';
import type { StreamId } from '../core/stream.js';

/** What of a store is needed to show an aggregate. */
export type AggregateSource = Pick<EventStore, 'load' | 'getSnapshot' | 'getStream' | 'loadAggregate'>;

/** A part of what is shown of an aggregate. */
export interface AggregatePage {
  /** In the first part only. */
  readonly snapshot: Snapshot | undefined;
  readonly events: readonly Event[];
  /** Of the last event up to here; in the last part the aggregate's. */
  readonly version: bigint;
  readonly more: boolean;
}

export interface AggregatePagesOptions extends Pick<LoadRequest, 'includeDeleted' | 'minPosition'> {
  /** @default its own */
  readonly upToVersion?: bigint;
  readonly signal?: AbortSignal;
  readonly timeoutMilliseconds?: number;
}

/**
 * The newest snapshot of an aggregate and the events behind it, page by page, so that one of any length takes the memory
 * of two. Fails as a load of its stream does.
 */
export async function* aggregatePages(
  store: AggregateSource,
  stream: StreamId,
  options: AggregatePagesOptions = {},
): AsyncGenerator<AggregatePage, void, undefined> {
  const atOnce = await wholeAggregate(store, stream, options);
  if (atOnce !== undefined) {
    yield atOnce;
    return;
  }
  const { includeDeleted, upToVersion } = options;
  const newest = () =>
    // With what deletion hides, a snapshot may be from another life of the aggregate than its events.
    includeDeleted
      ? undefined
      : store.getSnapshot(stream, upToVersion === undefined ? {} : { upToVersion }, options);
  let snapshot = await newest();
  let hiddenTo: bigint | undefined;
  for (;;) {
    let version = snapshot?.version ?? 0n;
    let first = true;
    let again = false;
    for await (const { events, more } of pagesBehind(store, stream, version, options)) {
      const [next] = events;
      if (first && snapshot !== undefined && next !== undefined && next.version !== version + 1n) {
        // Created anew since the snapshot was read; or truncated, then it is the same one still.
        const now = await newest();
        again = now?.version !== snapshot.version;
        snapshot = now;
        if (again) break;
      }
      version = events.at(-1)?.version ?? version;
      if (events.length === 0 && upToVersion === undefined) {
        const { version: last } = await store.getStream(stream, options);
        // Appended between the two reads, or hidden by truncation or age: what is not there when it is read again is
        // hidden. Told of a version without its events, a worker would decide on an old state, and no append refuse it.
        again = last !== version && last !== hiddenTo;
        hiddenTo = last;
        if (again) break;
        version = last;
      }
      yield { snapshot: first ? snapshot : undefined, events, version, more };
      first = false;
    }
    if (!again) return;
  }
}

/** All of it in one go, where the store can and it has room there. Fails as a load of its stream does. */
async function wholeAggregate(
  store: AggregateSource,
  stream: StreamId,
  options: AggregatePagesOptions,
): Promise<AggregatePage | undefined> {
  const { includeDeleted, minPosition, upToVersion } = options;
  if (store.loadAggregate === undefined || includeDeleted || minPosition || upToVersion !== undefined)
    return undefined;
  const loaded = await store.loadAggregate(stream, 'ANY', options);
  const { deleted, events, more, snapshot, version } = loaded;
  if (version === 0n) throw new StreamNotFoundError(stream);
  if (deleted) throw new StreamDeletedError(stream);
  return more ? undefined : { snapshot, events, version, more: false };
}

/** Pages of the events above a version that say whether more follow; at least one, and none but the only one is empty. */
export async function* pagesBehind(
  store: Pick<EventStore, 'load'>,
  stream: StreamId,
  version: bigint,
  options: AggregatePagesOptions = {},
): AsyncGenerator<{ readonly events: readonly Event[]; readonly more: boolean }, void, undefined> {
  const { includeDeleted, minPosition, upToVersion } = options;
  const versions = {
    ...(version === 0n ? {} : { first: version + 1n }),
    ...(upToVersion === undefined ? {} : { last: upToVersion }),
  };
  const request: LoadRequest = {
    scope: { kind: 'STREAM', stream },
    // A range that ends before it begins is refused.
    filters: Object.keys(versions).length === 0 || upToVersion === version ? [] : [{ versions }],
    ...(includeDeleted ? { includeDeleted } : {}),
    ...(minPosition ? { minPosition } : {}),
    ...(upToVersion === version ? { limit: 1n } : {}),
  };
  let held: readonly Event[] | undefined;
  for await (const page of store.load(request, options)) {
    const events = upToVersion === version ? [] : page.events;
    if (events.length === 0) continue;
    if (held !== undefined) yield { events: held, more: true };
    held = events;
  }
  yield { events: held ?? [], more: false };
}
