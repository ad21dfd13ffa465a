import type { StreamId } from '../core/stream.js';
import type { HeldSlot, StreamMark, StreamNews } from '../subscriptions/groups/group-storage.js';
import { slotOf } from '../subscriptions/groups/slot-of.js';
import { thing } from './builders.js';
import type { TestFramework } from './contract.js';
import type { WithGroupStorage } from './group-storage-contract.js';
import { newGroup, TestMember } from './group-storage-members.js';

const EVENT_ID = '018f2f6e-0000-7000-8000-000000000001';

/** What is known about streams. */
export function groupStreamsContract(
  { describe, it, expect }: TestFramework,
  withStorage: WithGroupStorage,
): void {
  const about = (stream: StreamId, slots = 2) => ({ slot: slotOf(stream, slots), fence: 1n, stream });
  const parked = (stream: StreamId, position: bigint) => ({
    ...about(stream),
    kind: 'PARKED' as const,
    position,
    version: position + 1n,
    eventType: 'Happened',
    eventId: EVENT_ID,
    attempts: 3,
    reason: 'no such "account"',
  });
  const opened = async (withs: Parameters<Parameters<WithGroupStorage>[0]>[0], slots = 2) => {
    await withs.storage.create(newGroup('g', slots));
    const member = await new TestMember(withs.storage, 'g', 'a').join();
    await member.beat();
    return member;
  };
  const toldTo = async (member: TestMember) => (await member.beat({ known: [] })).marks;
  const at = (slot: HeldSlot, position: bigint) => ({ ...slot, position: { position } });

  const byId = (marks: readonly StreamMark[]) =>
    [...marks].sort((left, right) => (left.stream.aggregateId < right.stream.aggregateId ? -1 : 1));

  describe('a stream that fails', () => {
    it(
      'is told to who gets its slot, until its slot is past it or it is cleared',
      withStorage(async (its) => {
        const member = await opened(its);
        const [one, other] = [thing('1'), thing('ä\u{1f600}')];
        const failing = (stream: StreamId, attempts: number) =>
          ({ ...about(stream), kind: 'FAILING', position: 5n, attempts }) as const;
        await member.beat({ news: [failing(one, 1), failing(other, 2), failing(one, 3)] });
        expect(member.orders?.marks).toEqual([]);
        const mark = ({ slot, stream }: { slot: number; stream: StreamId }, attempts: number) => ({
          kind: 'FAILING',
          slot,
          stream,
          position: 5n,
          attempts,
        });
        expect(byId(await toldTo(member))).toEqual([mark(about(one), 3), mark(about(other), 2)]);
        await member.beat({ news: [{ ...about(one), kind: 'CLEAR' }] });
        expect(await toldTo(member)).toEqual([mark(about(other), 2)]);
        await member.beat({ slots: [at(member.slot(slotOf(other, 2)), 5n)] });
        expect(await toldTo(member)).toEqual([]);
      }),
    );

    it(
      "is not kept under a fence that is not the slot's",
      withStorage(async (its) => {
        const member = await opened(its);
        const news = { ...about(thing('1')), fence: 7n, kind: 'FAILING', position: 5n, attempts: 1 } as const;
        await member.beat({ news: [news] });
        expect(await toldTo(member)).toEqual([]);
      }),
    );
  });

  describe('a stream that is parked', () => {
    it(
      'is listed by position with what could not be handled, and told to who gets its slot',
      withStorage(async (its) => {
        const { storage } = its;
        const member = await opened(its);
        const streams = ['1', '2', '3'].map((id) => thing(id));
        await member.beat({ news: streams.map((stream, index) => parked(stream, BigInt(9 - index))) });
        const first = await storage.listParked({ group: 'g', pageSize: 2 });
        expect(first.parked.map(({ position }) => position)).toEqual([7n, 8n]);
        expect(first.parked[0]).toMatchObject({
          stream: thing('3'),
          version: 8n,
          eventType: 'Happened',
          eventId: EVENT_ID,
          attempts: 3,
          reason: 'no such "account"',
          replaying: false,
        });
        const pageToken = first.nextPageToken ?? '';
        const rest = await storage.listParked({ group: 'g', pageSize: 2, pageToken });
        expect(rest.parked.map(({ stream }) => stream)).toEqual([thing('1')]);
        expect(rest.nextPageToken).toBe(undefined);
        await expect(storage.listParked({ group: 'h', pageToken })).rejects.toMatchObject({
          reason: 'INVALID_REQUEST',
        });
        expect((await storage.read('g')).parked).toBe(3n);
        expect((await toldTo(member)).map(({ kind }) => kind)).toEqual(['PARKED', 'PARKED', 'PARKED']);
      }),
    );

    it(
      'is replayed when asked, from the event that could not be handled or from behind it',
      withStorage(async (its) => {
        const { storage } = its;
        const member = await opened(its);
        const [one, other] = [thing('1'), thing('2')];
        await member.beat({ news: [parked(one, 5n), parked(other, 6n)] });
        expect(await storage.replayParked({ group: 'g', stream: thing('none') })).toBe(0n);
        expect(await storage.replayParked({ group: 'g', stream: one })).toBe(1n);
        const mark = { kind: 'REPLAYING', slot: slotOf(one, 2), stream: one, position: 5n, attempts: 0 };
        expect((await member.beat()).marks).toEqual([mark]);
        expect(await storage.replayParked({ group: 'g', skipFirst: true })).toBe(1n);
        expect((await member.beat()).marks.map(({ position }) => position)).toEqual([5n, 7n]);
        const list = await storage.listParked({ group: 'g' });
        expect(list.parked.map(({ replaying }) => replaying)).toEqual([true, true]);
        expect((await storage.read('g')).parked).toBe(2n);
        await member.beat({ slots: member.held.map((slot) => at(slot, 90n)) });
        expect((await toldTo(member)).length).toBe(2);
      }),
    );

    it(
      'moves on while it is replayed, stays parked if that fails, and is forgotten when it has caught up',
      withStorage(async (its) => {
        const { storage } = its;
        const member = await opened(its);
        const stream = thing('1');
        const say = async (news: StreamNews) => {
          await member.beat({ news: [{ ...news, fence: 1n }] });
          return (await toldTo(member)).map(({ attempts, kind, position }) => [kind, position, attempts]);
        };
        await member.beat({ news: [parked(stream, 5n)] });
        await storage.replayParked({ group: 'g' });
        expect(await say({ ...about(stream), kind: 'REPLAYED', position: 8n })).toEqual([
          ['REPLAYING', 8n, 0],
        ]);
        expect(await say({ ...about(stream), kind: 'REPLAYED', position: 7n })).toEqual([
          ['REPLAYING', 8n, 0],
        ]);
        expect(await say({ ...about(stream), kind: 'FAILING', position: 8n, attempts: 2 })).toEqual([
          ['REPLAYING', 8n, 2],
        ]);
        expect(await say(parked(stream, 8n))).toEqual([['PARKED', 8n, 3]]);
        await storage.replayParked({ group: 'g' });
        expect(await say({ ...about(stream), kind: 'CLEAR' })).toEqual([]);
        expect((await storage.read('g')).parked).toBe(0n);
      }),
    );

    it(
      'is forgotten by a reset',
      withStorage(async (its) => {
        const member = await opened(its);
        await member.beat({ news: [parked(thing('1'), 5n)] });
        await its.storage.reset('g', { position: 0n });
        expect(await toldTo(member)).toEqual([]);
        expect((await its.storage.read('g')).parked).toBe(0n);
      }),
    );

    it(
      'stays so, whatever a beat says that came in behind the next one',
      withStorage(async (its) => {
        const member = await opened(its, 1);
        const slot = { slot: 0, fence: 1n };
        await member.beat({ news: [{ ...parked(thing('1'), 5n), ...slot }] });
        await member.beat({ news: [{ ...slot, stream: thing('1'), kind: 'CLEAR' }] });
        expect((await its.storage.read('g')).parked).toBe(1n);
      }),
    );

    it(
      'beyond the limit makes its slot begin anew at its position, where it fails again until there is room',
      withStorage(
        async (its) => {
          const member = await opened(its, 1);
          const slot = { slot: 0, fence: 1n };
          const news = ['1', '2', '3'].map((id) => ({ ...parked(thing(id), 5n), ...slot }));
          const orders = await member.beat({ news, slots: [{ ...slot, position: { position: 9n } }] });
          expect(orders.slots).toEqual([{ slot: 0, fence: 2n, position: { position: 0n }, wanted: false }]);
          expect(byId(orders.marks).map(({ kind }) => kind)).toEqual(['PARKED', 'PARKED', 'FAILING']);
          await its.storage.replayParked({ group: 'g', stream: thing('1') });
          await member.beat({ news: [{ slot: 0, fence: 2n, stream: thing('1'), kind: 'CLEAR' }] });
          await member.beat({ news: [{ ...parked(thing('3'), 5n), slot: 0, fence: 2n }] });
          expect(member.slot(0).fence).toBe(2n);
          expect((await its.storage.read('g')).parked).toBe(2n);
        },
        { maxParked: 2 },
      ),
    );
  });

  describe('a stream that is acknowledged in a transaction', () => {
    it(
      'is done once, and told to who gets its slot, until its slot is past it',
      withStorage(async (its) => {
        const member = await opened(its);
        const stream = thing('1');
        const ack = (nth: number) => its.acknowledge({ group: 'g', memberId: 'a', stream, nth });
        expect((await ack(1)).done).toBe(true);
        const { done, position } = await ack(2);
        expect(done).toBe(true);
        expect([(await ack(2)).done, (await ack(1)).done]).toEqual([false, false]);
        const { slot } = about(stream);
        expect(await toldTo(member)).toEqual([{ kind: 'ACKED', slot, stream, position, attempts: 0 }]);
        await member.beat({ slots: [at(member.slot(slot), position)] });
        expect(await toldTo(member)).toEqual([]);
        expect((await ack(2)).done).toBe(false);
        expect((await ack(3)).done).toBe(true);
      }),
    );

    it(
      'fails or is replayed from behind what is done',
      withStorage(async (its) => {
        const member = await opened(its);
        const stream = thing('1');
        const ack = (nth: number) => its.acknowledge({ group: 'g', memberId: 'a', stream, nth });
        const first = await ack(1);
        await member.beat({
          news: [{ ...about(stream), kind: 'FAILING', position: first.position, attempts: 4 }],
        });
        expect((await toldTo(member)).map(({ kind }) => kind)).toEqual(['ACKED']);
        await member.beat({ news: [parked(stream, first.position)] });
        await its.storage.replayParked({ group: 'g' });
        await member.beat({ slots: member.held.map((slot) => at(slot, 1000n)) });
        const marks = await toldTo(member);
        expect(marks.map(({ kind, position }) => [kind, position])).toEqual([
          ['REPLAYING', first.position + 1n],
        ]);
        expect([(await ack(1)).done, (await ack(2)).done, (await ack(2)).done]).toEqual([false, true, false]);
      }),
    );

    it(
      'is refused to who does not hold its slot, or knows no such group',
      withStorage(async (its) => {
        const member = await opened(its);
        const ask = (memberId: string, group = 'g') =>
          its.acknowledge({ group, memberId, stream: thing('1'), nth: 1 });
        await expect(ask('b')).rejects.toMatchObject({ reason: 'LEASE_LOST' });
        await expect(ask('a', 'h')).rejects.toMatchObject({ reason: 'GROUP_NOT_FOUND' });
        await member.beat({ leaving: true });
        await expect(ask('a')).rejects.toMatchObject({ reason: 'LEASE_LOST' });
      }),
    );
  });
}
