import type { TestFramework } from './contract.js';
import {
  acquireAs,
  leaseFor,
  stateOf,
  textOf,
  type WithProjections,
} from './projections-contract-runners.js';

const at = (position: bigint) => ({ position: { position } });

/** Rebuilding beside the live generation. */
export function projectionGenerationsContract(
  { describe, it, expect }: TestFramework,
  withProjections: WithProjections,
): void {
  describe('generations', () => {
    it(
      'are begun by a higher version of the rule, beside the live one, which goes on',
      withProjections(async (projections) => {
        const old = await leaseFor(projections, 'old');
        await projections.save(old, { ...at(5n), state: stateOf('old') });
        const next = await leaseFor(projections, 'new', { definitionVersion: 2 });
        expect(next).toMatchObject({ generation: 2n, live: false, position: { position: 0n } });
        expect(await projections.report(next, {})).toMatchObject({ swap: true, acquire: false });
        await projections.save(old, { ...at(6n), state: stateOf('older') });
        expect(textOf((await projections.load({ name: 'balances' })).state)).toBe('older');
        const both = await projections.get('balances');
        expect(both.building).toMatchObject({ generation: 2n, definitionVersion: 2, runner: 'host new' });
        expect(both.live).toMatchObject({ generation: 1n, definitionVersion: 1, runner: 'host old' });
        // Whoever still runs the old version may take the live one over until the swap.
        await projections.release(old);
        expect(await leaseFor(projections, 'old2')).toMatchObject({ generation: 1n, live: true });
      }),
    );

    it(
      'take the live one’s place when they have caught up; who ran that has lost it',
      withProjections(async (projections) => {
        const old = await leaseFor(projections, 'old');
        await projections.save(old, { ...at(5n), state: stateOf('old') });
        const next = await leaseFor(projections, 'new', { definitionVersion: 2 });
        await projections.save(next, { ...at(4n), state: stateOf('new') });
        // Else readers would see it go back.
        await expect(projections.promote(next)).rejects.toMatchObject({ reason: 'PROJECTION_CONFLICT' });
        await projections.save(next, { ...at(5n), state: stateOf('new') });
        await projections.promote(next);
        // The answer may have been lost.
        await projections.promote(next);
        const { building, live } = await projections.get('balances');
        expect({ building, live: live.generation }).toEqual({ building: undefined, live: 2n });
        expect(textOf((await projections.load({ name: 'balances' })).state)).toBe('new');
        await expect(projections.load({ name: 'balances', generation: 1n })).rejects.toMatchObject({
          reason: 'PROJECTION_NOT_FOUND',
        });
        const lost = { reason: 'LEASE_LOST' };
        await expect(projections.report(old, {})).rejects.toMatchObject(lost);
        await expect(projections.save(old, at(6n))).rejects.toMatchObject(lost);
        await expect(acquireAs(projections, 'old')).rejects.toMatchObject({
          reason: 'PROJECTION_SUPERSEDED',
          definitionVersion: 2,
        });
        await projections.save(next, { ...at(6n), state: stateOf('newer') });
      }),
    );

    it(
      'of a still higher version replace what is built, and no number is given twice',
      withProjections(async (projections) => {
        await leaseFor(projections, 'v1');
        const second = await leaseFor(projections, 'v2', { definitionVersion: 2 });
        const third = await leaseFor(projections, 'v3', { definitionVersion: 3 });
        expect(third.generation).toBe(3n);
        await expect(projections.report(second, {})).rejects.toMatchObject({ reason: 'LEASE_LOST' });
        // It is neither the live one nor the one that is built.
        expect((await acquireAs(projections, 'v2', { definitionVersion: 2 })).leases).toEqual([]);
        await projections.finishRebuild({ name: 'balances', discard: true });
        expect((await leaseFor(projections, 'v2', { definitionVersion: 2 })).generation).toBe(4n);
      }),
    );

    it(
      'are rebuilt on demand by whoever runs the version, also by who runs the live one',
      withProjections(async (projections) => {
        const live = await leaseFor(projections, 'a');
        expect((await projections.report(live, {})).acquire).toBe(false);
        const { building } = await projections.rebuild({ name: 'balances', waitWithSwap: true });
        expect(building).toMatchObject({ generation: 2n, definitionVersion: 1, runner: '' });
        await expect(projections.rebuild({ name: 'balances' })).rejects.toMatchObject({
          reason: 'PROJECTION_CONFLICT',
        });
        expect((await projections.report(live, {})).acquire).toBe(true);
        const { leases } = await acquireAs(projections, 'a');
        expect(leases.map(({ generation, live: isLive }) => [generation, isLive])).toEqual([
          [1n, true],
          [2n, false],
        ]);
        const [, built] = leases;
        if (built === undefined) throw new Error('No lease');
        expect((await projections.report(live, {})).acquire).toBe(false);
        expect((await projections.report(built, { comparison: 'one differs' })).swap).toBe(false);
        expect((await projections.get('balances')).building?.comparison).toBe('one differs');
        await projections.finishRebuild({ name: 'balances' });
        expect((await projections.report(built, {})).swap).toBe(true);
        await projections.promote(built);
        expect((await projections.get('balances')).live).toMatchObject({
          generation: 2n,
          fence: built.fence,
        });
        await expect(projections.finishRebuild({ name: 'balances' })).rejects.toMatchObject({
          reason: 'PROJECTION_CONFLICT',
        });
      }),
    );

    it(
      'that are thrown away are lost to who builds them',
      withProjections(async (projections) => {
        await leaseFor(projections, 'a');
        await projections.rebuild({ name: 'balances' });
        const built = await leaseFor(projections, 'b');
        const { building } = await projections.finishRebuild({ name: 'balances', discard: true });
        expect(building).toBe(undefined);
        await expect(projections.report(built, {})).rejects.toMatchObject({ reason: 'LEASE_LOST' });
      }),
    );

    it(
      'are live where a projection’s own database says so',
      withProjections(async (projections) => {
        const readModel = { kind: 'READ_MODEL' as const };
        await leaseFor(projections, 'old', readModel);
        const built = await leaseFor(projections, 'new', { ...readModel, definitionVersion: 2 });
        // The runner died between its own swap and promote.
        const again = await leaseFor(projections, 'new', {
          ...readModel,
          definitionVersion: 2,
          liveGeneration: built.generation,
        });
        expect(again).toMatchObject({ generation: built.generation, live: true, fence: built.fence });
        expect((await projections.get('balances')).building).toBe(undefined);
        // And where the service knows nothing of it at all.
        await projections.delete({ name: 'balances', forget: true });
        expect(await leaseFor(projections, 'x', { ...readModel, liveGeneration: 9n })).toMatchObject({
          generation: 9n,
          live: true,
        });
      }),
    );
  });
}
