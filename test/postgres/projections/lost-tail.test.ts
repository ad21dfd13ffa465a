import { afterAll, beforeAll, expect, it } from 'vitest';
import { appendTo, newEvent, thing } from '../../../src/testing/index.js';
import { openTestStore, type TestStore } from '../../support/test-database.js';
import { projectionsOn } from './projections-on.js';

let test: TestStore;
beforeAll(async () => {
  test = await openTestStore();
});
afterAll(() => test.close());

/** As after a fail-over that lost what came behind a position: a later epoch begins there. */
async function newEpochAfter(position: bigint): Promise<void> {
  await test.database.withSession(async (session) => {
    await session.query(`SET search_path = "${test.schema}"`);
    await session.query(
      `INSERT INTO epochs SELECT (jsonb_populate_record(e, jsonb_build_object(
         'epoch', e.epoch + 1, 'started_after_position', $1::bigint))).*
         FROM epochs e ORDER BY e.epoch DESC LIMIT 1`,
      [String(position)],
    );
  });
}

it('what was read of a tail that the log lost does not count, and a position of it is told to be lost', async () => {
  const projections = projectionsOn(test);
  const { epoch, lastPosition } = await test.store.append(
    appendTo(thing('a'), newEvent(), newEvent(), newEvent()),
  );
  const { leases } = await projections.acquire({
    name: 'balances',
    kind: 'STATE',
    definitionVersion: 1,
    runner: 'host',
    runnerId: 'one',
  });
  const [lease] = leases;
  if (lease === undefined) throw new Error('No lease');
  await projections.save(lease, { position: { position: lastPosition, epoch } });
  expect(await projections.waitFor('balances', { position: lastPosition, epoch })).toEqual({
    position: lastPosition,
    epoch,
  });

  await newEpochAfter(lastPosition - 1n);
  await expect(projections.waitFor('balances', { position: lastPosition, epoch })).rejects.toMatchObject({
    reason: 'LOG_EPOCH_CHANGED',
    lastCommonPosition: lastPosition - 1n,
  });
  const inNewEpoch = { position: lastPosition, epoch: epoch + 1n };
  await expect(
    projections.waitFor('balances', inNewEpoch, { timeoutMilliseconds: 300 }),
  ).rejects.toMatchObject({ reason: 'POSITION_NOT_REACHED', reached: lastPosition - 1n });
  expect(await projections.waitFor('balances', { position: lastPosition - 1n, epoch })).toMatchObject({
    epoch,
  });
});
