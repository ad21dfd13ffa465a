import type { EventStore } from '../core/event-store.js';
import type { Acquired, AcquireRequest, ProjectionLease, Projections } from '../core/projections.js';

/** Milliseconds that a lease lasts that is not to run out in a test … */
export const LONG_LEASE = 60_000;
/** … and one that is. */
export const SHORT_LEASE = 300;

/** Runs `body` with projections of its own. */
export type WithProjections = (
  body: (projections: Projections, store: EventStore) => Promise<void>,
  leaseMs?: number,
) => () => Promise<void>;

/** Asks for leases as the runner of that id. */
export function acquireAs(
  projections: Projections,
  runnerId: string,
  request: Partial<AcquireRequest> = {},
): Promise<Acquired> {
  return projections.acquire({
    name: 'balances',
    kind: 'STATE',
    definitionVersion: 1,
    runner: `host ${runnerId}`,
    runnerId,
    ...request,
  });
}

/** The lease that is had, which must be the only one. */
export async function leaseFor(
  projections: Projections,
  runnerId: string,
  request: Partial<AcquireRequest> = {},
): Promise<ProjectionLease> {
  const { leases } = await acquireAs(projections, runnerId, request);
  const [lease] = leases;
  if (lease === undefined || leases.length > 1)
    throw new Error(`${runnerId} has ${leases.length} leases, and should have one`);
  return lease;
}

/** Text as a state. */
export function stateOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A state as text. */
export function textOf(state: Uint8Array): string {
  return new TextDecoder().decode(state);
}
