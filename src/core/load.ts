import type { Event } from './event.js';
import { type Filter, type Scope, WHOLE_LOG } from './filter.js';
import type { LogPosition } from './subscribe.js';

/** What to read; by default the whole log, forwards. */
export interface LoadRequest {
  /** @default the whole log */
  readonly scope?: Scope;
  /**
   * Match events that match at least one of these; at most 16.
   * @default all events
   */
  readonly filters?: readonly Filter[];
  /** @default "FORWARDS" */
  readonly direction?: 'FORWARDS' | 'BACKWARDS';
  /**
   * At most so many events.
   * @default all
   */
  readonly limit?: bigint;
  /**
   * Of a scope of streams: show what deletion hides, namely deleted streams, and what was in a stream before it was
   * created anew. What was truncated or has expired stays hidden. Other scopes never hide what deletion hides.
   * @default false
   */
  readonly includeDeleted?: boolean;
  /**
   * The log must have come this far: what the caller has written or seen. Waits until shortly before
   * `CallOptions.timeoutMilliseconds`, then fails with `PositionNotReachedError`. May be served by a replica.
   * @default nothing is waited for
   */
  readonly minPosition?: LogPosition;
  /**
   * May be served by a replica, which may be behind.
   * @default false: the answer has all that was acknowledged
   */
  readonly staleOk?: boolean;
}

/** Some events, and how far the log was scanned for them. */
export interface LoadPage {
  /** Those that match, in the order asked for. May be empty. */
  readonly events: readonly Event[];
  /** The page covers the positions above this one … */
  readonly scannedAfter: bigint;
  /** … up to and including this one. */
  readonly scannedTo: bigint;
  readonly epoch: bigint;
}

/**
 * The events of the pages, one by one.
 *
 * @example
 * for await (const event of eventsOf(store.load({ scope: { kind: 'STREAM', stream } }))) console.log(event.eventType);
 */
export async function* eventsOf<E extends Event>(
  pages: AsyncIterable<{ readonly events: readonly E[] }>,
): AsyncGenerator<E, void, undefined> {
  for await (const page of pages) yield* page.events;
}

/** The request with its defaults filled in. */
export function withLoadDefaults(request: LoadRequest): {
  scope: Scope;
  filters: readonly Filter[];
  direction: 'FORWARDS' | 'BACKWARDS';
  limit: bigint | undefined;
  includeDeleted: boolean;
} {
  return {
    scope: request.scope ?? WHOLE_LOG,
    filters: request.filters ?? [],
    direction: request.direction ?? 'FORWARDS',
    limit: request.limit,
    includeDeleted: request.includeDeleted ?? false,
  };
}
