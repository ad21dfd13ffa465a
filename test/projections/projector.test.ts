import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defineProjector, stateOf } from '../../src/projections/projector.js';
import { accountEvents, type FollowedLog, followedLog } from './followed-log.js';

let log: FollowedLog;
beforeEach(() => {
  log = followedLog();
});
afterEach(() => log.stop());

const totals = defineProjector({
  name: 'totals',
  events: accountEvents,
  initialState: () => ({ sum: 0, positions: [] as string[] }),
  on: {
    Deposited: (state, { payload, position }) => ({
      sum: state.sum + payload.amount,
      positions: [...state.positions, String(position)],
    }),
  },
});

describe('a projector that is run', () => {
  it('gives all events to its handlers in order, old ones and new ones', async () => {
    await log.deposit('a', 1, 2);
    const running = log.run(totals.work(log.projections));
    await log.deposit('b', 3);
    const last = await log.deposit('a', 4, 5);
    await running.waitFor(last);
    const { state, position } = await totals.stateOf(log.projections, { minPosition: last });
    expect(state).toEqual({ sum: 15, positions: ['1', '2', '3', '4', '5'] });
    expect(position.position).toBe(last);
    expect(await stateOf(log.projections, 'totals')).toMatchObject({ state });
  });
});
