import { fill, thing } from './builders.js';
import type { TestFramework } from './contract.js';
import { leaseFor, stateOf, textOf, type WithProjections } from './projections-contract-runners.js';

/** Waiting until a projection has come to a position. */
export function projectionPositionsContract(
  { describe, it, expect, sleep }: TestFramework,
  withProjections: WithProjections,
): void {
  describe('waiting for a position', () => {
    it(
      'ends when the live generation has come there',
      withProjections(async (projections, store) => {
        const { epoch, lastPosition } = await fill(store, thing('a'), 3);
        const lease = await leaseFor(projections, 'a');
        const minPosition = { position: lastPosition, epoch };
        const waiting = projections.waitFor('balances', minPosition, { timeoutMilliseconds: 20_000 });
        const loading = projections.load({ name: 'balances', minPosition }, { timeoutMilliseconds: 20_000 });
        await sleep(100);
        await projections.save(lease, { position: { position: 2n, epoch }, state: stateOf('two') });
        await sleep(100);
        await projections.save(lease, { position: minPosition, state: stateOf('three') });
        expect(await waiting).toEqual(minPosition);
        expect(textOf((await loading).state)).toBe('three');
        expect((await projections.get('balances')).live.lag).toBe(0n);
      }),
    );

    it(
      'ends with what was reached shortly before the time is over',
      withProjections(async (projections, store) => {
        const { lastPosition } = await fill(store, thing('a'), 3);
        const lease = await leaseFor(projections, 'a');
        await projections.save(lease, { position: { position: 2n } });
        expect((await projections.get('balances')).live.lag).toBe(1n);
        const minPosition = { position: lastPosition };
        const options = { timeoutMilliseconds: 400 };
        const notReached = { reason: 'POSITION_NOT_REACHED', position: lastPosition, reached: 2n };
        await expect(projections.waitFor('balances', minPosition, options)).rejects.toMatchObject(notReached);
        await expect(projections.load({ name: 'balances', minPosition }, options)).rejects.toMatchObject(
          notReached,
        );
      }),
    );

    it(
      'is refused for a position of another log, and for no such projection',
      withProjections(async (projections, store) => {
        const { lastPosition } = await fill(store, thing('a'), 1);
        await expect(projections.waitFor('balances', { position: lastPosition })).rejects.toMatchObject({
          reason: 'PROJECTION_NOT_FOUND',
        });
        await leaseFor(projections, 'a');
        for (const minPosition of [{ position: lastPosition + 1n }, { position: lastPosition, epoch: 99n }])
          await expect(projections.waitFor('balances', minPosition)).rejects.toMatchObject({
            reason: 'POSITION_UNKNOWN',
          });
      }),
    );

    it(
      'ends when the caller leaves',
      withProjections(async (projections, store) => {
        const { lastPosition } = await fill(store, thing('a'), 1);
        await leaseFor(projections, 'a');
        const leaving = new AbortController();
        const waiting = projections.waitFor(
          'balances',
          { position: lastPosition },
          { signal: leaving.signal, timeoutMilliseconds: 30_000 },
        );
        leaving.abort(new Error('Enough'));
        await expect(waiting).rejects.toMatchObject({ message: 'Enough' });
      }),
    );
  });
}
