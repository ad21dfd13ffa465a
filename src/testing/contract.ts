import type { EventStore } from '../core/event-store.js';
import { appendContract } from './contract-append.js';
import { changeRefusalsContract } from './contract-change-refusals.js';
import { commandsContract } from './contract-commands.js';
import { conditionsContract } from './contract-conditions.js';
import { differentialContract } from './contract-differential.js';
import { erasureContract } from './contract-erasure.js';
import { eventIdContract } from './contract-event-ids.js';
import { eventsContract } from './contract-events.js';
import { filtersContract } from './contract-filters.js';
import { followedChangesContract } from './contract-followed-changes.js';
import { hostileContract } from './contract-hostile.js';
import { informationContract } from './contract-information.js';
import { interveningContract } from './contract-intervening.js';
import { listsContract } from './contract-lists.js';
import { loadContract } from './contract-load.js';
import { metadataContract } from './contract-metadata.js';
import { queriesContract } from './contract-queries.js';
import { refusalsContract } from './contract-refusals.js';
import { retentionContract } from './contract-retention.js';
import { snapshotsContract } from './contract-snapshots.js';
import { streamChangesContract } from './contract-stream-changes.js';
import { subscribeContract } from './contract-subscribe.js';

/** What of a test framework the suite uses; vitest's and jest's own functions fit. */
export interface TestFramework {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly it: (name: string, body: () => Promise<void>, timeoutMilliseconds?: number) => unknown;
  readonly expect: (value: unknown, message?: string) => Expectation;
  /** Waits: for time to pass, and for what a store does in the background. */
  readonly sleep: (milliseconds: number) => Promise<unknown>;
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

/** Asks until it is so, for ten seconds at most: what is emptied in the background need not be so at once. */
export async function eventually(
  { sleep, expect }: TestFramework,
  what: string,
  isSo: () => Promise<boolean>,
): Promise<void> {
  let so = await isSo();
  for (let attempt = 0; !so && attempt < 200; attempt++) {
    await sleep(50);
    so = await isSo();
  }
  expect(so, `after ten seconds: ${what}`).toBe(true);
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
 * import { setTimeout as sleep } from 'node:timers/promises';
 * import { eventStoreContract } from 'headwater/testing';
 *
 * eventStoreContract({ describe, it, expect, sleep }, async () => ({ store: await openMine(), close: async () => {} }));
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
    conditionsContract,
    interveningContract,
    streamChangesContract,
    changeRefusalsContract,
    retentionContract,
    erasureContract,
    informationContract,
    listsContract,
    loadContract,
    queriesContract,
    metadataContract,
    filtersContract,
    differentialContract,
    hostileContract,
    subscribeContract,
    followedChangesContract,
    commandsContract,
    snapshotsContract,
  ])
    part(framework, withStore);
}
