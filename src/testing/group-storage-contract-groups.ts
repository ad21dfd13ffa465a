import type { EventSelection } from '../core/selection.js';
import type { TestFramework } from './contract.js';
import type { WithGroupStorage } from './group-storage-contract.js';
import { newGroup, TestMember } from './group-storage-members.js';

const SELECTION: EventSelection = {
  scope: { kind: 'STREAMS', streams: [{ aggregateType: 'Thing', aggregateId: 'ä\u{1f600}' }] },
  filters: [
    { positions: { first: 2n ** 60n + 1n }, metadata: [{ key: 'k', operator: 'EQUAL', values: ['v'] }] },
  ],
};

/** Groups as such. */
export function groupRecordsContract(
  { describe, it, expect }: TestFramework,
  withStorage: WithGroupStorage,
): void {
  describe('a group', () => {
    it(
      'is created once, and found by whoever creates the very same again',
      withStorage(async ({ storage, store }) => {
        const wanted = { ...newGroup('billing', 3, 7n), selection: SELECTION };
        const { created, group } = await storage.create(wanted);
        expect(created).toBe(true);
        expect(group).toMatchObject({
          name: 'billing',
          selection: SELECTION,
          settings: wanted.settings,
          slots: 3,
        });
        const again = await storage.create({ ...wanted, position: { position: 9n } });
        expect(again).toEqual({ created: false, group });
        const { position: head } = await store.getLog();
        const found = await storage.read('billing');
        expect(found).toEqual({ group, position: { position: 7n }, head, members: [], parked: 0n });
      }),
    );

    it(
      'is refused if it is there with another selection, settings or slots',
      withStorage(async ({ storage }) => {
        const wanted = newGroup('billing');
        await storage.create(wanted);
        const exists = { reason: 'GROUP_EXISTS' };
        await expect(storage.create({ ...wanted, slots: 9 })).rejects.toMatchObject(exists);
        await expect(storage.create({ ...wanted, selection: SELECTION })).rejects.toMatchObject(exists);
        const settings = { ...wanted.settings, maxAttempts: 11 };
        await expect(storage.create({ ...wanted, settings })).rejects.toMatchObject(exists);
        const whole: EventSelection = { scope: { kind: 'LOG' }, filters: [] };
        expect((await storage.create({ ...wanted, selection: whole })).created).toBe(false);
      }),
    );

    it(
      'that does not exist is not found',
      withStorage(async ({ storage }) => {
        const missing = { reason: 'GROUP_NOT_FOUND' };
        const none = new TestMember(storage, 'none', 'a');
        await expect(storage.update({ name: 'none' })).rejects.toMatchObject(missing);
        await expect(storage.delete('none')).rejects.toMatchObject(missing);
        await expect(storage.read('none')).rejects.toMatchObject(missing);
        await expect(storage.listParked({ group: 'none' })).rejects.toMatchObject(missing);
        await expect(storage.replayParked({ group: 'none' })).rejects.toMatchObject(missing);
        await expect(storage.reset('none', { position: 0n })).rejects.toMatchObject(missing);
        await expect(none.join()).rejects.toMatchObject(missing);
        expect(await none.beat()).toMatchObject({ ended: 'GROUP_NOT_FOUND', slots: [] });
      }),
    );

    it(
      'that is changed has another revision, of which members learn, and keeps what is not changed',
      withStorage(async ({ storage }) => {
        const { group } = await storage.create(newGroup('billing', 1));
        const member = await new TestMember(storage, 'billing', 'a').join();
        expect((await member.beat()).groupChanged).toBe(undefined);
        const updated = await storage.update({ name: 'billing', selection: SELECTION });
        expect(updated).toEqual({ ...group, selection: SELECTION, revision: 2n });
        expect((await member.beat()).groupChanged).toEqual(updated);
        expect((await member.beat({ revision: 2n })).groupChanged).toBe(undefined);
        const settings = { ackTimeoutMs: 1000, maxAttempts: 1, retryDelayMs: 0, maxRetryDelayMs: 5 };
        expect(await storage.update({ name: 'billing', settings })).toEqual({
          ...updated,
          settings,
          revision: 3n,
        });
      }),
    );

    it(
      'that is deleted is gone with its members, and begins anew when created again',
      withStorage(async ({ storage }) => {
        await storage.create(newGroup('billing'));
        const member = await new TestMember(storage, 'billing', 'a').join();
        await storage.delete('billing');
        expect(await member.beat()).toMatchObject({ ended: 'GROUP_NOT_FOUND' });
        expect((await storage.create(newGroup('billing', 2))).created).toBe(true);
        expect(await member.beat()).toMatchObject({ ended: 'LEASE_LOST' });
      }),
    );

    it(
      'is listed by the bytes of its name, page by page',
      withStorage(async ({ storage }) => {
        for (const name of ['b', 'ä', 'B', '\u{1f600}', 'a b']) await storage.create(newGroup(name, 1));
        const names: string[] = [];
        let pageToken: string | undefined;
        do {
          const page = await storage.list({ pageSize: 2, ...(pageToken === undefined ? {} : { pageToken }) });
          names.push(...page.groups.map(({ name }) => name));
          pageToken = page.nextPageToken;
        } while (pageToken !== undefined);
        expect(names).toEqual(['B', 'a b', 'b', 'ä', '\u{1f600}']);
        expect((await storage.list({ pageSize: 5 })).nextPageToken).toBe(undefined);
        await expect(storage.list({ pageToken: 'mine' })).rejects.toMatchObject({
          reason: 'INVALID_REQUEST',
        });
      }),
    );

    it(
      'tells who listens that something has changed',
      withStorage(async ({ storage }) => {
        const heard: string[] = [];
        const stop = storage.onChange((group) => heard.push(group));
        await storage.create(newGroup('billing'));
        await new TestMember(storage, 'billing', 'a').join();
        expect(heard.includes('billing')).toBe(true);
        stop();
      }),
    );
  });
}
