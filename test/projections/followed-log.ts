import { expect } from 'vitest';
import { eventTypes } from '../../src/core/event-types.js';
import type { EventStore } from '../../src/core/event-store.js';
import { json } from '../../src/core/json-codec.js';
import type { Projections } from '../../src/core/projections.js';
import { createMemoryEventStore } from '../../src/memory/memory-event-store.js';
import { createMemoryProjections } from '../../src/memory/projections.js';
import {
  type RunningProjection,
  runProjection,
  type RunProjectionOptions,
} from '../../src/projections/projection-runner.js';
import type { ProjectionWork } from '../../src/projections/projection-work.js';
import { systemRuntime } from '../../src/system.js';

export const accountEvents = eventTypes({ unknown: 'pass' })
  .register('Opened', { codec: json<{ owner: string }>() })
  .register('Deposited', { codec: json<{ amount: number }>() })
  .register('Withdrawn', { codec: json<{ amount: number }>() });

export interface FollowedLog {
  readonly store: EventStore;
  readonly projections: Projections;
  /** Appends a deposit for each amount; gives the last position. */
  deposit(account: string, ...amounts: number[]): Promise<bigint>;
  run(work: ProjectionWork, options?: RunProjectionOptions): RunningProjection;
  /** Stops all that is running. */
  stop(): Promise<void>;
}

/** A log and its projections in memory, and what runs on them. */
export function followedLog(leaseMs = 900): FollowedLog {
  const store = createMemoryEventStore({ runtime: systemRuntime });
  return followed(store, createMemoryProjections({ store, runtime: systemRuntime, leaseMs }));
}

export function followed(store: EventStore, projections: Projections): FollowedLog {
  const running: RunningProjection[] = [];
  return {
    store,
    projections,
    deposit: async (account, ...amounts) => {
      const stream = { aggregateType: 'Account', aggregateId: account };
      const events = amounts.map((amount) => accountEvents.encode('Deposited', { amount }));
      const appended = await store.append({ streams: [{ stream, expectedVersion: 'ANY', events }] });
      return appended.lastPosition;
    },
    run: (work, options) => {
      const one = runProjection({ eventStore: store, projections, runtime: systemRuntime }, work, {
        pollMs: 100,
        ...options,
      });
      running.push(one);
      return one;
    },
    stop: async () => {
      await Promise.all(running.splice(0).map((one) => one.stop()));
    },
  };
}

/** Until it holds; a slow machine may take its time. */
export async function until(check: () => unknown): Promise<void> {
  await expect.poll(async () => Boolean(await check()), { timeout: 20_000, interval: 20 }).toBe(true);
}
