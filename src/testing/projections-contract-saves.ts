import type { ProjectionFailure } from '../core/projections.js';
import { thing } from './builders.js';
import type { TestFramework } from './contract.js';
import { leaseFor, stateOf, textOf, type WithProjections } from './projections-contract-runners.js';

const failure: ProjectionFailure = {
  position: 8n,
  stream: thing('a'),
  error: 'No such account',
  attempts: 3,
  failedAt: 1_700_000_000_123_456n,
  retryAt: undefined,
};

/** What runners report and save. */
export function projectionSavesContract(
  { describe, it, expect }: TestFramework,
  withProjections: WithProjections,
): void {
  describe('saves', () => {
    it(
      'keep position and state, which any runner goes on from',
      withProjections(async (projections) => {
        const lease = await leaseFor(projections, 'a');
        const empty = await projections.load({ name: 'balances' });
        expect(empty).toMatchObject({ generation: 1n, position: { position: 0n }, aggregates: [] });
        expect([textOf(empty.state), empty.contentType]).toEqual(['', 'application/json']);
        await projections.save(lease, {
          position: { position: 7n, epoch: 1n },
          state: stateOf('seven'),
          contentType: 'text/plain',
        });
        await projections.release(lease);
        const next = await leaseFor(projections, 'b');
        expect(next.position).toEqual({ position: 7n, epoch: 1n });
        const saved = await projections.load({ name: 'balances', generation: 1n });
        expect(saved.position).toEqual({ position: 7n, epoch: 1n });
        expect(saved.kind).toBe('STATE');
        expect([textOf(saved.state), saved.contentType]).toEqual(['seven', 'text/plain']);
        // Without a state only the position moves.
        await projections.save(next, { position: { position: 9n, epoch: 1n } });
        expect(textOf((await projections.load({ name: 'balances' })).state)).toBe('seven');
      }),
    );

    it(
      'go back only with a reset',
      withProjections(async (projections) => {
        const lease = await leaseFor(projections, 'a');
        await projections.save(lease, { position: { position: 7n }, state: stateOf('seven') });
        await expect(projections.save(lease, { position: { position: 6n } })).rejects.toMatchObject({
          reason: 'INVALID_REQUEST',
        });
        expect((await projections.report(lease, {})).resetWanted).toBe(0n);
        await projections.reset({ name: 'balances', deleteEmitted: true });
        const { deleteEmitted, resetWanted } = await projections.report(lease, {});
        expect({ deleteEmitted, wanted: resetWanted > 0n }).toEqual({ deleteEmitted: true, wanted: true });
        await projections.save(lease, { position: { position: 0n }, resetDone: resetWanted });
        const anew = await projections.load({ name: 'balances' });
        expect([anew.position, textOf(anew.state)]).toEqual([{ position: 0n }, '']);
        expect((await projections.report(lease, {})).resetWanted).toBe(0n);
        // And the next one is another.
        await projections.reset({ name: 'balances' });
        expect((await projections.report(lease, {})).resetWanted > resetWanted).toBe(true);
      }),
    );

    it(
      'have four mebibytes at most',
      withProjections(async (projections) => {
        const lease = await leaseFor(projections, 'a');
        const position = { position: 1n };
        const state = new Uint8Array(4 * 1024 * 1024).fill(7);
        await projections.save(lease, { position, state });
        const saved = await projections.load({ name: 'balances' });
        expect([saved.state.byteLength, saved.state[4_000_000]]).toEqual([state.byteLength, 7]);
        const more = new Uint8Array(4 * 1024 * 1024 + 1);
        await expect(projections.save(lease, { position, state: more })).rejects.toMatchObject({
          reason: 'INVALID_REQUEST',
        });
      }),
    );
  });

  describe('reports', () => {
    it(
      'move the position on, never back, and are shown',
      withProjections(async (projections) => {
        const lease = await leaseFor(projections, 'a', { kind: 'READ_MODEL' });
        await projections.report(lease, { position: { position: 7n, epoch: 1n }, metrics: { events: 12.5 } });
        // One that comes late.
        await projections.report(lease, { position: { position: 6n, epoch: 1n } });
        const { live } = await projections.get('balances');
        expect(live.position).toEqual({ position: 7n, epoch: 1n });
        expect(live.metrics).toEqual({ events: 12.5 });
        expect((live.reportedAt ?? 0n) > 0n).toBe(true);
        await projections.reset({ name: 'balances' });
        const { resetWanted } = await projections.report(lease, {});
        await projections.report(lease, { position: { position: 1n, epoch: 1n }, resetDone: resetWanted });
        expect((await projections.get('balances')).live.position).toEqual({ position: 1n, epoch: 1n });
      }),
    );

    it(
      'never move a position ahead of a state that is kept with it',
      withProjections(async (projections) => {
        for (const kind of ['STATE', 'AGGREGATES'] as const) {
          const lease = await leaseFor(projections, 'a', { name: kind, kind });
          await projections.save(lease, { position: { position: 3n } });
          await projections.report(lease, { position: { position: 7n } });
          expect((await projections.get(kind)).live.position).toEqual({ position: 3n });
        }
      }),
    );

    it(
      'of a failure are shown; it stands still until it is resumed',
      withProjections(async (projections) => {
        const lease = await leaseFor(projections, 'a');
        const retried = { ...failure, retryAt: failure.failedAt + 1_000_000n };
        const { resumed } = await projections.report(lease, { failure: retried });
        expect(await projections.get('balances')).toMatchObject({
          status: 'RUNNING',
          live: { failure: retried },
        });
        await projections.report(lease, { failure, failed: true });
        const failed = await projections.get('balances');
        expect(failed.status).toBe('FAILED');
        expect(failed.live.failure).toEqual(failure);
        expect(failed.live.runner).toBe('host a');
        expect((await projections.resume('balances')).status).toBe('RUNNING');
        const orders = await projections.report(lease, { failure: undefined });
        expect([orders.wish, orders.resumed]).toEqual(['RUN', resumed + 1n]);
        expect((await projections.get('balances')).live.failure).toBe(undefined);
      }),
    );

    it(
      'may say what is about no event',
      withProjections(async (projections) => {
        const lease = await leaseFor(projections, 'a');
        const ofNothing = { ...failure, position: 0n, stream: { aggregateType: '', aggregateId: '' } };
        await projections.report(lease, { failure: ofNothing, failed: true });
        expect((await projections.get('balances')).live.failure).toEqual(ofNothing);
      }),
    );

    it(
      'have texts of any length and content, of which 4 KiB are kept',
      withProjections(async (projections) => {
        const lease = await leaseFor(projections, 'a');
        const error = `\u0000${'ä'.repeat(5000)}`;
        await projections.report(lease, { failure: { ...failure, error }, comparison: error });
        const { live } = await projections.get('balances');
        expect(live.failure?.error).toBe(`\uFFFD${'ä'.repeat(2046)}`);
        expect(live.comparison).toBe(`\uFFFD${'ä'.repeat(2046)}`);
      }),
    );

    it(
      'are refused if they say too much',
      withProjections(async (projections) => {
        const lease = await leaseFor(projections, 'a');
        const refused = { reason: 'INVALID_REQUEST' };
        const counts = (many: number) =>
          Object.fromEntries(Array.from({ length: many }, (_, index) => [`count ${index}`, index]));
        await projections.report(lease, { metrics: counts(32) });
        await expect(projections.report(lease, { metrics: counts(33) })).rejects.toMatchObject(refused);
        await expect(projections.report(lease, { metrics: { ['x'.repeat(65)]: 1 } })).rejects.toMatchObject(
          refused,
        );
        await expect(projections.report(lease, { metrics: { x: Number.NaN } })).rejects.toMatchObject(
          refused,
        );
        await expect(projections.report(lease, { failed: true })).rejects.toMatchObject(refused);
      }),
    );
  });
}
