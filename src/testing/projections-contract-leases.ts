import type { TestFramework } from './contract.js';
import {
  acquireAs,
  leaseFor,
  LONG_LEASE,
  SHORT_LEASE,
  type WithProjections,
} from './projections-contract-runners.js';

/** One runner at a time. */
export function projectionLeasesContract(
  { describe, it, expect, sleep }: TestFramework,
  withProjections: WithProjections,
): void {
  describe('leases', () => {
    it(
      'are given to the first who asks, who makes the projection so, and not to the next',
      withProjections(async (projections) => {
        const { leases, leaseMs, stopped } = await acquireAs(projections, 'a');
        expect({ leaseMs, stopped }).toEqual({ leaseMs: LONG_LEASE, stopped: false });
        expect(leases.length).toBe(1);
        expect(leases[0]).toMatchObject({
          name: 'balances',
          generation: 1n,
          live: true,
          position: { position: 0n },
        });
        expect((await acquireAs(projections, 'b')).leases).toEqual([]);
        const projection = await projections.get('balances');
        expect(projection).toMatchObject({ name: 'balances', kind: 'STATE', status: 'RUNNING', head: 0n });
        expect(projection.live).toMatchObject({ generation: 1n, definitionVersion: 1, runner: 'host a' });
        expect(projection.live.fence).toBe(leases[0]?.fence);
        expect(projection.building).toBe(undefined);
      }),
    );

    it(
      'come back with the same fence to who has them, for an answer may have been lost',
      withProjections(async (projections) => {
        const lease = await leaseFor(projections, 'a');
        await projections.report(lease, { position: { position: 0n } });
        expect((await leaseFor(projections, 'a')).fence).toBe(lease.fence);
      }),
    );

    it(
      'that were given back are free, and the next fence is higher',
      withProjections(async (projections) => {
        const lease = await leaseFor(projections, 'a');
        await projections.release(lease);
        expect((await projections.get('balances')).status).toBe('WAITING');
        const next = await leaseFor(projections, 'b');
        expect(next.fence > lease.fence).toBe(true);
        await expect(projections.report(lease, {})).rejects.toMatchObject({ reason: 'LEASE_LOST' });
        // Does nothing, for it was lost.
        await projections.release(lease);
        expect((await acquireAs(projections, 'c')).leases).toEqual([]);
      }),
    );

    it(
      'run out without a report, and then the former holder is refused',
      withProjections(async (projections) => {
        const lease = await leaseFor(projections, 'a');
        let next = (await acquireAs(projections, 'b')).leases;
        for (let attempt = 0; next.length === 0 && attempt < 400; attempt++) {
          await sleep(50);
          next = (await acquireAs(projections, 'b')).leases;
        }
        expect((next[0]?.fence ?? 0n) > lease.fence).toBe(true);
        const lost = { reason: 'LEASE_LOST' };
        await expect(projections.report(lease, {})).rejects.toMatchObject(lost);
        await expect(projections.save(lease, { position: { position: 0n } })).rejects.toMatchObject(lost);
        await expect(projections.promote(lease)).rejects.toMatchObject(lost);
      }, SHORT_LEASE),
    );

    it(
      'that ran out last on for as long as nobody else takes them',
      withProjections(async (projections) => {
        const lease = await leaseFor(projections, 'a');
        let { status } = await projections.get('balances');
        for (let attempt = 0; status === 'RUNNING' && attempt < 400; attempt++) {
          await sleep(50);
          ({ status } = await projections.get('balances'));
        }
        expect(status).toBe('WAITING');
        expect((await projections.get('balances')).live.runner).toBe('');
        const { leasedUntil = 0n } = (await projections.get('balances')).live;
        await projections.report(lease, {});
        expect(((await projections.get('balances')).live.leasedUntil ?? 0n) > leasedUntil).toBe(true);
      }, SHORT_LEASE),
    );

    it(
      'of a fence or a generation that never was are lost',
      withProjections(async (projections) => {
        const lease = await leaseFor(projections, 'a');
        const lost = { reason: 'LEASE_LOST' };
        for (const other of [
          { ...lease, fence: lease.fence + 1n },
          { ...lease, generation: 7n },
          { ...lease, name: 'no-such' },
        ])
          await expect(projections.report(other, {})).rejects.toMatchObject(lost);
      }),
    );

    it(
      'are refused to another kind',
      withProjections(async (projections) => {
        await leaseFor(projections, 'a');
        await expect(acquireAs(projections, 'a', { kind: 'RELAY' })).rejects.toMatchObject({
          reason: 'PROJECTION_CONFLICT',
        });
      }),
    );

    it(
      'have higher fences also after the projection was deleted and made anew',
      withProjections(async (projections) => {
        const lease = await leaseFor(projections, 'a');
        expect(await projections.delete({ name: 'balances' })).toBe(true);
        await expect(projections.report(lease, {})).rejects.toMatchObject({ reason: 'LEASE_LOST' });
        // The number rises with the time, in milliseconds.
        await sleep(5);
        expect((await leaseFor(projections, 'a')).fence > lease.fence).toBe(true);
      }),
    );

    it(
      'are asked for in words that can be kept',
      withProjections(async (projections) => {
        const refused = { reason: 'INVALID_REQUEST' };
        await expect(acquireAs(projections, 'a', { name: '$own' })).rejects.toMatchObject(refused);
        await expect(acquireAs(projections, 'a', { name: 'x'.repeat(256) })).rejects.toMatchObject(refused);
        await expect(acquireAs(projections, 'a', { runner: 'x'.repeat(256) })).rejects.toMatchObject(refused);
        await expect(acquireAs(projections, '')).rejects.toMatchObject(refused);
        await expect(acquireAs(projections, 'a\u0001')).rejects.toMatchObject(refused);
        expect((await projections.list()).projections).toEqual([]);
      }),
    );
  });
}
