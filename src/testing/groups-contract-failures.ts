import type { EventStore } from '../core/event-store.js';
import { fill, thing } from './builders.js';
import { eventually, type TestFramework } from './contract.js';
import { TestConsumer } from './groups-contract-consumer.js';
import type { OpenGroups, WithGroups } from './groups-contract.js';

/** What becomes of events that could not be handled. */
export function groupFailuresContract(framework: TestFramework, withGroups: WithGroups): void {
  const { describe, it, expect, sleep } = framework;

  /** A consumer that has been given `a1 a2 a3` and `b1`, and answers nothing. */
  async function begun({ groups, store }: OpenGroups, maxAttempts = 10): Promise<TestConsumer> {
    await fill(store, thing('a'), 3);
    await fill(store, thing('b'), 1);
    await groups.create({ name: 'g', settings: { maxAttempts, retryDelayMs: 1 } });
    const consumer = await TestConsumer.join(framework, groups, { group: 'g' });
    await consumer.got(4);
    return consumer;
  }

  async function parked({ groups }: OpenGroups): Promise<readonly object[]> {
    const list = await groups.listParked({ group: 'g' });
    return list.parked.map(({ attempts, eventType, reason, replaying, stream, version }) => ({
      of: `${stream.aggregateId}${version}`,
      attempts,
      eventType,
      reason,
      replaying,
    }));
  }

  const lagsNot = (opened: OpenGroups) =>
    eventually(framework, 'nothing lags', async () => (await opened.groups.get('g')).lag === 0n);

  const more = (store: EventStore, id: string) => fill(store, thing(id), 1);

  describe('an event that could not be handled', () => {
    it(
      'comes again, and what is behind it in its stream after it; other streams go on',
      withGroups(async (opened) => {
        const consumer = await begun(opened);
        expect(await consumer.membership.nack({ position: consumer.position('a2') })).toEqual([]);
        await consumer.got(5);
        const last = consumer.deliveries.at(-1);
        expect(last?.attempt).toBe(2);
        expect(last?.replayed).toBe(false);
        expect(consumer.names.at(-1)).toBe('a2');
        await more(opened.store, 'b');
        await consumer.ack('b1');
        await consumer.got(6);
        await consumer.ack('a2');
        await consumer.got(7);
        expect(consumer.names.slice(4)).toEqual(['a2', 'b2', 'a3']);
        expect(consumer.deliveries.at(-1)?.attempt).toBe(1);
        await consumer.ack('a3', 'b2');
        await lagsNot(opened);
      }),
    );

    it(
      'waits as long as the consumer says',
      withGroups(async (opened) => {
        const consumer = await begun(opened);
        await consumer.membership.nack({
          position: consumer.position('a1'),
          action: { kind: 'RETRY', afterMs: 3_600_000 },
        });
        await sleep(50);
        await consumer.got(4);
      }),
    );

    it(
      'is parked when it was tried often enough, with its stream and nothing else',
      withGroups(async (opened) => {
        const consumer = await begun(opened, 2);
        await consumer.membership.nack({ position: consumer.position('a1'), reason: 'once' });
        await consumer.got(5);
        await consumer.membership.nack({ position: consumer.position('a1'), reason: 'twice' });
        expect(await parked(opened)).toEqual([
          { of: 'a1', attempts: 2, eventType: 'Happened', reason: 'twice', replaying: false },
        ]);
        expect((await opened.groups.get('g')).parked).toBe(1n);
        consumer.answerAll();
        for (const id of ['a', 'b']) await more(opened.store, id);
        await consumer.got(6);
        expect(consumer.names.at(-1)).toBe('b2');
        await lagsNot(opened);
      }),
    );

    it(
      'is left out, if the consumer says so',
      withGroups(async (opened) => {
        const consumer = await begun(opened);
        await consumer.membership.nack({ position: consumer.position('a2'), action: { kind: 'SKIP' } });
        await consumer.got(5);
        expect(consumer.names.at(-1)).toBe('a3');
        await consumer.ack('a3', 'b1');
        await lagsNot(opened);
        expect(await parked(opened)).toEqual([]);
      }),
    );
  });

  describe('a stream that is parked', () => {
    const parkedAt = async (opened: OpenGroups, name: string) => {
      const consumer = await begun(opened);
      await consumer.membership.nack({ position: consumer.position(name), action: { kind: 'PARK' } });
      await more(opened.store, 'a');
      consumer.answerAll();
      await lagsNot(opened);
      return consumer;
    };

    it(
      'is replayed in order, with what came meanwhile, and then goes on live',
      withGroups(async (opened) => {
        const consumer = await parkedAt(opened, 'a2');
        expect(await opened.groups.replayParked({ group: 'g' })).toBe(1n);
        await consumer.got(7);
        expect(consumer.names.slice(4)).toEqual(['a2', 'a3', 'a4']);
        expect(consumer.deliveries.at(-1)?.replayed).toBe(true);
        await eventually(framework, 'nothing is parked', async () => (await parked(opened)).length === 0);
        await more(opened.store, 'a');
        await consumer.got(8);
        expect(consumer.names.at(-1)).toBe('a5');
        expect(consumer.deliveries.at(-1)?.replayed).toBe(false);
      }),
    );

    it(
      'is replayed without the event that could not be handled',
      withGroups(async (opened) => {
        const consumer = await parkedAt(opened, 'a2');
        expect(await opened.groups.replayParked({ group: 'g', stream: thing('b') })).toBe(0n);
        expect(await opened.groups.replayParked({ group: 'g', stream: thing('a'), skipFirst: true })).toBe(
          1n,
        );
        await consumer.got(6);
        expect(consumer.names.slice(4)).toEqual(['a3', 'a4']);
        await eventually(framework, 'nothing is parked', async () => (await parked(opened)).length === 0);
      }),
    );

    it(
      'is parked again where the replay fails',
      withGroups(async (opened) => {
        const first = await parkedAt(opened, 'a2');
        await first.membership.leave();
        const consumer = await TestConsumer.join(framework, opened.groups, { group: 'g' });
        await opened.groups.replayParked({ group: 'g' });
        await consumer.got(3);
        await consumer.membership.nack({ position: consumer.position('a3'), action: { kind: 'PARK' } });
        expect(await parked(opened)).toEqual([
          { of: 'a3', attempts: 1, eventType: 'Happened', reason: '', replaying: false },
        ]);
        consumer.answerAll();
        await opened.groups.replayParked({ group: 'g' });
        await consumer.got(5);
        expect(consumer.names).toEqual(['a2', 'a3', 'a4', 'a3', 'a4']);
      }),
    );

    it(
      'is forgotten when the group is reset',
      withGroups(async (opened) => {
        const consumer = await parkedAt(opened, 'a2');
        await opened.groups.reset({ name: 'g', start: { kind: 'AFTER', after: { position: 2n } } });
        await consumer.got(7);
        expect(consumer.names.slice(4).toSorted()).toEqual(['a3', 'a4', 'b1']);
        expect(await parked(opened)).toEqual([]);
      }),
    );
  });
}
