import type { TestFramework } from './contract.js';
import { acquireAs, leaseFor, stateOf, type WithProjections } from './projections-contract-runners.js';

/** What operators want, and what becomes of it. */
export function projectionControlContract(
  { describe, it, expect }: TestFramework,
  withProjections: WithProjections,
): void {
  describe('control of projections', () => {
    it(
      'has a projection pause, and its runner stand by, until it is resumed',
      withProjections(async (projections) => {
        const lease = await leaseFor(projections, 'a');
        expect((await projections.pause('balances')).status).toBe('PAUSED');
        expect((await projections.report(lease, {})).wish).toBe('PAUSE');
        expect((await leaseFor(projections, 'a')).fence).toBe(lease.fence);
        expect((await projections.resume('balances')).status).toBe('RUNNING');
        expect((await projections.report(lease, {})).wish).toBe('RUN');
      }),
    );

    it(
      'has the runners of a projection leave it, and gives leases again when it is resumed',
      withProjections(async (projections) => {
        const lease = await leaseFor(projections, 'a');
        expect((await projections.stop('balances')).status).toBe('STOPPED');
        expect((await projections.report(lease, {})).wish).toBe('STOP');
        await projections.release(lease);
        expect(await acquireAs(projections, 'b')).toMatchObject({ leases: [], stopped: true });
        expect((await projections.resume('balances')).status).toBe('WAITING');
        expect((await leaseFor(projections, 'b')).live).toBe(true);
      }),
    );

    it(
      'keeps a reset for a runner that comes later, and a failed projection goes on with it',
      withProjections(async (projections) => {
        const lease = await leaseFor(projections, 'a');
        await projections.save(lease, { position: { position: 3n }, state: stateOf('three') });
        const stream = { aggregateType: 'Thing', aggregateId: 'a' };
        const failure = { position: 4n, stream, error: 'x', attempts: 1, failedAt: 1n, retryAt: undefined };
        await projections.report(lease, { failure, failed: true });
        await projections.release(lease);
        expect((await projections.reset({ name: 'balances' })).status).toBe('WAITING');
        const next = await leaseFor(projections, 'b');
        expect(next.position).toEqual({ position: 3n });
        expect((await projections.report(next, {})).resetWanted > 0n).toBe(true);
      }),
    );

    it(
      'needs no reset where a generation was built meanwhile',
      withProjections(async (projections) => {
        const live = await leaseFor(projections, 'a');
        await projections.rebuild({ name: 'balances' });
        const built = await leaseFor(projections, 'b');
        await projections.reset({ name: 'balances' });
        expect((await projections.report(live, {})).resetWanted > 0n).toBe(true);
        expect((await projections.report(built, {})).resetWanted).toBe(0n);
        await projections.promote(built);
        expect((await projections.report(built, {})).resetWanted).toBe(0n);
      }),
    );

    it(
      'deletes at once what only the service keeps',
      withProjections(async (projections) => {
        for (const kind of ['STATE', 'AGGREGATES', 'REACTOR', 'RELAY'] as const) {
          await leaseFor(projections, 'a', { kind });
          expect(await projections.delete({ name: 'balances' })).toBe(true);
          await expect(projections.get('balances')).rejects.toMatchObject({
            reason: 'PROJECTION_NOT_FOUND',
            projection: 'balances',
          });
        }
      }),
    );

    it(
      'has a runner delete tables first, those of what is being built as well',
      withProjections(async (projections) => {
        const kind = 'READ_MODEL' as const;
        const live = await leaseFor(projections, 'a', { kind });
        await projections.rebuild({ name: 'balances' });
        expect(await projections.delete({ name: 'balances', deleteEmitted: true })).toBe(false);
        expect((await projections.get('balances')).status).toBe('DELETING');
        await expect(projections.pause('balances')).rejects.toMatchObject({ reason: 'PROJECTION_CONFLICT' });
        expect(await projections.report(live, {})).toMatchObject({
          wish: 'DELETE',
          deleteEmitted: true,
          acquire: true,
        });
        // Whichever version is there.
        const { leases } = await acquireAs(projections, 'a', { kind, definitionVersion: 7 });
        expect(leases.length).toBe(2);
        for (const lease of leases) {
          expect((await projections.get('balances')).status).toBe('DELETING');
          await projections.release(lease, { deleted: true });
        }
        await expect(projections.get('balances')).rejects.toMatchObject({ reason: 'PROJECTION_NOT_FOUND' });
      }),
    );

    it(
      'forgets a projection whose tables may stay, and believes nobody that they are deleted who was not told to',
      withProjections(async (projections) => {
        const lease = await leaseFor(projections, 'a', { kind: 'READ_MODEL' });
        await projections.release(lease, { deleted: true });
        expect((await projections.get('balances')).status).toBe('WAITING');
        expect(await projections.delete({ name: 'balances' })).toBe(false);
        expect(await projections.delete({ name: 'balances', forget: true })).toBe(true);
        await expect(projections.delete({ name: 'balances' })).rejects.toMatchObject({
          reason: 'PROJECTION_NOT_FOUND',
        });
      }),
    );

    it(
      'waits for a runner to delete what was emitted',
      withProjections(async (projections) => {
        const lease = await leaseFor(projections, 'a');
        expect(await projections.delete({ name: 'balances', deleteEmitted: true })).toBe(false);
        expect(await projections.report(lease, {})).toMatchObject({ wish: 'DELETE', deleteEmitted: true });
        await projections.release(lease, { deleted: true });
        expect((await projections.list()).projections).toEqual([]);
      }),
    );

    it(
      'lists projections by name, page by page',
      withProjections(async (projections) => {
        for (const name of ['b', 'a', 'é', '\u{1F600}', '\uFFFD', 'c'])
          await leaseFor(projections, name, { name });
        const names: string[] = [];
        let pageToken: string | undefined;
        do {
          const page = await projections.list({ pageSize: 2, ...(pageToken ? { pageToken } : {}) });
          expect(page.projections.length).toBe(2);
          names.push(...page.projections.map(({ name }) => name));
          pageToken = page.nextPageToken;
        } while (pageToken !== undefined);
        // By bytes.
        expect(names).toEqual(['a', 'b', 'c', 'é', '\uFFFD', '\u{1F600}']);
        const refused = { reason: 'INVALID_REQUEST' };
        await expect(projections.list({ pageSize: 1001 })).rejects.toMatchObject(refused);
        await expect(projections.list({ pageToken: 'no' })).rejects.toMatchObject(refused);
      }),
    );

    it(
      'knows nothing of what is not there',
      withProjections(async (projections) => {
        const name = 'balances';
        const missing = { reason: 'PROJECTION_NOT_FOUND', projection: name };
        await expect(projections.get(name)).rejects.toMatchObject(missing);
        await expect(projections.pause(name)).rejects.toMatchObject(missing);
        await expect(projections.resume(name)).rejects.toMatchObject(missing);
        await expect(projections.stop(name)).rejects.toMatchObject(missing);
        await expect(projections.reset({ name })).rejects.toMatchObject(missing);
        await expect(projections.rebuild({ name })).rejects.toMatchObject(missing);
        await expect(projections.finishRebuild({ name })).rejects.toMatchObject(missing);
        await expect(projections.retryAggregates({ name })).rejects.toMatchObject(missing);
        await expect(projections.load({ name })).rejects.toMatchObject(missing);
      }),
    );
  });
}
