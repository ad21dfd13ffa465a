import { eventually, type TestFramework } from './contract.js';
import type { WithGroupStorage } from './group-storage-contract.js';
import { newGroup, TestMember } from './group-storage-members.js';

/** Who holds which slot, and how far it is. */
export function groupSlotsContract(framework: TestFramework, withStorage: WithGroupStorage): void {
  const { describe, it, expect } = framework;

  describe('the slots of a group', () => {
    it(
      'are all held by its only member, from where the group begins',
      withStorage(async ({ storage }) => {
        await storage.create({ ...newGroup('g', 3), position: { position: 5n, epoch: 2n } });
        const member = await new TestMember(storage, 'g', 'a').join();
        const { slots } = await member.beat();
        const position = { position: 5n, epoch: 2n };
        expect(slots).toEqual([0, 1, 2].map((slot) => ({ slot, fence: 1n, position, wanted: false })));
        const { members } = await storage.read('g');
        expect(members.map(({ memberId, name, slots: held }) => [memberId, name, held])).toEqual([
          ['a', 'called a', 3],
        ]);
      }),
    );

    it(
      'go over to a new member as they are released, each under a higher fence',
      withStorage(async ({ storage }) => {
        await storage.create(newGroup('g', 5));
        const first = await new TestMember(storage, 'g', 'a').join();
        await first.beat();
        const second = await new TestMember(storage, 'g', 'b').join();
        await first.beat();
        expect(first.held.map(({ wanted }) => wanted).filter(Boolean).length).toBe(2);
        expect((await second.beat()).slots).toEqual([]);
        await first.release();
        expect(first.held.length).toBe(3);
        await second.beat();
        expect(second.held.map(({ fence }) => fence)).toEqual([2n, 2n]);
        expect(
          [...first.held, ...second.held].map(({ slot }) => slot).sort((one, other) => one - other),
        ).toEqual([0, 1, 2, 3, 4]);
      }),
    );

    it(
      'are shared out evenly whoever comes and goes, and nothing moves that need not',
      withStorage(async ({ storage }) => {
        await storage.create(newGroup('g', 10));
        const members: TestMember[] = [];
        const settle = async () => {
          for (let round = 0; round < 3; round++) for (const one of members) await one.release();
          return members.map(({ held }) => held.length).sort((one, other) => one - other);
        };
        for (const id of ['a', 'b', 'c', 'd']) {
          members.push(await new TestMember(storage, 'g', id).join());
          await settle();
        }
        expect(await settle()).toEqual([2, 2, 3, 3]);
        const before = members.map(({ held }) => held);
        await settle();
        expect(members.map(({ held }) => held)).toEqual(before);
        const [left] = members.splice(1, 1);
        expect(await left?.beat({ leaving: true })).toMatchObject({ slots: [] });
        expect(await settle()).toEqual([3, 3, 4]);
      }),
    );

    it(
      'that are wanted are kept again when who was to have them is gone',
      withStorage(async ({ storage }) => {
        await storage.create(newGroup('g', 4));
        const first = await new TestMember(storage, 'g', 'a').join();
        const second = await new TestMember(storage, 'g', 'b').join();
        await second.beat({ leaving: true });
        await first.beat();
        expect(first.held.map(({ fence, wanted }) => [fence, wanted])).toEqual(
          Array.from({ length: 4 }, () => [1n, false]),
        );
      }),
    );

    it(
      'are no more than there are: members beyond that have none',
      withStorage(async ({ storage }) => {
        await storage.create(newGroup('g', 1));
        const first = await new TestMember(storage, 'g', 'a').join();
        const second = await new TestMember(storage, 'g', 'b').join();
        expect((await first.beat()).slots.map(({ wanted }) => wanted)).toEqual([false]);
        expect((await second.beat()).slots).toEqual([]);
      }),
    );

    it(
      'are taken from a member whose lease ran out, and nothing that it says is kept',
      withStorage(
        async ({ storage }) => {
          await storage.create(newGroup('g', 2));
          const gone = await new TestMember(storage, 'g', 'a').join();
          await gone.beat();
          const other = await new TestMember(storage, 'g', 'b').join();
          await eventually(
            framework,
            'the other has both',
            async () => (await other.beat()).slots.length === 2,
          );
          const slots = gone.held.map((slot) => ({ ...slot, position: { position: 9n } }));
          expect(await gone.beat({ slots })).toEqual({
            group: 'g',
            memberId: 'a',
            ended: 'LEASE_LOST',
            slots: [],
            marks: [],
          });
          await other.beat();
          expect(other.held.map(({ position }) => position.position)).toEqual([0n, 0n]);
          expect((await storage.read('g')).members.map(({ memberId }) => memberId)).toEqual(['b']);
        },
        { leaseMs: 1000 },
      ),
    );

    it(
      'that are wanted are taken away when they are not released in time',
      withStorage(
        async ({ storage }) => {
          await storage.create(newGroup('g', 2));
          const first = await new TestMember(storage, 'g', 'a').join();
          await first.beat();
          const second = await new TestMember(storage, 'g', 'b').join();
          await eventually(
            framework,
            'the second has one',
            async () => (await second.beat()).slots.length === 1,
          );
          const { slot } = second.held[0] ?? { slot: -1 };
          await first.beat({ slots: [{ ...first.slot(slot), position: { position: 9n } }] });
          await second.beat();
          expect(second.slot(slot)).toEqual({ slot, fence: 2n, position: { position: 0n }, wanted: false });
        },
        { releaseMs: 50 },
      ),
    );

    it(
      'move forwards only, and only by who holds them',
      withStorage(async ({ storage }) => {
        await storage.create(newGroup('g', 2));
        const member = await new TestMember(storage, 'g', 'a').join();
        await member.beat();
        const move = async (position: bigint, epoch?: bigint, fence = 1n) => {
          const to = { position, ...(epoch === undefined ? {} : { epoch }) };
          await member.beat({ slots: [{ slot: 0, fence, position: to }] });
          return member.slot(0).position;
        };
        expect(await move(2n ** 62n + 1n, 1n)).toEqual({ position: 2n ** 62n + 1n, epoch: 1n });
        expect(await move(5n, 9n)).toEqual({ position: 2n ** 62n + 1n, epoch: 1n });
        expect(await move(2n ** 62n + 1n, 2n)).toEqual({ position: 2n ** 62n + 1n, epoch: 2n });
        expect(await move(2n ** 62n + 2n, 2n, 2n)).toEqual({ position: 2n ** 62n + 1n, epoch: 2n });
        const other = new TestMember(storage, 'g', 'b');
        await other.beat({ slots: [{ slot: 1, fence: 1n, position: { position: 9n } }] });
        expect((await storage.read('g')).position).toEqual({ position: 0n });
      }),
    );

    it(
      'are moved by a reset under higher fences, and shared out anew',
      withStorage(async ({ storage }) => {
        await storage.create(newGroup('g', 2, 8n));
        const member = await new TestMember(storage, 'g', 'a').join();
        await member.beat();
        const said = { slot: 0, fence: 1n, position: { position: 20n } };
        await storage.reset('g', { position: 3n, epoch: 4n });
        const orders = await member.beat({ slots: [said] });
        expect(orders.groupChanged?.revision).toBe(2n);
        expect(orders.slots.map(({ fence, position }) => [fence > 1n, position])).toEqual(
          Array.from({ length: 2 }, () => [true, { position: 3n, epoch: 4n }]),
        );
      }),
    );

    it(
      'of many groups are beaten for at once, and each member is told in the order asked',
      withStorage(async ({ storage }) => {
        const members: TestMember[] = [];
        for (const group of ['z', 'a', 'm']) {
          await storage.create(newGroup(group, 2));
          members.push(await new TestMember(storage, group, 'x').join());
          members.push(await new TestMember(storage, group, 'y').join());
        }
        const orders = await storage.beat(members.map((one) => one.says()));
        expect(orders.map(({ group, memberId }) => [group, memberId])).toEqual(
          members.map(({ group, memberId }) => [group, memberId]),
        );
        expect(orders.map(({ slots }) => slots.length)).toEqual([2, 0, 2, 0, 2, 0]);
      }),
    );
  });
}
