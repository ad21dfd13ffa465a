import type { AggregateProgress, ProjectionLease, Projections } from '../core/projections.js';
import { thing } from './builders.js';
import type { TestFramework } from './contract.js';
import { leaseFor, stateOf, textOf, type WithProjections } from './projections-contract-runners.js';

const kind = { kind: 'AGGREGATES' as const };
const LONG_AGO = 1_700_000_000_000_000n;
const FAR_AHEAD = 5_000_000_000_000_000n;

function progress(id: string, version: bigint): AggregateProgress {
  return { stream: thing(id), version, state: stateOf(`${id} at ${version}`), failure: undefined };
}

function failing(id: string, position: bigint, retryAt?: bigint): AggregateProgress {
  const failure = {
    position,
    stream: thing(id),
    error: `No ${id}`,
    attempts: 1,
    failedAt: LONG_AGO,
    retryAt,
  };
  return { ...progress(id, 1n), failure };
}

function save(projections: Projections, lease: ProjectionLease, ...aggregates: AggregateProgress[]) {
  return projections.save(lease, { position: { position: 9n }, aggregates });
}

async function dueOf(projections: Projections): Promise<readonly string[]> {
  const { aggregates } = await projections.load({ name: 'balances', due: true });
  return aggregates.map(({ stream, version, state }) => `${stream.aggregateId} ${version} ${textOf(state)}`);
}

/** A state for each aggregate. */
export function projectionAggregatesContract(
  { describe, it, expect }: TestFramework,
  withProjections: WithProjections,
): void {
  describe('aggregates of a projection', () => {
    it(
      'are kept with the position, and loaded by name in the order asked for',
      withProjections(async (projections) => {
        const lease = await leaseFor(projections, 'a', kind);
        await save(projections, lease, progress('a', 1n), progress('b', 2n));
        await save(projections, lease, progress('b', 3n));
        const { aggregates, position } = await projections.load({
          name: 'balances',
          streams: [thing('b'), thing('nobody'), thing('a')],
        });
        expect(position).toEqual({ position: 9n });
        expect(aggregates.map((one) => ({ ...one, state: textOf(one.state) }))).toEqual([
          { stream: thing('b'), version: 3n, state: 'b at 3', failure: undefined },
          { stream: thing('a'), version: 1n, state: 'a at 1', failure: undefined },
        ]);
        expect((await projections.load({ name: 'balances' })).aggregates).toEqual([]);
      }),
    );

    it(
      'that have failed are counted and listed by position, page by page',
      withProjections(async (projections) => {
        const lease = await leaseFor(projections, 'a', kind);
        await save(
          projections,
          lease,
          progress('well', 1n),
          failing('c', 30n),
          failing('a', 5n),
          failing('b', 7n),
        );
        expect((await projections.get('balances')).failedAggregates).toBe(3n);
        const first = await projections.listFailedAggregates({ name: 'balances', pageSize: 2 });
        expect(first.failures.map(({ stream, error }) => [stream.aggregateId, error])).toEqual([
          ['a', 'No a'],
          ['b', 'No b'],
        ]);
        const pageToken = first.nextPageToken ?? '';
        const second = await projections.listFailedAggregates({ name: 'balances', pageSize: 2, pageToken });
        expect(second.failures).toEqual([failing('c', 30n).failure]);
        expect(second.nextPageToken).toBe(undefined);
        await save(projections, lease, progress('a', 2n));
        expect((await projections.get('balances')).failedAggregates).toBe(2n);
        await expect(projections.listFailedAggregates({ name: 'another', pageToken })).rejects.toMatchObject({
          reason: 'INVALID_REQUEST',
        });
        await expect(projections.listFailedAggregates({ name: 'another' })).rejects.toMatchObject({
          reason: 'PROJECTION_NOT_FOUND',
        });
      }),
    );

    it(
      'are due when their time has come, or somebody asks, until they are saved',
      withProjections(async (projections) => {
        const lease = await leaseFor(projections, 'a', kind);
        await save(
          projections,
          lease,
          failing('never', 9n),
          failing('past', 5n, LONG_AGO),
          failing('later', 7n, FAR_AHEAD),
        );
        expect(await dueOf(projections)).toEqual(['past 1 past at 1']);
        expect((await projections.report(lease, {})).aggregatesChanged).toBe(false);
        expect(await projections.retryAggregates({ name: 'balances', stream: thing('never') })).toBe(1n);
        expect(await projections.retryAggregates({ name: 'balances', stream: thing('well') })).toBe(0n);
        expect((await projections.report(lease, {})).aggregatesChanged).toBe(true);
        expect(await dueOf(projections)).toEqual(['past 1 past at 1', 'never 1 never at 1']);
        await save(projections, lease, progress('never', 2n));
        expect((await projections.report(lease, {})).aggregatesChanged).toBe(false);
        expect(await dueOf(projections)).toEqual(['past 1 past at 1']);
      }),
    );

    it(
      'begin anew where that is asked for',
      withProjections(async (projections) => {
        const lease = await leaseFor(projections, 'a', kind);
        await save(projections, lease, failing('a', 5n), failing('b', 7n), progress('well', 4n));
        expect(await projections.retryAggregates({ name: 'balances', reset: true })).toBe(2n);
        expect(await dueOf(projections)).toEqual(['a 0 ', 'b 0 ']);
        const { aggregates } = await projections.load({ name: 'balances', streams: [thing('well')] });
        expect(aggregates[0]?.version).toBe(4n);
      }),
    );

    it(
      'are thrown away by a reset, and in one answer as many are given as fit',
      withProjections(async (projections) => {
        const lease = await leaseFor(projections, 'a', kind);
        const large = (id: string, position: bigint) => ({
          ...failing(id, position, LONG_AGO),
          state: new Uint8Array(3 * 1024 * 1024),
        });
        await save(projections, lease, large('a', 5n));
        await save(projections, lease, large('b', 6n));
        const both = [thing('a'), thing('b')];
        await expect(projections.load({ name: 'balances', streams: both })).rejects.toMatchObject({
          reason: 'INVALID_REQUEST',
        });
        const { aggregates } = await projections.load({ name: 'balances', due: true });
        expect(aggregates.map(({ stream }) => stream.aggregateId)).toEqual(['a']);
        await projections.reset({ name: 'balances' });
        const { resetWanted } = await projections.report(lease, {});
        await projections.save(lease, { position: { position: 0n }, resetDone: resetWanted });
        expect((await projections.load({ name: 'balances', streams: both })).aggregates).toEqual([]);
        expect((await projections.get('balances')).failedAggregates).toBe(0n);
      }),
    );

    it(
      'come in one save a thousand at a time',
      withProjections(async (projections) => {
        const lease = await leaseFor(projections, 'a', kind);
        const many = (count: number) => Array.from({ length: count }, (_, index) => progress(`${index}`, 1n));
        await save(projections, lease, ...many(1000));
        const streams = many(1000).map(({ stream }) => stream);
        expect((await projections.load({ name: 'balances', streams })).aggregates.length).toBe(1000);
        const refused = { reason: 'INVALID_REQUEST' };
        await expect(save(projections, lease, ...many(1001))).rejects.toMatchObject(refused);
        await expect(save(projections, lease, progress('a', 1n), progress('a', 2n))).rejects.toMatchObject(
          refused,
        );
      }),
    );
  });
}
