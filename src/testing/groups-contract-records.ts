import { DEFAULT_GROUP_SETTINGS, DEFAULT_SLOTS } from '../core/consumer-groups.js';
import { fill, thing } from './builders.js';
import type { TestFramework } from './contract.js';
import type { WithGroups } from './groups-contract.js';

/** Groups as they are created, changed, listed and deleted. */
export function groupRecordsContract({ describe, it, expect }: TestFramework, withGroups: WithGroups): void {
  describe('a consumer group', () => {
    it(
      'is created once, and found when it is created again',
      withGroups(async ({ elsewhere, groups }) => {
        const created = await groups.create({ name: 'g', settings: { maxAttempts: 3 } });
        expect(created.created).toBe(true);
        expect(created.slots).toBe(DEFAULT_SLOTS);
        expect(created.settings).toEqual({ ...DEFAULT_GROUP_SETTINGS, maxAttempts: 3 });
        const again = await elsewhere.create({ name: 'g', settings: { maxAttempts: 3 } });
        expect(again).toEqual({ ...created, created: false });
      }),
    );

    it(
      'that differs from what is there is refused',
      withGroups(async ({ groups }) => {
        await groups.create({ name: 'g' });
        for (const other of [
          { slots: 3 },
          { settings: { maxAttempts: 3 } },
          { selection: { scope: { kind: 'AGGREGATE_TYPES', aggregateTypes: ['Thing'] } } },
        ] as const)
          await expect(groups.create({ name: 'g', ...other })).rejects.toMatchObject({
            reason: 'GROUP_EXISTS',
          });
      }),
    );

    it(
      'with wrong fields is refused with all of them',
      withGroups(async ({ groups }) => {
        await expect(
          groups.create({ name: '', slots: 0, settings: { maxAttempts: 0 } }),
        ).rejects.toMatchObject({
          reason: 'INVALID_REQUEST',
          violations: [{ field: 'name' }, { field: 'settings.max_attempts' }, { field: 'slots' }],
        });
        await expect(groups.join({ group: 'g', maxInFlight: 0 })).rejects.toMatchObject({
          reason: 'INVALID_REQUEST',
          violations: [{ field: 'join.max_in_flight' }],
        });
      }),
    );

    it(
      'that is not there is refused by all that need one',
      withGroups(async ({ groups }) => {
        const calls = [
          () => groups.update({ name: 'g' }),
          () => groups.delete('g'),
          () => groups.get('g'),
          () => groups.listParked({ group: 'g' }),
          () => groups.replayParked({ group: 'g' }),
          () => groups.reset({ name: 'g' }),
          () => groups.join({ group: 'g' }),
        ];
        for (const call of calls)
          await expect(call()).rejects.toMatchObject({ reason: 'GROUP_NOT_FOUND', group: 'g' });
      }),
    );

    it(
      'is changed, listed by name in pages, and deleted',
      withGroups(async ({ groups }) => {
        for (const name of ['b', 'a', 'c']) await groups.create({ name });
        const selection = { filters: [{ eventTypes: ['Happened'] }] };
        expect((await groups.update({ name: 'b', selection })).selection).toEqual(selection);
        const first = await groups.list({ pageSize: 2 });
        expect(first.groups.map(({ name }) => name)).toEqual(['a', 'b']);
        const second = await groups.list({ pageSize: 2, pageToken: first.nextPageToken ?? '' });
        expect(second.groups.map(({ name }) => name)).toEqual(['c']);
        expect(second.nextPageToken).toBe(undefined);
        await groups.delete('b');
        expect((await groups.list()).groups.map(({ name }) => name)).toEqual(['a', 'c']);
      }),
    );

    it(
      'tells where it stands and how far that is from the end of the log',
      withGroups(async ({ groups, store }) => {
        await fill(store, thing('a'), 3);
        await groups.create({ name: 'all' });
        await groups.create({ name: 'rest', start: { kind: 'AFTER', after: { position: 2n } } });
        expect((await groups.get('all')).lag).toBe(3n);
        const rest = await groups.get('rest');
        expect(rest.position.position).toBe(2n);
        expect(rest.lag).toBe(1n);
        expect(rest.parked).toBe(0n);
        expect(rest.members).toEqual([]);
      }),
    );

    it(
      'does not begin where the log has never been',
      withGroups(async ({ groups }) => {
        await expect(
          groups.create({ name: 'g', start: { kind: 'AFTER', after: { position: 7n } } }),
        ).rejects.toMatchObject({ reason: 'POSITION_UNKNOWN' });
      }),
    );
  });
}
