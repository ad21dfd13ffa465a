import type { EventStore } from '../core/event-store.js';
import { appendContract } from './contract-append.js';
import { eventIdContract } from './contract-event-ids.js';
import { eventsContract } from './contract-events.js';
import { filtersContract } from './contract-filters.js';
import { loadContract } from './contract-load.js';
import { refusalsContract } from './contract-refusals.js';
import { subscribeContract } from './contract-subscribe.js';

/** What of a test framework the suite uses; vitest's and jest's own functions fit. */
export interface TestFramework {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly it: (name: string, body: () => Promise<void>, timeoutMilliseconds?: number) => unknown;
  readonly expect: (value: unknown, message?: string) => Expectation;
}

/** The matchers that the suite uses. */
export interface Expectation {
  toBe(expected: unknown): void;
  toEqual(expected: unknown): void;
  toMatchObject(expected: object): void;
  readonly rejects: { toMatchObject(expected: object): Promise<void> };
}

/** A store to be tested, with an empty log. */
export interface OpenStore {
  readonly store: EventStore;
  close(): Promise<void>;
}

/** Runs `body` with a store of its own. */
export type WithStore = (body: (store: EventStore) => Promise<void>) => () => Promise<void>;

/**
 * What every event store must do, as tests: sentences of behaviour, each on an empty log of its own. All stores of
 * Headwater pass it, the remote one included; so must one of yours.
 *
 * @param open gives a store with an empty log; called once for each test
 *
 * @example
 * import { describe, expect, it } from 'vitest';
 * import { eventStoreContract } from 'headwater/testing';
 *
 * eventStoreContract({ describe, it, expect }, async () => ({ store: await openMine(), close: async () => {} }));
 */
export function eventStoreContract(framework: TestFramework, open: () => Promise<OpenStore>): void {
  const withStore: WithStore = (body) => async () => {
    const opened = await open();
    try {
      await body(opened.store);
    } finally {
      await opened.close();
    }
  };
  for (const part of [
    appendContract,
    eventIdContract,
    eventsContract,
    refusalsContract,
    loadContract,
    filtersContract,
    subscribeContract,
  ])
    part(framework, withStore);
}
