import type { EventStore } from '../core/event-store.js';
import type { Projections } from '../core/projections.js';
import type { TestFramework } from './contract.js';
import { projectionAggregatesContract } from './projections-contract-aggregates.js';
import { projectionControlContract } from './projections-contract-control.js';
import { projectionGenerationsContract } from './projections-contract-generations.js';
import { projectionLeasesContract } from './projections-contract-leases.js';
import { projectionPositionsContract } from './projections-contract-positions.js';
import { LONG_LEASE, type WithProjections } from './projections-contract-runners.js';
import { projectionSavesContract } from './projections-contract-saves.js';

/** Projections to be tested, none there yet, on an empty log. */
export interface OpenProjections {
  readonly projections: Projections;
  /** The log that they follow. */
  readonly store: EventStore;
  close(): Promise<void>;
}

/**
 * What the service's side of projections must do, as tests: sentences of behaviour, wherever it is kept.
 *
 * @param open gives projections whose leases last so many milliseconds; called once for each test
 */
export function projectionsContract(
  framework: TestFramework,
  open: (leaseMs: number) => Promise<OpenProjections>,
): void {
  const withProjections: WithProjections =
    (body, leaseMs = LONG_LEASE) =>
    async () => {
      const opened = await open(leaseMs);
      try {
        await body(opened.projections, opened.store);
      } finally {
        await opened.close();
      }
    };
  for (const part of [
    projectionLeasesContract,
    projectionGenerationsContract,
    projectionSavesContract,
    projectionAggregatesContract,
    projectionPositionsContract,
    projectionControlContract,
  ])
    part(framework, withProjections);
}
