import { createMemoryEventStore, createMemoryProjections } from '../../src/memory/index.js';
import type { Event } from '../../src/core/event.js';
import type { EventStore } from '../../src/core/event-store.js';
import { eventsOf } from '../../src/core/load.js';
import type { Projections } from '../../src/core/projections.js';
import { runProjection, type RunningProjection } from '../../src/projections/projection-runner.js';
import type { EventPublisher } from '../../src/relay/publisher.js';
import { relay, type RelayOptions, retryForEver } from '../../src/relay/relay.js';
import { systemRuntime } from '../../src/system.js';

/** A log of its own, and what runs a relay over it. */
export interface Source {
  readonly store: EventStore;
  readonly projections: Projections;
  /** Appends so many events, in turn to so many streams of type Account, and gives the last position. */
  readonly fill: (events: number, streams?: number) => Promise<bigint>;
  readonly all: () => Promise<readonly Event[]>;
  readonly run: (publisher: EventPublisher, options?: Partial<RelayOptions>) => RunningProjection;
}

export function source(name = 'relay'): Source {
  const store = createMemoryEventStore({ runtime: systemRuntime });
  const projections = createMemoryProjections({ store, runtime: systemRuntime, leaseMs: 2_000 });
  let made = 0;
  return {
    store,
    projections,
    fill: async (events, streams = 5) => {
      let last = 0n;
      for (let done = 0; done < events; done += 1) {
        made += 1;
        const appended = await store.append({
          streams: [
            {
              stream: { aggregateType: 'Account', aggregateId: `a-${made % streams}` },
              expectedVersion: 'ANY',
              events: [
                {
                  eventType: made % 3 === 0 ? 'Withdrawn' : 'Deposited',
                  data: new TextEncoder().encode(`{"amount":${made}}`),
                  contentType: 'application/json',
                  metadata: { correlation_id: `c-${made}` },
                },
              ],
            },
          ],
        });
        last = appended.lastPosition;
      }
      return last;
    },
    all: async () => {
      const events: Event[] = [];
      for await (const event of eventsOf(store.load({}))) events.push(event);
      return events;
    },
    run: (publisher, options = {}) =>
      runProjection(
        { eventStore: store, projections, runtime: systemRuntime },
        relay({ name, publisher, leases: projections, ...options }),
        { onFailure: retryForEver(systemRuntime), pollMs: 200, batchEvents: 100 },
      ),
  };
}

/** What arrived, less what had arrived before: the order of first appearance. */
export function firstAppearances(ids: readonly string[]): readonly string[] {
  return [...new Set(ids)];
}

/** The ids of each stream by themselves, in the order given. */
export function byStream(
  events: readonly Event[],
  ids: readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const streamOf = new Map(events.map((event) => [event.eventId, event.stream.aggregateId]));
  const found = new Map<string, string[]>();
  for (const id of ids) {
    const stream = streamOf.get(id) ?? 'unknown';
    found.set(stream, [...(found.get(stream) ?? []), id]);
  }
  return found;
}
